"""Turn generative image models into segmentation supervision inside MMSegmentation.

Importing this package is cheap: neither torch nor MMSegmentation is loaded. ``mmseg_gen.components``
registers every component with MMSegmentation; configs import it through ``custom_imports``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mmseg_gen.compat import offer_ops_stub
from mmseg_gen.versions import __version__

if TYPE_CHECKING:
    from mmseg_gen.api import segment
    from mmseg_gen.generators.parts import load_parts

__all__ = ['__version__', 'load_parts', 'segment']

_LAZY = {'segment': 'mmseg_gen.api', 'load_parts': 'mmseg_gen.generators.parts'}

offer_ops_stub()


def __getattr__(name: str) -> Any:
    """Import a public function when it is first asked for (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    """List the public names, those not imported yet included."""
    return sorted({*globals(), *__all__})
