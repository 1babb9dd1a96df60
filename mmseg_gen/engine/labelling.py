"""Labelling of generated images, in this process or in others beside it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from mmseg_gen.errors import Undecided, UserError
from mmseg_gen.functional.multiclass import IGNORED

Labeller = Callable[[dict], dict]


@dataclass(frozen=True)
class Label:
    """What a labeller says of one image.

    Attributes:
        mask: ``(H, W)`` uint8 in {0, 1}, or label map of 0, class ids and 255; None where it failed.
        measures: Numbers of ``results['label_quality']``, and ``area``, the foreground's share of the image.
        error: Why it failed; empty where it did not.
        undecided: Why the method leaves the image without a label by its own rule; empty where it does not.
    """

    mask: np.ndarray | None = None
    measures: dict[str, float] = field(default_factory=dict)
    error: str = ''
    undecided: str = ''


def label_image(labeller: Labeller, image: np.ndarray, evidence: Any) -> Label:
    """Run a labelling transform on one image; what it cannot label gives an error, not an exception.

    Args:
        labeller: Transform that writes ``gt_seg_map``; it gets ``img`` as BGR, as MMSegmentation loads it.
        image: ``(H, W, 3)`` uint8 RGB.
        evidence: What the generator says of the image.
    """
    shape = image.shape[:2]
    results = {
        'img': np.ascontiguousarray(image[..., ::-1]),
        'img_shape': shape,
        'ori_shape': shape,
        'seg_fields': [],
    }
    try:
        results = labeller({**results, 'evidence': evidence})
        mask = np.asarray(results['gt_seg_map'])
        ids = getattr(evidence, 'class_ids', ())
        allowed = (0, *ids, IGNORED) if ids else (0, 1)
        if mask.shape != shape or mask.dtype != np.uint8 or not np.isin(mask, allowed).all():
            listed = ', '.join(map(str, allowed))
            raise ValueError(
                f'Expected `gt_seg_map` as uint8 {shape} in {{{listed}}}, but got {mask.dtype} {mask.shape}.'
            )
    except UserError:
        raise
    except Undecided as error:
        return Label(undecided=str(error))
    except ValueError as error:
        return Label(error=str(error))
    quality = {name: float(value) for name, value in results.get('label_quality', {}).items()}
    return Label(mask, {**quality, 'area': float(((mask > 0) & (mask != IGNORED)).mean())})


class Labelling:
    """Labels images as they come; a context manager.

    Args:
        labeller: Transform that writes ``gt_seg_map``; with ``workers`` it must be picklable.
        workers: Number of processes; 0 labels at once, in this one.
    """

    def __init__(self, labeller: Labeller, workers: int = 0) -> None:
        self._labeller, self._pool = labeller, None
        if workers:
            context = multiprocessing.get_context('spawn')
            self._pool = ProcessPoolExecutor(workers, context, _start_worker, (labeller,))

    def __enter__(self) -> Labelling:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    @property
    def beside(self) -> bool:
        """Whether labels are computed in other processes."""
        return self._pool is not None

    def submit(self, image: np.ndarray, evidence: Any) -> Future[Label]:
        """Return the label to come."""
        if self._pool is not None:
            return self._pool.submit(_label_in_worker, image, evidence)
        done: Future[Label] = Future()
        done.set_result(label_image(self._labeller, image, evidence))
        return done


_worker_labeller: Labeller | None = None


def _start_worker(labeller: Labeller) -> None:
    global _worker_labeller
    _worker_labeller = labeller
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A pool's workers hold both ends of their queue, so they would wait for ever after the parent was killed.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _label_in_worker(image: np.ndarray, evidence: Any) -> Label:
    if _worker_labeller is None:
        raise RuntimeError('Expected the worker to have been started with a labeller.')
    return label_image(_worker_labeller, image, evidence)
