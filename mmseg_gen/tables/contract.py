"""What a table of results consists of. Shape letters: N test images, C classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from mmseg_gen.tables.context import Context


@dataclass(frozen=True)
class Scores:
    """One method's scores on the test images, which are the same, in the same order, for all rows of a table.

    Attributes:
        means: Metric to one number per image, float64 ``(N,)``: reported as the mean over images.
        ratios: Metric to counts by image and class, float64 ``(N, C, 2)``, numerators before denominators: summed over
            images, divided, and averaged over the classes whose denominator is not 0. Pooled IoU has C = 1.

    Raises:
        ValueError: There is no metric, a name occurs twice, a shape does not fit, or a value is not finite.
    """

    means: Mapping[str, np.ndarray]
    ratios: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ('means', 'ratios'):
            arrays = {key: np.asarray(values, np.float64) for key, values in getattr(self, name).items()}
            object.__setattr__(self, name, arrays)
        if (not self.means and not self.ratios) or set(self.means) & set(self.ratios):
            raise ValueError(
                f'Expected metrics, each under one name, but got means {list(self.means)}, ratios {list(self.ratios)}.'
            )
        count = self.count
        for key, values in (*self.means.items(), *self.ratios.items()):
            fits = values.shape == (count,) if key in self.means else values.ndim == 3 and values.shape[2] == 2
            if not fits or len(values) != count or not count or not np.isfinite(values).all():
                raise ValueError(f'Expected finite `{key}` for {count} images, but got shape {values.shape}.')

    @property
    def count(self) -> int:
        """Number of test images N."""
        return len(next(iter((*self.means.values(), *self.ratios.values()))))


@dataclass(frozen=True)
class Row:
    """A finished row: its name (the paper's where the paper has it), its scores, and the seconds it took."""

    name: str
    scores: Scores
    seconds: float


@dataclass(frozen=True)
class Paper:
    """The paper's own numbers.

    Attributes:
        source: Paper and table.
        columns: One heading per number.
        rows: Row name to its numbers, None where the paper gives none.
    """

    source: str
    columns: Sequence[str]
    rows: Mapping[str, Sequence[float | None]]

    def __post_init__(self) -> None:
        for name, values in self.rows.items():
            if len(values) != len(self.columns):
                raise ValueError(f'Expected {len(self.columns)} numbers in row `{name}`, but got {len(values)}.')


class Claim(NamedTuple):
    """An ordering that the paper claims: row ``better`` scores higher than row ``worse``."""

    better: str
    worse: str
    metric: str = 'iou'


class Table(Protocol):
    """A module of this package that makes a table."""

    TITLE: str
    PAPER: Paper
    CLAIMS: Sequence[Claim]
    NOTE: str

    def run(self, context: Context) -> list[Row]:
        """Return the rows, in the order of the table."""
        ...
