"""The committed configs that tables are run from."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

from mmseg_gen.errors import UserError

_CHECKOUT = Path(__file__).resolve().parents[2]


def load_config(name: str) -> Config:
    """Return a config by its path under ``configs``, of the present folder or of the checkout.

    Args:
        name: For instance ``embedded_unet.py``.

    Raises:
        UserError: There is no such file.
    """
    for root in (Path.cwd(), _CHECKOUT):
        path = root / 'configs' / name
        if path.is_file():
            return Config.fromfile(path)
    raise UserError(f'Expected configs/{name} in a checkout of the project, but got none; run from its root.')
