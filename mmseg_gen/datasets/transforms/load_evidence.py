"""Reading stored evidence in a training pipeline."""

from __future__ import annotations

from mmcv.transforms import BaseTransform

from mmseg_gen.functional.scene_evidence import load_evidence
from mmseg_gen.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadEvidence(BaseTransform):
    """Read what the generator said of an image, for a labelling transform to use.

    Required keys: ``evidence_path``, as :class:`~mmseg_gen.datasets.SyntheticDataset` gives it.
    Modified keys: ``evidence``: of one class, a :class:`~mmseg_gen.functional.scene_evidence.SceneEvidence` in sets of
    several classes, or a :class:`~mmseg_gen.functional.style_stack.StyleStack` in sets by style mixing.
    """

    def transform(self, results: dict) -> dict:
        """Read the evidence into ``results``.

        Raises:
            ValueError: There is no ``evidence_path``, or the file is damaged.
            FileNotFoundError: The file is missing.
        """
        path = results.get('evidence_path')
        if not path:
            raise ValueError('Expected `evidence_path` in the results, but got none; SyntheticDataset gives it.')
        results['evidence'] = load_evidence(path)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
