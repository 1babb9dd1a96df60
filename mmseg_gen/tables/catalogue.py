"""The tables there are: the modules of this package that are named after a paper's table or figure."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from typing import cast

import mmseg_gen.tables
from mmseg_gen.errors import UserError
from mmseg_gen.tables.contract import Table

_NAME = re.compile(r'[a-z0-9]+_((tab|fig)\d+|options|guidance)')


def table_names() -> list[str]:
    """Return the names of all tables, in alphabetical order."""
    return sorted(info.name for info in pkgutil.iter_modules(mmseg_gen.tables.__path__) if _NAME.fullmatch(info.name))


def load_table(name: str) -> Table:
    """Return a table by its name.

    Raises:
        UserError: There is no such table.
    """
    if name not in table_names():
        raise UserError(f'Expected the name of a table from {", ".join(table_names())}, but got {name!r}.')
    return cast(Table, import_module(f'mmseg_gen.tables.{name}'))
