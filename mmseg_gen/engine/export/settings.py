"""What an export is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from mmseg_gen.errors import UserError
from mmseg_gen.functional.instances import KINDS

FORMATS = ('voc', 'coco', 'yolo')
# 0 is background and 255 void in the exported label maps.
MAX_CLASSES = 254


@dataclass(frozen=True)
class ExportSettings:
    """Settings of an export.

    Attributes:
        format: 'voc', 'coco' or 'yolo'.
        classes: Classes in the order of their ids; None: those of the set in alphabetical order. Samples of
            other classes are an error.
        mask_classes: Names of the values 0, 1, ... of index masks, background first; None: as the set of several
            classes says, else the masks hold 0 and 255, and the foreground is the sample's class.
        val_share: Share of the samples in the split 'val', in [0, 1). A sample's split depends on its name
            alone.
        instances: 'component': each 8-connected component is an object; 'class': all pixels of a class are.
        min_area: Objects of fewer pixels are left out of boxes and polygons.
        drop_uncertain_share: Share left out, the most uncertain first; None: what the set was made with.

    Raises:
        UserError: A setting is out of range.
    """

    format: str
    classes: tuple[str, ...] | None = None
    mask_classes: tuple[str, ...] | None = None
    val_share: float = 0.0
    instances: str = 'component'
    min_area: int = 1
    drop_uncertain_share: float | None = None

    def __post_init__(self) -> None:
        for name, value, words in (('format', self.format, FORMATS), ('instances', self.instances, KINDS)):
            if value not in words:
                raise UserError(f'Expected `{name}` from {", ".join(words)}, but got {value!r}.')
        for name in ('val_share', 'drop_uncertain_share'):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise UserError(f'Expected `{name}` in [0, 1), but got {value}.')
        if self.min_area < 1:
            raise UserError(f'Expected `min_area` of at least 1 pixel, but got {self.min_area}.')
        if self.format == 'yolo' and self.instances == 'class':
            raise UserError("Expected `instances` 'component' for YOLO, whose polygons have one part, but got 'class'.")
        if self.classes is not None and self.mask_classes is not None:
            raise UserError('Expected `classes` or `mask_classes`, but got both; index masks fix the order themselves.')
        for name in ('classes', 'mask_classes'):
            _check_names(name, getattr(self, name))


def _check_names(name: str, names: tuple[str, ...] | None) -> None:
    if names is None:
        return
    if not names or any(not word.strip() or '\n' in word for word in names):
        raise UserError(f'Expected `{name}` to hold names in one line each, but got {names!r}.')
    if len(set(names)) < len(names) or len(names) > MAX_CLASSES:
        raise UserError(f'Expected at most {MAX_CLASSES} different `{name}`, but got {len(names)}: {names!r}.')
