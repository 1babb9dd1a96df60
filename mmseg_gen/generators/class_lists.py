"""Class names to write prompts with: Pascal VOC, COCO, ImageNet-1k and the embedded scenes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / 'prompt_lists'
CLASS_LISTS = ('embedded', 'voc', 'coco', 'imagenet')


@dataclass(frozen=True)
class ClassName:
    """One class.

    Attributes:
        label: The data set's own name.
        words: What a prompt calls it.
        group: Coarse class, "dog" for a poodle; the words where there is none.
    """

    label: str
    words: str
    group: str


def class_list(name: str | Path) -> list[ClassName]:
    """Return the classes of a data set in its index order, background left out.

    Args:
        name: One of ``CLASS_LISTS``, or the path of a text file of one's own: a class a line, tab-separated
            label, words (default: the label) and group (default: the words); lines that begin with ``#`` are
            comments.

    Raises:
        ValueError: The name is neither, or the file is no UTF-8 text, or holds no class or one twice.
    """
    if name == 'embedded':
        from .embedded.scenes import CLASSES

        return [ClassName(c, c, c) for c in CLASSES]
    path = _FOLDER / f'{name}.txt' if name in CLASS_LISTS else Path(name)
    if not path.is_file():
        raise ValueError(
            f'Expected a class list from {", ".join(CLASS_LISTS)}, a text file, or a list of names such as '
            f'[{str(name)!r}], but got {str(name)!r}.'
        )
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f'Expected a class a line in {path}, but it is no UTF-8 text: {error}.') from error
    found = []
    for line in lines:
        if line.strip() and not line.startswith('#'):
            label, words, group = [*(part.strip() for part in line.split('\t')), '', ''][:3]
            found.append(ClassName(label, words or label, group or words or label))
    if not found:
        raise ValueError(f'Expected at least one class in {path}, but got none.')
    twice = [c.label for i, c in enumerate(found) if c.label in {other.label for other in found[:i]}]
    if twice:
        raise ValueError(f'Expected each class of {path} once, but got {twice[0]!r} again.')
    return found
