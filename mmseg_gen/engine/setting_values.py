"""Sections of configs as plain values: what they may hold, and where two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from mmseg_gen.errors import UserError


def plain_values(value: Any) -> Any:
    """Return a value of a config as JSON has it: mappings as dicts, less MMEngine's ``_scope_``, tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): plain_values(item) for key, item in value.items() if key != '_scope_'}
    if isinstance(value, (list, tuple)):
        return [plain_values(item) for item in value]
    return value


def refuse_unknown(name: str, values: Any, kind: type) -> None:
    """Refuse a section that is no dict, or has keys that are no fields of a dataclass.

    Args:
        name: Of the section, dotted.
        values: The section.
        kind: The dataclass.

    Raises:
        UserError: The text names the section, the keys it may have, and those it has beside.
    """
    if not isinstance(values, Mapping):
        raise UserError(f'Expected `{name}` to be a dict, but got {values!r}.')
    known = [f.name for f in fields(kind)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise UserError(f'Expected `{name}` with keys from {", ".join(known)}, but got {", ".join(unknown)}.')


def first_difference(expected: Mapping[str, Any], actual: Mapping[str, Any], prefix: str = '') -> str | None:
    """Return the dotted name of the first key whose values differ, in alphabetical order, or None."""
    for key in sorted({*expected, *actual}):
        left, right, name = expected.get(key), actual.get(key), f'{prefix}{key}'
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            if (inner := first_difference(left, right, f'{name}.')) is not None:
                return inner
        elif left != right:
            return name
    return None
