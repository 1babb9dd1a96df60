"""The numbers of a report: by class, of the masks, and of training."""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmseg_gen.datasets.image_reading import read_image
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import KEPT, Entry
from mmseg_gen.functional.mask_statistics import DataSetStatistics, data_set_statistics, mask_statistics
from mmseg_gen.visualization.curves import plot_loss
from mmseg_gen.visualization.data_set_plots import plot_data_sets
from mmseg_gen.visualization.report_page import Part, note, plots, table
from mmseg_gen.visualization.report_pictures import Picture, data_uri
from mmseg_gen.visualization.report_samples import FAILED, read_mask

MAX_ROWS = 200
MAX_STATISTICS = 1000


def class_numbers(entries: Sequence[Entry]) -> Part:
    """Return samples and mean measures of each class, and what was dropped."""
    groups = defaultdict(list)
    for entry in entries:
        groups[entry.class_name].append(entry)
    names = sorted({name for entry in entries for name in entry.measures})
    rows = []
    for class_name, members in sorted(groups.items())[:MAX_ROWS]:
        kept = [entry for entry in members if entry.status == KEPT]
        means = [_mean([e.measures[name] for e in kept if name in e.measures]) for name in names]
        rows.append((class_name, len(members), len(kept), *means))
    html = table('Numbers by class', ('class', 'samples', 'kept', *(f'mean {name}' for name in names)), rows)
    if len(groups) > MAX_ROWS:
        html += note(f'{len(groups) - MAX_ROWS} more classes not listed.')
    reasons = Counter('failed' if e.reason.startswith(FAILED) else e.reason for e in entries if e.status != KEPT)
    if reasons:
        html += table('Dropped by reason', ('reason', 'samples'), sorted(reasons.items()))
    return Part('Classes', html)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float('nan')


def mask_numbers(root: Path, entries: Sequence[Entry]) -> Part:
    """Return the statistics of the kept masks, of at most ``MAX_STATISTICS`` at even steps, with plots."""
    kept = [entry for entry in entries if entry.status == KEPT]
    steps = np.linspace(0, len(kept) - 1, min(len(kept), MAX_STATISTICS)).round().astype(int)
    chosen, unreadable, found = [kept[i] for i in steps], [], []
    for entry in tqdm(chosen, desc='statistics', unit='mask', disable=None):
        try:
            labels = read_mask(root / entry.files['mask'][0])
            image = read_image(root / entry.files['image'][0])
            found.append(mask_statistics(image, (labels > 0) & (labels < 255)))
        except (ValueError, OSError) as error:
            unreadable.append((entry.name, str(error)))
    html = note(f'Of {len(chosen)} of {len(kept)} kept masks; shapes are those of the largest component.')
    if unreadable:
        html += table('Files that cannot be read', ('sample', 'reason'), unreadable[:MAX_ROWS])
    if not any(one.center is not None for one in found):
        return Part('Masks', html + note('No mask shows an object.'))
    statistics = data_set_statistics(found)
    return Part('Masks', html + _statistics_table(statistics) + plots(_statistics_plots(statistics)))


def _statistics_table(statistics: DataSetStatistics) -> str:
    columns = {
        'object size (share of the image)': statistics.object_size,
        'shape complexity (vertices)': statistics.shape_complexity,
        'polygon length': statistics.polygon_length,
        'colour contrast (0 to 1)': statistics.color_contrast,
        "distance from the image's centre (0 to 1)": statistics.center_distance,
        'shape diversity (Chamfer distance of pairs)': statistics.pair_distances,
    }
    rows = []
    for name, values in columns.items():
        values = values[np.isfinite(values)]
        numbers = np.quantile(values, (0.1, 0.5, 0.9)) if values.size else [np.nan] * 3
        rows.append((name, _mean(values.tolist()), *map(float, numbers)))
    return table('Statistics of the masks', ('', 'mean', '10 %', 'median', '90 %'), rows)


def _statistics_plots(statistics: DataSetStatistics) -> list[Picture]:
    with tempfile.TemporaryDirectory() as folder:
        paths = plot_data_sets({'kept': statistics}, Path(folder))
        words = [path.stem.replace('_', ' ') for path in paths]
        return [
            _plot(p.read_bytes(), w, f'Distribution of {w} over the masks') for p, w in zip(paths, words, strict=True)
        ]


def training_curves(paths: Sequence[str | Path]) -> Part:
    """Return the losses of training runs.

    Args:
        paths: CSV files with a column ``loss``, or work folders of ``tools/train.py``, whose newest log counts.

    Raises:
        UserError: A path is neither, or has no losses.
    """
    pictures = []
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(paths):
            source = _curve_file(Path(path), Path(folder) / f'{number}.csv')
            plotted = plot_loss(source, Path(folder) / f'{number}.png', window=20)
            pictures.append(
                _plot(plotted.read_bytes(), f'Training loss, {path}', f'Curve of the loss over steps, {path}')
            )
    return Part('Training', plots(pictures))


def _curve_file(path: Path, converted: Path) -> Path:
    """Return a CSV file of steps and losses: the path itself, or one made from a work folder's newest log."""
    if not path.is_dir():
        return path
    logs = sorted(path.glob('*/vis_data/scalars.json'))
    if not logs:
        raise UserError(
            f'Expected a CSV file or a work folder of tools/train.py, but {path} has no vis_data/scalars.json.'
        )
    rows = []
    for line in logs[-1].read_text(encoding='utf-8').splitlines():
        try:
            record = json.loads(line)
            rows.append(f'{record["step"]},{float(record["loss"])}')
        except (ValueError, KeyError, TypeError):
            continue  # scores of an evaluation, or a last line cut short
    if not rows:
        raise UserError(f'Expected losses in {logs[-1]}, but it has none.')
    converted.write_text('\n'.join(['step,loss', *rows]) + '\n', encoding='utf-8')
    return converted


def _plot(content: bytes, caption: str, alt: str) -> Picture:
    width, height = (int.from_bytes(content[start : start + 4], 'big') for start in (16, 20))  # the PNG's header
    return Picture(data_uri(content, 'png'), (width, height), caption, alt)
