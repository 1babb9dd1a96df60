"""The fobadiffusion pipeline of the committed config at a table's size, and its masks of held-out photos."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_gen.datasets.concept_scenes import write_concept_scenes
from mmseg_gen.datasets.image_reading import read_image
from mmseg_gen.engine.concepts.photos import list_photos
from mmseg_gen.engine.concepts.preliminary import label_preliminary
from mmseg_gen.engine.concepts.refinement import label_refined, read_labels
from mmseg_gen.engine.concepts.run import UNET_BOTH, UNET_DS, ConceptRun, run_stages, trained_segmentors
from mmseg_gen.engine.concepts.segmentor import train_segmentor
from mmseg_gen.functional.photo_records import FOUND, PhotoRecord
from mmseg_gen.generators.sources import EMBEDDED
from mmseg_gen.tables.configs import load_config
from mmseg_gen.tables.context import Context, short_hash
from mmseg_gen.tables.contract import Scores
from mmseg_gen.tables.scoring import mask_scores

CONFIG, CLASS = 'embedded_fobadiffusion.py', 'bird'


class Pipeline:
    """A run of ``configs/embedded_fobadiffusion.py`` with other numbers.

    Args:
        context: Gives the folder.
        photos: Photos without masks that are learnt from.
        test: Held-out photos that every step is judged on.
        iterations: Of the fine-tuning.
        made: Generated images.
    """

    def __init__(self, context: Context, *, photos: int, test: int, iterations: int, made: int) -> None:
        config = load_config(CONFIG)
        self.identity = dict(photos=photos, test=test, iterations=iterations, made=made, config=_identity(config))
        root = context.shared('concepts', '-'.join(map(str, self.identity.values())))
        own, held_out = (
            write_concept_scenes(root / name, count, classes=[CLASS], split=split)
            for name, count, split in (('photos', photos, 'train'), ('test_photos', test, 'test'))
        )
        config.concept.update(photos=str(own[0]), truth=None, test=dict(photos=str(held_out[0])))
        config.concept.synthesis.num_samples = made
        config.train_cfg.max_iters = iterations
        config.default_hooks.checkpoint.interval = min(100, iterations)
        config.work_dir = str(root)
        self.run, self.truth = ConceptRun.of(config), held_out[1]
        self.photos = list_photos(held_out[0])

    def stages(self, *names: str) -> None:
        """Do stages that are not finished."""
        run_stages(self.run, names)

    def scores(self, labels: Mapping[str, np.ndarray]) -> Scores:
        """Return the scores of label maps of the held-out photos by name; those without one are background."""
        truths = [read_labels(self.truth / f'{photo.name}.png') > 0 for photo in self.photos]
        found = [labels.get(p.name, np.zeros(t.shape)) > 0 for p, t in zip(self.photos, truths, strict=True)]
        return mask_scores(found, truths)

    @cached_property
    def preliminary(self) -> dict[str, PhotoRecord]:
        """Preliminary masks of the held-out photos."""
        return label_preliminary(self.photos, self.run.settings, self.run.test / 'preliminary')

    def preliminary_scores(self) -> Scores:
        """Return the scores of the preliminary masks."""
        return self.scores(_labels(self.preliminary, self.run.test / 'preliminary'))

    def refined_scores(self, folder: str, generator: Path | None, **changes: Any) -> Scores:
        """Return the scores of refined masks.

        Args:
            folder: Where to write them, below the test folder.
            generator: What paints; None for the embedded model.
            **changes: Of the settings of refinement.
        """
        self.preliminary  # noqa: B018  (refined from these)
        settings = replace(self.run.settings, refine=replace(self.run.settings.refine, **changes))
        records = label_refined(
            self.run.test / 'preliminary',
            settings,
            self.run.test / folder,
            photos=self.photos,
            generator=generator,
            identity={'painter': EMBEDDED if generator is None else 'fine-tuned'},
        )
        return self.scores(_labels(records, self.run.test / folder))

    def segmentor_scores(self, name: str) -> Scores:
        """Return the scores of a U-Net: ``UNET_DS``, ``UNET_BOTH``, or 'unet_preliminary'."""
        if name in (UNET_DS, UNET_BOTH):
            self.stages('preliminary', 'distill', 'refined', 'synthetic')
            labels = trained_segmentors(self.run)[name]
        else:
            self.stages('preliminary')
            config = self.run.segmentor_config()
            labels = train_segmentor(config, self.run.settings, self.run.root / name, self.run.preliminary)
        return self.scores({photo.name: labels(photo.path) for photo in self.photos})


def _identity(config: Any) -> str:
    both = [config.to_dict(), load_config(config.concept.segmentor).to_dict()]
    return short_hash(json.dumps(both, sort_keys=True, default=str))


def _labels(records: Mapping[str, PhotoRecord], root: Path) -> dict[str, np.ndarray]:
    return {name: read_labels(r.path(root, 'mask')) for name, r in records.items() if r.outcome == FOUND}


def photo_pixels(paths: Sequence[Path]) -> list[np.ndarray]:
    """Return photos, RGB uint8 ``(H, W, 3)``."""
    return [read_image(path) for path in paths]
