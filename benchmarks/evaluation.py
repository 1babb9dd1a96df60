"""Time the scoring of label maps against reading them from PNG files, side by side in one run.

    python benchmarks/evaluation.py                     # 500 x 375 pixels, 21 classes, aim: ratio <= 1.1
    python benchmarks/evaluation.py --masks VOCdevkit/VOC2012/SegmentationClass

Prints one JSON line for each case. The floor is reading truth and prediction with Pillow alone, one after the other,
without a single check; ours is the same plus `ClassIoUMetric`. `photo` reads a JPEG of the same size too, as every
evaluation of a model does. Processor time: other programs on the machine do not count, but what they evict from the
caches does.

`tool` is what `tools/evaluate_masks.py` calls, with its search for files, its checks and its samples, in processor
time, and `tool, wall` the same in wall time. `read ahead` is wall time too, of scoring while the next files are read in
a thread, as the tool does: it needs a second core that is idle, and the aim is for this case. Its `ratio_same_way` is
over reading in a thread without scoring.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from mmseg_gen.evaluation import ClassIoUMetric
from mmseg_gen.evaluation.reading_ahead import read_ahead
from mmseg_gen.evaluation.stored_masks import evaluate_masks
from mmseg_gen.evaluation.truth_sets import TruthSet, open_mask_folder
from mmseg_gen.functional.palette import voc_palette

AIM = 1.1
SIZE, CLASSES, IMAGES = (375, 500), 21, 40
# How often the files are gone through in one timed call, in wall time: what starting and ending take is shared.
TIMES = 3
# How the labels reach the metric (as read, or as MMSegmentation's pipelines pack them), and whether a photo is read.
CASES = {'masks': (np.uint8, False), 'masks int64': (np.int64, False), 'photo': (np.uint8, True)}

Files = Sequence[tuple[Path, Path, Path]]


def main() -> int:
    """Run the benchmark; exit 1 if the aim is missed for masks alone, read ahead."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--masks', type=Path, help='folder of label maps to take in place of drawn ones')
    parser.add_argument('--repeats', type=int, default=15, help='timed pairs (%(default)s)')
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder), args.masks)
        rows = {case: measure(files, *settings, args.repeats) for case, settings in CASES.items()}
        rows |= measure_tool(files, args.repeats)
        rows['read ahead'] = measure_ahead(files, args.repeats)
    for case, row in rows.items():
        content = {'benchmark': 'evaluation', 'case': case, 'images': len(files), **row, 'aim': AIM}
        sys.stdout.write(json.dumps(content) + '\n')
    return int(rows['read ahead']['ratio'] > AIM)


def write_files(folder: Path, masks: Path | None) -> list[tuple[Path, Path, Path]]:
    """Write truth and prediction as palette PNGs and a photo as JPEG, and return their paths."""
    truths = [draw_truth(seed) for seed in range(IMAGES)]
    if masks is not None:
        truths = [np.array(Image.open(path)) for path in sorted(masks.glob('*.png'))[:IMAGES]]
    triples = []
    for name in ('truth', 'prediction', 'photo'):
        (folder / name).mkdir()
    for index, truth in enumerate(truths):
        paths = folder / 'truth' / f'{index}.png', folder / 'prediction' / f'{index}.png'
        for path, labels in zip(paths, (truth, draw_prediction(truth, index)), strict=True):
            image = Image.fromarray(labels)
            image.putpalette(voc_palette().ravel().tolist())
            image.save(path)
        photo = folder / 'photo' / f'{index}.jpg'
        Image.fromarray(draw_photo(truth, index)).save(photo, quality=90)
        triples.append((*paths, photo))
    return triples


def draw_truth(seed: int) -> np.ndarray:
    """Return a label map with three smooth objects and void along their borders, uint8 ``(375, 500)``."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(SIZE, np.uint8)
    for _ in range(3):
        field = cv2.GaussianBlur(rng.normal(size=SIZE).astype(np.float32), (0, 0), 30)
        shape = (field > np.quantile(field, 0.9)).astype(np.uint8)
        border = cv2.morphologyEx(shape, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
        labels[shape > 0] = rng.integers(1, CLASSES)
        labels[border > 0] = 255
    return labels


def draw_prediction(truth: np.ndarray, seed: int) -> np.ndarray:
    """Return labels as a network at an eighth of the resolution would: borders moved, some regions wrong."""
    rng = np.random.default_rng(seed)
    labels = np.where(truth == 255, 0, truth)
    size = (truth.shape[1] // 8, truth.shape[0] // 8)
    scores = np.stack(
        [
            cv2.resize((labels == c).astype(np.float32), size, interpolation=cv2.INTER_AREA)
            + cv2.GaussianBlur(rng.normal(0, 0.8, size[::-1]).astype(np.float32), (0, 0), 1.5)
            for c in np.unique(labels)
        ]
    )
    large = np.stack([cv2.resize(s, truth.shape[::-1], interpolation=cv2.INTER_LINEAR) for s in scores])
    return np.unique(labels)[large.argmax(0)].astype(np.uint8)


def draw_photo(truth: np.ndarray, seed: int) -> np.ndarray:
    """Return a picture with a texture for each label, uint8 ``(H, W, 3)``."""
    rng = np.random.default_rng(seed)
    colors = rng.integers(40, 216, (256, 3))
    texture = cv2.GaussianBlur(rng.normal(0, 60, (*truth.shape, 3)).astype(np.float32), (0, 0), 1.2)
    return np.clip(colors[truth] + texture, 0, 255).astype(np.uint8)


def measure(files: Files, dtype: type, photo: bool, repeats: int) -> dict[str, float]:
    """Return the least times of an image in ms and the median of the paired ratios."""
    both = [[seconds(files, dtype, photo=photo, score=score) for score in (False, True)] for _ in range(repeats + 1)]
    return summary(both[1:], len(files))  # the first pair warms up


def measure_tool(files: Files, repeats: int) -> dict[str, dict[str, float]]:
    """Return the same of the tool's own function, in processor time and in wall time."""
    truth = open_mask_folder(files[0][0].parent, tuple(map(str, range(CLASSES))))
    # As the set-up of VOC says, which lets the palettes be checked too.
    truth.metainfo['palette'] = voc_palette()[:CLASSES].tolist()
    both = [[tool_seconds(files, truth, score=score) for score in (False, True)] for _ in range(repeats + 1)]
    processor, wall = ([[row[kind] for row in pair] for pair in both[1:]] for kind in (0, 1))
    return {'tool': summary(processor, len(files)), 'tool, wall': summary(wall, len(files))}


