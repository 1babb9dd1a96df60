"""Plots of what data sets of masks look like, one or several over each other (DiffusionSeg, Figs. 3 to 5, Tab. 2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmseg_gen.functional.mask_statistics import DataSetStatistics
from mmseg_gen.functional.writing import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Attribute of the statistics: title of the axis. Counts of vertices get a bin each.
DISTRIBUTIONS = {
    'shape_complexity': 'shape complexity: vertices of the outline',
    'polygon_length': 'polygon length: outline in the unit square',
    'pair_distances': 'shape diversity: Chamfer distance of two outlines',
    'object_size': 'object size: share of the image',
    'color_contrast': 'colour contrast: chi-squared distance',
    'center_distance': 'distance from the middle to the box centre',
}
FILES = {'pair_distances': 'shape_diversity'}
_BINS = 30
_DOTS = 3000
# Extreme values would squeeze all others into one bin.
_SHOWN_PERCENTILE = 99.5


def plot_data_sets(sets: Mapping[str, DataSetStatistics], folder: Path) -> list[Path]:
    """Write a PNG of each distribution and of the centres, without a display, and return their paths.

    Args:
        sets: Statistics by name, at least one; they are drawn over each other.
        folder: Made if it does not exist; files of the same names are replaced.

    Raises:
        ValueError: There is no data set.
    """
    if not sets:
        raise ValueError('Expected at least one data set to plot, but got none.')
    folder.mkdir(parents=True, exist_ok=True)
    figures = {FILES.get(name, name): _distribution(sets, name) for name in DISTRIBUTIONS}
    figures['centers'] = _centers(sets)
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f'{name}.png')
        write_atomically(paths[-1], lambda partial, figure=figure: figure.savefig(partial, format='png', dpi=110))
    return paths


def _new_figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def _distribution(sets: Mapping[str, DataSetStatistics], name: str) -> Figure:
    values = {label: getattr(found, name) for label, found in sets.items()}
    values = {label: v[~np.isnan(v)] for label, v in values.items()}
    figure = _new_figure(5, 3.2)
    axes = figure.subplots()
    bins = _bins(np.concatenate(list(values.values())), whole=name == 'shape_complexity')
    for label, own in values.items():
        if not own.size:
            continue
        clipped = np.clip(own, bins[0], bins[-1])
        shares = np.full(len(own), 1 / len(own))
        text = f'{label}: mean {own.mean():.3g}'
        axes.hist(clipped, bins, weights=shares, histtype='stepfilled', alpha=0.35, label=text)
    axes.set(xlabel=DISTRIBUTIONS[name], ylabel='share')
    if axes.has_data():
        axes.legend(fontsize='small')
    return figure


def _bins(values: np.ndarray, *, whole: bool) -> np.ndarray:
    if not values.size:
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(np.percentile(values, _SHOWN_PERCENTILE))
    if whole and high - low < 2 * _BINS:
        return np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
    return np.linspace(low, high if high > low else low + 1, _BINS + 1)


def _centers(sets: Mapping[str, DataSetStatistics]) -> Figure:
    """Draw a row of each set: the centres of the objects' boxes, and how often each place is foreground."""
    figure = _new_figure(7, 3.3 * len(sets))
    top = max(float(found.center_map.max()) for found in sets.values())
    for row, (label, found) in zip(figure.subplots(len(sets), 2, squeeze=False), sets.items(), strict=True):
        chosen = np.linspace(0, len(found.centers) - 1, min(len(found.centers), _DOTS)).astype(int)
        row[0].scatter(*found.centers[chosen].T, s=4, alpha=0.4, linewidths=0)
        row[0].set(xlim=(0, 1), ylim=(1, 0), aspect='equal', title=f'{label}: box centres')
        picture = row[1].imshow(found.center_map, vmin=0, vmax=top or 1, extent=(0, 1, 1, 0), cmap='viridis')
        row[1].set(title=f'{label}: share of foreground')
        figure.colorbar(picture, ax=row[1])
    return figure
