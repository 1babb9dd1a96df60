"""Segmentors trained for tables on images of the embedded StyleGAN2, each once, and judged on rendered cats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_gen.datasets.cat_photos import cat_photo, write_cat_photos
from mmseg_gen.engine.style_pairs import content_styles
from mmseg_gen.functional.array_files import write_array
from mmseg_gen.functional.manifest import KEPT, read_manifest
from mmseg_gen.functional.writing import encode_png, write_bytes
from mmseg_gen.generators.embedded.gan_masks import exact_masks
from mmseg_gen.generators.stylegan2 import load_stylegan2
from mmseg_gen.tables.configs import load_config
from mmseg_gen.tables.context import Context, short_hash, slug
from mmseg_gen.tables.segmentors import grow_set, train_and_predict
from mmseg_gen.tables.style_mixing import CONFIG, gan_digest

KINDS = ('style-mixed', 'exact', 'photographs')


def generated_set(context: Context, count: int) -> Path:
    """Return the folder of a set by style mixing with at least ``count`` kept samples, made where missing.

    Args:
        context: Gives the folder.
        count: Samples to train on.
    """
    from mmengine.config import Config

    config = Config(dict(synthesis=load_config(CONFIG).synthesis.to_dict()))
    identity = json.dumps(config.to_dict(), sort_keys=True, default=str)
    folder = context.shared('stylemix', gan_digest()[:12], short_hash(identity))
    return grow_set(config, folder, count, 20)


def exact_set(generated: Path, count: int) -> Path:
    """Return a folder with the first images of a generated set and their exact masks, for ``FolderDataset``."""
    section = load_config(CONFIG).synthesis
    model, root = load_stylegan2('embedded'), generated.with_name(f'{generated.name}_exact_{count}')
    for kind in ('images', 'masks'):
        (root / kind).mkdir(parents=True, exist_ok=True)
    for entry in [e for e in read_manifest(generated) if e.status == KEPT][:count]:
        image, mask = (root / kind / f'{entry.name}.png' for kind in ('images', 'masks'))
        if image.is_file():
            continue
        styles = content_styles(model, entry.seed, section.generator.truncation)
        write_bytes(mask, encode_png(exact_masks(styles)[0].numpy() * np.uint8(255)))
        write_bytes(image, (generated / entry.files['image'][0]).read_bytes())
    return root


def predictions(
    context: Context, config: str, kind: str, pairs: int, iterations: int, count: int, seed: int = 0
) -> list[np.ndarray]:
    """Return a segmentor's masks of the held-out cats, bool ``(H, W)`` each; trained where no run has done so.

    Args:
        context: Gives the folder.
        config: Name of a config.
        kind: What it learns from: 'style-mixed', 'exact' (the same images with exact masks), or 'photographs' (rendered
            cats with exact masks).
        pairs: Training pairs.
        iterations: Training iterations.
        count: Number of held-out cats.
        seed: Of the training.
    """
    identity = json.dumps([config, kind, pairs, iterations, seed, gan_digest()])
    folder = context.shared('trained', f'{slug(Path(config).stem)}-{kind}-{short_hash(identity)}')
    stored = folder / f'{count}_predictions.npy'
    if not stored.is_file():
        dataset = _training_set(context, kind, pairs)
        write_array(stored, _train(context, config, dataset, folder, iterations, count, seed))
    return list(np.load(stored, allow_pickle=False))


def held_out_masks(count: int) -> list[np.ndarray]:
    """Return the exact masks of the held-out cats, bool ``(H, W)`` each."""
    return [cat_photo(number)[1] > 0 for number in range(count)]


def _training_set(context: Context, kind: str, pairs: int) -> dict[str, Any]:
    if kind == 'photographs':
        root = context.shared('cats')
        write_cat_photos(root, pairs, split='train')
        prefix = dict(img_path='train/images', seg_map_path='train/masks')
        return dict(type='FolderDataset', data_root=str(root), data_prefix=prefix, indices=pairs)
    root = generated_set(context, pairs)
    if kind == 'exact':
        return dict(type='FolderDataset', data_root=str(exact_set(root, pairs)), indices=pairs)
    return dict(type='SyntheticDataset', data_root=str(root), drop_uncertain_share=0.0, indices=pairs)


def _train(
    context: Context, name: str, dataset: Mapping[str, Any], folder: Path, iterations: int, count: int, seed: int
) -> np.ndarray:
    test_root = context.shared('cats')
    write_cat_photos(test_root, count)
    config = load_config(name)
    config.randomness = dict(seed=seed)
    config.train_dataloader.dataset = {**dataset, 'pipeline': config.train_dataloader.dataset.pipeline}
    return train_and_predict(config, folder, iterations, test_root, count)
