"""What a generator says about one image of several classes.

Shape letters: K classes that the prompt names, L layers, ``(R1, R2)`` the attention's working grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .array_files import read_arrays, write_arrays
from .concept_evidence import BACKGROUND_KEY, ConceptEvidence
from .evidence import Evidence
from .style_stack import STACK_KEY, StyleStack

_SHARED = 'affinity'
_OWN = ('cross', 'deviation', 'seed_map')
_STORED = (*_OWN, 'cross_scale')


@dataclass(frozen=True)
class SceneEvidence:
    """Attention evidence of every class in a prompt.

    Attributes:
        class_ids: Label of each class in the data set, in [1, 254], each once.
        classes: Evidence of each class, on one grid; they share the affinity of neighbours.

    Raises:
        ValueError: There is no class, an id is out of range or stands twice, or the shapes differ.
    """

    class_ids: tuple[int, ...]
    classes: tuple[Evidence, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, 'class_ids', tuple(int(i) for i in self.class_ids))
        object.__setattr__(self, 'classes', tuple(self.classes))
        ids = self.class_ids
        if not ids or len(set(ids)) < len(ids) or not all(1 <= i <= 254 for i in ids):
            raise ValueError(f'Expected `class_ids` in [1, 254], each once and at least one, but got {ids}.')
        if len(self.classes) != len(ids):
            raise ValueError(f'Expected evidence of {len(ids)} `classes`, but got {len(self.classes)}.')
        shapes = {evidence.cross.shape for evidence in self.classes}
        if len(shapes) > 1:
            raise ValueError(f'Expected all `classes` to have one shape of `cross`, but got {sorted(shapes)}.')

    @property
    def affinity(self) -> np.ndarray:
        """Self-attention between neighbours, ``(4, R1, R2)`` in [0, 1]."""
        return self.classes[0].affinity

    def save(self, path: str | Path) -> None:
        """Write a compressed npz under a temporary name, then rename it; see :meth:`Evidence.save`."""
        write_arrays(path, self._packed())

    def stored(self) -> SceneEvidence:
        """Return the evidence as it reads back from a file."""
        return self._unpacked(self._packed())

    def _packed(self) -> dict[str, np.ndarray]:
        packed = [evidence._packed() for evidence in self.classes]
        stacked = {name: np.stack([p[name] for p in packed]) for name in _STORED}
        return {'class_ids': np.array(self.class_ids, np.int64), _SHARED: packed[0][_SHARED], **stacked}

    @classmethod
    def _unpacked(cls, packed: dict[str, np.ndarray]) -> SceneEvidence:
        ids = packed['class_ids']
        each = [
            Evidence._unpacked({_SHARED: packed[_SHARED], **{name: packed[name][k] for name in _STORED}})
            for k in range(len(ids))
        ]
        return cls(tuple(ids.tolist()), tuple(each))


def load_evidence(path: str | Path) -> Evidence | SceneEvidence | StyleStack | ConceptEvidence:
    """Read attention evidence of one class or of several, of concepts, or a style stack, whichever the file holds.

    Nothing is ever unpickled.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or an array is missing, misshapen or not finite.
    """
    return read_arrays(path, _unpacked, 'evidence as `save` writes it')


def _unpacked(packed: dict[str, np.ndarray]) -> Evidence | SceneEvidence | StyleStack | ConceptEvidence:
    if STACK_KEY in packed:
        return StyleStack._unpacked(packed)
    if BACKGROUND_KEY in packed:
        return ConceptEvidence._unpacked(packed)
    return (SceneEvidence if 'class_ids' in packed else Evidence)._unpacked(packed)
