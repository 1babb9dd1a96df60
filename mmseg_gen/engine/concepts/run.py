"""The whole pipeline of a config, stage by stage; each goes on where it was killed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_gen.engine.concepts.photos import Photo, list_photos
from mmseg_gen.engine.concepts.preliminary import label_preliminary
from mmseg_gen.engine.concepts.records import has_begun
from mmseg_gen.engine.concepts.refinement import label_refined
from mmseg_gen.engine.concepts.segmentor import train_segmentor
from mmseg_gen.engine.concepts.settings import ConceptSettings
from mmseg_gen.engine.config_file import read_config
from mmseg_gen.errors import UserError
from mmseg_gen.functional.photo_records import FOUND, PhotoRecord, outcome_counts

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmseg_gen.engine.pseudo_labels import PseudoLabels

STAGES = ('preliminary', 'distill', 'refined', 'synthetic', 'segmentors', 'test')
UNET_DS, UNET_BOTH = 'unet_ds', 'unet_ds_dds'


@dataclass(frozen=True)
class ConceptRun:
    """A run: what is asked for, and where it lies.

    Attributes:
        config: The whole config.
        settings: Its ``concept`` section.
        root: Work folder.
    """

    config: Config
    settings: ConceptSettings
    root: Path

    @classmethod
    def of(cls, config: Config) -> ConceptRun:
        """Return the run of a config with ``concept`` and ``work_dir``.

        Raises:
            UserError: One is missing, or a setting is wrong.
        """
        if not isinstance(config.get('concept'), dict) or config.get('work_dir') is None:
            raise UserError(
                'Expected the config to have `concept = dict(...)` and `work_dir`; see configs/fobadiffusion_cub.py.'
            )
        return cls(config, ConceptSettings.from_dict(config.concept.to_dict()), Path(config.work_dir))

    @property
    def preliminary(self) -> Path:
        """Folder of the preliminary masks."""
        return self.root / 'preliminary'

    @property
    def refined(self) -> Path:
        """Folder of the refined masks, the set D_s."""
        return self.root / 'refined'

    @property
    def synthetic(self) -> Path:
        """Folder of the set D'_s."""
        return self.root / 'synthetic'

    @property
    def test(self) -> Path:
        """Folder of the masks of the test photos."""
        return self.root / 'test'

    @property
    def fine_tuned(self) -> bool:
        """Whether the config has a model to fine-tune; without one the run's generator paints."""
        return self.config.get('model') is not None

    @property
    def generator(self) -> Path | None:
        """Folder of the fine-tuned model; None where the run's own paints."""
        return self.root / 'distilled' / 'generator' if self.fine_tuned else None

    def photos(self) -> list[Photo]:
        """Return the photos, sorted by name."""
        return list_photos(self.settings.photos)

    def segmentor_config(self) -> Config | None:
        """Return the config of the segmentor; None where there is none.

        Raises:
            UserError: There is no such file, or it does not load.
        """
        if self.settings.segmentor is None:
            return None
        here = Path(self.settings.segmentor)
        beside = Path(self.config.filename or '.').parent / here
        for path in (beside, here):
            if path.is_file():
                return read_config(path)
        raise UserError(f'Expected `concept.segmentor` to be a config beside that of the run, but there is no {here}.')


def run_stages(run: ConceptRun, stages: Sequence[str] = STAGES, *, resume: bool = True) -> None:
    """Do the stages of a run in their order; what is finished is not done again.

    Args:
        run: The run.
        stages: Names from ``STAGES``.
        resume: Whether a work folder with results may be gone on with.

    Raises:
        UserError: A stage is unknown, an earlier one is missing, the folder has results that were not to be resumed, or
            the segmentor's config or the test photos are not there.
    """
    wrong = sorted(set(stages) - set(STAGES))
    if wrong or not stages:
        raise UserError(f'Expected stages from {", ".join(STAGES)}, but got {", ".join(wrong) or "none"}.')
    if not resume and has_begun(run.preliminary):
        raise UserError(f'Expected {run.root} to be new, but it has results; add --resume, or choose another folder.')
    _look_ahead(run, stages)
    run.root.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger('mmseg_gen')
    for name in [stage for stage in STAGES if stage in stages]:
        logger.info('Stage %s in %s', name, run.root)
        _STAGES[name](run, logger)


