"""The segmentors that learn from the masks of a run, by a config of MMSegmentation (fobadiffusion, App. A)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.engine.concepts.stage import claim_stage
from mmseg_gen.engine.launch import find_checkpoint, known_types_only
from mmseg_gen.engine.pseudo_labels import PseudoLabels
from mmseg_gen.engine.run_name import name_run
from mmseg_gen.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

_CONFIG, _LABEL_MAPS = 'segmentor.py', 'label_maps'


def train_segmentor(
    config: Config, settings: ConceptSettings, folder: Path, refined: Path, synthetic: Path | None = None
) -> PseudoLabels:
    """Train a segmentor on refined masks, with the generated set too where there is one.

    Goes on from the last checkpoint; a finished training is not repeated.

    Args:
        config: Config of MMSegmentation; its training set is replaced, the pipeline stays.
        settings: Of the run.
        folder: Work folder.
        refined: Folder of refined masks, the set D_s.
        synthetic: Folder of the set D'_s.

    Returns:
        The trained model, as a function from an image file to its label map.

    Raises:
        UserError: The config has no training set, or no photo has a mask.
    """
    from mmengine.runner import Runner

    import mmseg_gen.datasets  # noqa: F401  (registers the sets of photos)

    own = training_config(config, settings, folder, refined, synthetic)
    claim_stage(folder, {'model': own.model.to_dict(), 'train_cfg': own.train_cfg.to_dict()})
    last = folder / f'iter_{own.train_cfg.max_iters}.pth'
    if not last.is_file():
        with known_types_only():
            Runner.from_cfg(own).train()
    own.dump(str(folder / _CONFIG))
    device = settings.device or _default_device()
    return PseudoLabels(folder / _CONFIG, find_checkpoint(str(last)), folder / _LABEL_MAPS, device=device)


def training_config(
    config: Config, settings: ConceptSettings, folder: Path, refined: Path, synthetic: Path | None
) -> Config:
    """Return the config that trains on the masks of a run; arguments as in :func:`train_segmentor`."""
    from mmengine.config import Config

    own = Config(config.to_dict())
    loader = own.get('train_dataloader')
    if loader is None or 'dataset' not in loader or own.get('train_cfg') is None:
        raise UserError('Expected the config of `concept.segmentor` to have `train_dataloader` and `train_cfg`.')
    pipeline, words = loader.dataset.pipeline, [words[0] for words in settings.concepts]
    # Sets that are trained on together must name their classes alike, and generated ones go by the prompt's words.
    classes = ['background', *words] if len(words) > 1 else ['background', 'foreground']
    sets: list[dict[str, Any]] = [
        dict(type='LabelledPhotosDataset', data_root=str(refined), classes=classes, pipeline=pipeline)
    ]
    if synthetic is not None:
        sets.append(dict(type='SyntheticDataset', data_root=str(synthetic), pipeline=pipeline))
    loader.dataset = sets[0] if len(sets) == 1 else dict(type='ConcatDataset', datasets=sets)
    own.work_dir, own.resume = str(folder), True
    name_run(own, folder.name)
    return own


def _default_device() -> str:
    import torch

    return 'cuda' if torch.cuda.is_available() else 'cpu'