def tool_seconds(files: Files, truth: TruthSet, *, score: bool) -> tuple[float, float]:
    """Return processor and wall time of reading all masks, or of the tool."""
    processor, wall = time.process_time(), time.perf_counter()
    if score:
        evaluate_masks(files[0][1].parent, truth, metrics=['ClassIoUMetric'])
    else:
        for triple in files:
            read_pair(triple)
    return time.process_time() - processor, time.perf_counter() - wall


def measure_ahead(files: Files, repeats: int) -> dict[str, float]:
    """Return the same in wall time, of reading alone and of scoring with the next files read in a thread."""
    modes = ((False, False), (True, True), (True, False))
    rows = [[wall_seconds(files * TIMES, ahead=a, score=s) for a, s in modes] for _ in range(repeats + 1)]
    same = statistics.median(ours / reading for _, ours, reading in rows[1:])
    return {**summary([row[:2] for row in rows[1:]], len(files) * TIMES), 'ratio_same_way': round(same, 3)}


def summary(pairs: Sequence[Sequence[float]], images: int) -> dict[str, float]:
    """Return the least times of an image in ms and the median of the paired ratios."""
    floors, ours = zip(*pairs, strict=True)
    return {
        'reading_ms': round(min(floors) / images * 1e3, 3),
        'reading_and_scoring_ms': round(min(ours) / images * 1e3, 3),
        'ratio': round(statistics.median(b / a for a, b in pairs), 3),
        'ratio_of_least': round(min(ours) / min(floors), 3),
    }


def seconds(files: Files, dtype: type, *, photo: bool, score: bool) -> float:
    """Return the processor time of going through all files once."""
    metric = new_metric()
    start = time.process_time()
    for *paths, picture in files:
        if photo:
            read(picture)
        truth, prediction = (read(path).astype(dtype, copy=False) for path in paths)
        if score:
            score_pair(metric, truth, prediction)
    if score:
        metric.evaluate(len(files))
    return time.process_time() - start


def wall_seconds(files: Files, *, ahead: bool, score: bool) -> float:
    """Return the wall time of reading the masks one after the other or ahead in a thread, scored or not."""
    metric = new_metric()
    start = time.perf_counter()
    for sample in read_ahead(files, read_sample) if ahead else map(read_sample, files):
        if score:
            metric.process({}, [sample])
    if score:
        metric.evaluate(len(files))
    return time.perf_counter() - start


def new_metric() -> ClassIoUMetric:
    """Return an empty metric that knows the classes."""
    metric = ClassIoUMetric()
    metric.dataset_meta = {'classes': tuple(map(str, range(CLASSES)))}
    return metric


def score_pair(metric: ClassIoUMetric, truth: np.ndarray, prediction: np.ndarray) -> None:
    """Score one image."""
    metric.process({}, [as_sample(truth, prediction)])


def as_sample(truth: np.ndarray, prediction: np.ndarray) -> dict[str, dict[str, torch.Tensor]]:
    """Return what a metric is handed."""
    pairs = {'gt_sem_seg': truth, 'pred_sem_seg': prediction}
    return {key: {'data': torch.from_numpy(labels[None])} for key, labels in pairs.items()}


def read_sample(triple: tuple[Path, Path, Path]) -> dict[str, dict[str, torch.Tensor]]:
    """Return one image as a metric is handed it."""
    return as_sample(*read_pair(triple))


def read_pair(triple: tuple[Path, Path, Path]) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and prediction of one image."""
    return read(triple[0]), read(triple[1])


def read(path: Path) -> np.ndarray:
    """Return the pixels of a file."""
    with Image.open(path) as image:
        return np.array(image)


if __name__ == '__main__':
    sys.exit(main())