def _look_ahead(run: ConceptRun, stages: Sequence[str]) -> None:
    """Look for what only the last stages need, so that it is not missed after the hours of the first."""
    if 'segmentors' in stages:
        run.segmentor_config()
    if 'test' in stages and run.settings.test is not None:
        list_photos(run.settings.test['photos'])


def _preliminary(run: ConceptRun, logger: logging.Logger) -> None:
    records = label_preliminary(run.photos(), run.settings, run.preliminary)
    _tell(records, run.preliminary, logger)


def _distill(run: ConceptRun, logger: logging.Logger) -> None:
    if not run.fine_tuned:
        logger.info('The config has no `model`: %s paints as it is.', run.settings.generator)
        return
    from mmseg_gen.engine.distillation import distill

    distill(run.config, True)


def _refined(run: ConceptRun, logger: logging.Logger) -> None:
    _require_generator(run)
    records = label_refined(
        run.preliminary, run.settings, run.refined, photos=run.photos(), generator=run.generator, identity=_painter(run)
    )
    _tell(records, run.refined, logger)


def _synthetic(run: ConceptRun, logger: logging.Logger) -> None:
    if not run.settings.synthesis.num_samples:
        logger.info("`concept.synthesis.num_samples` is 0: no set D'_s.")
        return
    from mmseg_gen.engine.concepts.painting import paint_set

    _require_generator(run)
    paint_set(run.settings, run.synthetic, run.generator)


def _segmentors(run: ConceptRun, logger: logging.Logger) -> None:
    if not trained_segmentors(run):
        logger.info('The config has no `concept.segmentor`: nothing is trained on the masks.')


def trained_segmentors(run: ConceptRun) -> dict[str, PseudoLabels]:
    """Return the segmentors of a run by folder, trained where they are not yet.

    Raises:
        UserError: The refined masks are missing.
    """
    config = run.segmentor_config()
    if config is None:
        return {}
    if not (run.refined / 'manifest.jsonl').is_file():
        raise UserError(f'Expected refined masks in {run.refined}, but there are none; run the stage `refined` first.')
    found = {UNET_DS: train_segmentor(config, run.settings, run.root / UNET_DS, run.refined)}
    if run.settings.synthesis.num_samples:
        found[UNET_BOTH] = train_segmentor(config, run.settings, run.root / UNET_BOTH, run.refined, run.synthetic)
    return found


def _test(run: ConceptRun, logger: logging.Logger) -> None:
    if run.settings.test is None:
        return
    _require_generator(run)
    photos, folder = list_photos(run.settings.test['photos']), run.test / 'preliminary'
    _tell(label_preliminary(photos, run.settings, folder), folder, logger)
    label_refined(
        folder,
        run.settings,
        run.test / 'refined',
        photos=photos,
        generator=run.generator,
        identity=_painter(run),
    )


def _require_generator(run: ConceptRun) -> None:
    if run.generator is not None and not run.generator.is_dir():
        raise UserError(f'Expected the fine-tuned model in {run.generator}; run the stage `distill` first.')


def _painter(run: ConceptRun) -> dict[str, str]:
    return {'painter': 'fine-tuned' if run.fine_tuned else run.settings.generator}


def _tell(records: dict[str, PhotoRecord], folder: Path, logger: logging.Logger) -> None:
    counts = outcome_counts(records.values())
    logger.info('%s: %s', folder, ', '.join(f'{count} {name}' for name, count in counts.items()))
    if not counts.get(FOUND):
        raise UserError(
            f'Expected at least one photo with a mask in {folder}, but got '
            f'{", ".join(f"{count} {name}" for name, count in counts.items())}; check that the photos show the object '
            'and that the prompt names it.'
        )


_STAGES = {
    'preliminary': _preliminary,
    'distill': _distill,
    'refined': _refined,
    'synthetic': _synthetic,
    'segmentors': _segmentors,
    'test': _test,
}
__all__ = ['STAGES', 'ConceptRun', 'run_stages', 'trained_segmentors']
