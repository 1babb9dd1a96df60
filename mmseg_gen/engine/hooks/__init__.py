"""Hooks of MMEngine's runner."""

from __future__ import annotations

import mmseg_gen.registry  # noqa: F401  (compatibility first: the hooks import mmseg)

from .refinement_hook import RefinementHook

__all__ = ['RefinementHook']
