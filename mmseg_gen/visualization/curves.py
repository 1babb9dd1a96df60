"""Plot the curves of a training run from its CSV file."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import write_atomically


def read_columns(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Return the columns of a CSV file of numbers by name.

    Where the first row is numbers too, the columns are named ``step``, ``seconds``, ``loss``, then by their
    index: the order in which the embedded recipe logs them. A last row that is cut short is dropped.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file has no rows, or something in it is not a number.
    """
    with open(path, newline='', encoding='utf-8') as stream:
        rows = [row for row in csv.reader(stream) if row]
    if not rows:
        raise UserError(f'Expected rows of numbers in {path}, but it is empty.')
    if _is_number(rows[0][0]):
        names = [*('step', 'seconds', 'loss'), *(str(i) for i in range(3, len(rows[0])))][: len(rows[0])]
    else:
        names, rows = rows[0], rows[1:]
    if rows and len(rows[-1]) < len(names):
        rows = rows[:-1]
    if not rows:
        raise UserError(f'Expected rows of numbers in {path}, but it has none.')
    try:
        values = np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise UserError(f'Expected only numbers in {path}, in rows of {len(names)}, but got: {error}.') from error
    return dict(zip(names, values.T, strict=True))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean over the last ``window`` values, fewer at the start; ``(N,)`` to ``(N,)``.

    >>> smooth(np.array([0.0, 2.0, 4.0]), 2).tolist()
    [0.0, 1.0, 3.0]
    """
    if window < 1:
        raise ValueError(f'Expected `window` of at least 1, but got {window}.')
    sums = np.cumsum(np.concatenate([np.zeros(1), values]))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def plot_loss(csv_path: str | os.PathLike[str], out_path: str | os.PathLike[str], *, window: int = 1) -> Path:
    """Draw the loss of a CSV file by step into a PNG, without a display, and return its path.

    Args:
        csv_path: File as `read_columns` takes it, with columns ``step`` and ``loss``.
        out_path: PNG to write.
        window: Length of the moving mean that is drawn over the curve; 1 draws none.

    Raises:
        UserError: A column is missing from the file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    data = read_columns(csv_path)
    for name in ('step', 'loss'):
        if name not in data:
            raise UserError(f'Expected a column `{name}` in {csv_path}, but got {", ".join(data)}.')
    figure = Figure(figsize=(6, 3.5), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    line = axes.plot(data['step'], data['loss'], label='loss', alpha=1.0 if window == 1 else 0.35)[0]
    if window > 1:
        mean = smooth(data['loss'], window)
        axes.plot(data['step'], mean, color=line.get_color(), label=f'loss, mean of {window}')
    axes.set(xlabel='step')
    axes.grid(alpha=0.3)
    axes.legend()
    target = Path(out_path)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, lambda partial: figure.savefig(partial, format='png', dpi=120))
    return target
