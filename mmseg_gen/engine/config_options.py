"""The argument ``--cfg-options`` of MMSegmentation's tools, with blanks inside values kept."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any

from mmengine.config import DictAction

# MMEngine leaves blanks out before it parses a value, and so would make one word of `sports car`. It leaves this in.
_BLANK = '\0'
_AROUND_MARKS = re.compile(r' *([\[\](),]) *')


class OptionsAction(DictAction):
    """MMEngine's action for ``KEY=VALUE``, but blanks inside a value stay, as in ``classes="[sports car,dog]"``.

    Those around brackets and commas, and at the ends, do not count.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Sequence[str],
        option_string: str | None = None,
    ) -> None:
        """Add the parsed options to the namespace's."""
        super().__call__(parser, namespace, [_hide_blanks(text) for text in values], option_string)
        options = getattr(namespace, self.dest)
        setattr(namespace, self.dest, {key: _show_blanks(value) for key, value in options.items()})


def _hide_blanks(text: str) -> str:
    key, mark, value = text.partition('=')
    return key + mark + _AROUND_MARKS.sub(r'\1', value.strip()).replace(' ', _BLANK)


def _show_blanks(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(_BLANK, ' ')
    if isinstance(value, (list, tuple)):
        return type(value)(_show_blanks(item) for item in value)
    return value
