"""Reading stored style stacks in a training pipeline."""

from __future__ import annotations

from mmcv.transforms import BaseTransform

from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadStyleStack(BaseTransform):
    """Read the variations of an image, for ``StyleMixingLabel`` to use.

    Required keys: ``evidence_path``. Modified keys: ``evidence``
    (:class:`~mmseg_gen.functional.style_stack.StyleStack`).
    """

    def transform(self, results: dict) -> dict:
        """Read the stack into ``results``.

        Raises:
            ValueError: There is no ``evidence_path``, or the file is damaged or of another method.
            FileNotFoundError: The file is missing.
        """
        path = results.get('evidence_path')
        if not path:
            raise ValueError('Expected `evidence_path` in the results, but got none; SyntheticDataset gives it.')
        results['evidence'] = StyleStack.load(path)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
