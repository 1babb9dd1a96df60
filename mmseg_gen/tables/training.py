"""Segmentors trained for tables through MMEngine's Runner, each once; and the sets that they learn from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_gen.datasets.scenes import write_duts_scenes
from mmseg_gen.evaluation.training_free import LabelledImage
from mmseg_gen.functional.array_files import write_arrays
from mmseg_gen.tables.configs import load_config
from mmseg_gen.tables.context import Context, short_hash, slug
from mmseg_gen.tables.scenes import labelled_scenes
from mmseg_gen.tables.segmentors import grow_set, train_and_predict

_PREDICTIONS = 'predictions.npz'
_DIFFUSION = 'embedded_diffusionseg.py'


@dataclass(frozen=True)
class Training:
    """What a segmentor is and what it learns from.

    Attributes:
        config: Name of a config.
        pairs: The first so many of the training set.
        iterations: Training iterations.
        real: Whether it learns from rendered scenes with their exact masks (the embedded world's photographs with
            annotations) instead of generated ones with AttentionCut's.
        synthesis: Changes of the ``synthesis`` section, for another generated set.
        model: Changes of the ``model`` section.
    """

    config: str
    pairs: int
    iterations: int
    real: bool = False
    synthesis: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)


def synthetic_set(context: Context, count: int, changes: Mapping[str, Any] | None = None) -> Path:
    """Return the folder of the embedded generator's set with at least ``count`` kept samples, made where missing.

    The first samples of a larger set are those of a smaller one, so all tables share one set. The most uncertain ones
    stay in: which they are would depend on how many there are.

    Args:
        context: Gives the folder.
        count: Samples to train on.
        changes: Changes of the config's ``synthesis`` section.
    """
    from mmengine.config import Config

    config = Config(dict(synthesis=load_config(_DIFFUSION).synthesis.to_dict()))
    config.merge_from_dict({'synthesis': dict(changes or {})})
    folder = context.shared('synthetic', short_hash(json.dumps(config.to_dict(), sort_keys=True, default=str)))
    return grow_set(config, folder, count, 12)


def predictions(context: Context, training: Training, scenes: Sequence[LabelledImage]) -> list[np.ndarray]:
    """Return a segmentor's masks of the held-out scenes, bool ``(H, W)`` each; trained where no run has done so.

    An interrupted training goes on from its last checkpoint.

    Args:
        context: Gives the folder.
        training: What to train.
        scenes: From :func:`~mmseg_gen.tables.scenes.labelled_scenes`; only their number counts.
    """
    identity = json.dumps(settings_of(training), sort_keys=True)
    folder = context.shared('trained', f'{slug(Path(training.config).stem)}-{short_hash(identity)}')
    stored = folder / f'{len(scenes)}_{_PREDICTIONS}'
    if not stored.is_file():
        write_arrays(stored, {'masks': _train(context, training, folder, len(scenes))})
    with np.load(stored, allow_pickle=False) as archive:
        return list(archive['masks'])


def settings_of(training: Training) -> dict[str, Any]:
    """Return a training as JSON values: the identity of its row."""
    return json.loads(json.dumps(vars(training)))


def _train(context: Context, training: Training, folder: Path, count: int) -> np.ndarray:
    test_root = context.shared('scenes')
    write_duts_scenes(test_root, count)
    config = load_config(training.config)
    config.merge_from_dict({'model': _model_changes(context, training)})
    _set_data(context, config, training)
    return train_and_predict(config, folder, training.iterations, test_root, count)


def _set_data(context: Context, config: Any, training: Training) -> None:
    pipeline = config.train_dataloader.dataset.pipeline
    if training.real:
        root = context.shared('scenes')
        write_duts_scenes(root, training.pairs, split='TR')
        dataset = dict(type='DUTSDataset', data_root=str(root), split='train', img_suffix='.png', pipeline=pipeline)
    else:
        root = synthetic_set(context, training.pairs, training.synthesis)
        dataset = dict(type='SyntheticDataset', data_root=str(root), drop_uncertain_share=0.0, pipeline=pipeline)
    config.train_dataloader.dataset = {**dataset, 'indices': training.pairs}


def _model_changes(context: Context, training: Training) -> dict[str, Any]:
    changes = dict(training.model)
    if training.config == _DIFFUSION:
        # Files outlive a process: the features of an image are computed once for all tables.
        features = {'cache_features': str(context.shared('features')), 'max_cache_mb': 8192}
        changes['backbone'] = {**features, **changes.get('backbone', {})}
    return changes


class Trained:
    """Rows of trained segmentors on held-out scenes.

    Args:
        context: The table's run.
        count: Number of scenes.
    """

    def __init__(self, context: Context, count: int) -> None:
        self.context, self.scenes = context, labelled_scenes(count)

    def row(self, name: str, training: Training):
        """Return the row of a segmentor."""
        from mmseg_gen.tables.scoring import mask_scores

        truths = [scene.mask for scene in self.scenes]
        return self.context.row(
            name,
            {'scenes': len(self.scenes), **settings_of(training)},
            lambda: mask_scores(predictions(self.context, training, self.scenes), truths),
        )
