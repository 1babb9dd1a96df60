"""What the arguments of G4Seg may be: ranges, and how the masks are told to the generator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmseg_gen.functional.confusion import NORMALIZATIONS
from mmseg_gen.functional.control_image import ControlSettings
from mmseg_gen.functional.mask_injection import InjectionSettings

UPDATES = ('mix', 'gradient')


def check_ranges(**settings: Any) -> None:
    """Refuse settings out of range; the others are checked by the objects that they belong to."""
    for name in ('samples', 'iterations'):
        if settings[name] < 1:
            raise ValueError(f'Expected `{name}` to be 1 or more, but got {settings[name]}.')
    for name in ('beta', 'gate'):
        if not 0 <= settings[name] <= 1:
            raise ValueError(f'Expected `{name}` in [0, 1], but got {settings[name]}.')
    for name, words in (('update', UPDATES), ('normalization', NORMALIZATIONS)):
        if settings[name] not in words:
            raise ValueError(f'Expected `{name}` from {", ".join(words)}, but got {settings[name]!r}.')


def injection_settings(
    injection: Mapping[str, Any] | bool, update: str, control: ControlSettings | None
) -> InjectionSettings | None:
    """Return how masks are written into attention, or None; softly where the gradient follows them.

    Raises:
        ValueError: The gradient could follow nothing.
    """
    given = {} if injection is True else injection
    if given is False and (update == 'mix' or control is not None):
        return None
    if update == 'mix':
        return InjectionSettings(**given)
    if given is False or not given.get('soft', True):
        raise ValueError(
            f"Expected a soft `injection` (or `control`) with update='gradient', which follows it, but got {injection}."
        )
    return InjectionSettings(**{**given, 'soft': True})


def control_settings(control: Mapping[str, Any], update: str) -> ControlSettings:
    """Return how masks are shown to a ControlNet; softly where the gradient follows them.

    Raises:
        ValueError: There is no ``model``, or the gradient could not follow hard masks.
    """
    if update == 'mix':
        return ControlSettings(**control)
    if not control.get('soft', True):
        raise ValueError(f"Expected a soft `control` with update='gradient', which follows it, but got {control}.")
    return ControlSettings(**{**control, 'soft': True})
