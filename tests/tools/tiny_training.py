"""A training that takes seconds: a config, its data sets, and the tools as functions."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np

from mmseg_gen.functional.manifest import Entry, entry_to_line

ROOT = Path(__file__).resolve().parents[2]
SIDE = 16
TINY = """
_base_ = ['{root}/configs/embedded_diffusionseg.py']
work_dir = '{folder}/work'
synthesis = dict(output='{folder}/synthetic', num_samples=4)
train_dataloader = dict(batch_size=2, dataset=dict(data_root='{folder}/synthetic'))
test_dataloader = dict(batch_size=1, dataset=dict(data_root='{folder}/DUTS'))
data_preprocessor = dict(size=({side}, {side}))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        generator='{folder}/tiny', steps=1, blocks='encoder', prior=dict(_delete_=True, classes=['cat', 'dog'])
    ),
    decode_head=dict(in_channels=[16, 32], widths=(8, 4)),
)
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=3), logger=dict(interval=1))
"""


def tool(name: str):
    spec = importlib.util.spec_from_file_location(f'tool_{name}', ROOT / 'tools' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def picture(index: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(index)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[4 : 8 + index, 3:12] = 255
    image = rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    image[mask > 0] = 200
    return image, mask


def write_duts(root: Path, count: int = 3) -> None:
    for kind in ('Image', 'Mask'):
        (root / 'DUTS-TE' / f'DUTS-TE-{kind}').mkdir(parents=True)
    for i in range(count):
        image, mask = picture(i)
        cv2.imwrite(str(root / 'DUTS-TE' / 'DUTS-TE-Image' / f'p{i}.png'), image)
        cv2.imwrite(str(root / 'DUTS-TE' / 'DUTS-TE-Mask' / f'p{i}.png'), mask)


def write_synthetic(root: Path, count: int = 4) -> None:
    lines = []
    for i in range(count):
        files = {}
        for kind, array in zip(('image', 'mask'), picture(i), strict=True):
            path = root / f'{kind}s' / f'{i:06d}_cat.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), array)
            files[kind] = (str(path.relative_to(root)), path.stat().st_size)
        measures = dict(area=0.2, uncertainty=0.1)
        lines.append(entry_to_line(Entry(i, f'{i:06d}_cat', 'cat', 'a cat', i, files=files, measures=measures)))
    (root / 'manifest.jsonl').write_text(''.join(lines))


def write_config(folder: Path, name: str) -> Path:
    path = folder / f'{name}.py'
    path.write_text(TINY.format(root=ROOT, folder=folder, name=name, side=SIDE))
    return path
