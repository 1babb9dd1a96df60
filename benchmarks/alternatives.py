"""Ours beside what one would take instead, where it is installed: time of the same job, one thread.

    python benchmarks/alternatives.py

scikit-learn's k-means beside the style clusters, OpenCV's GrabCut beside AttentionCut, pydensecrf2 beside the dense
CRF, DAAM and OVAM beside the capture of attention. A package that is not installed is skipped with a line that says so;
none is installed for the purpose. Processor time, alternating; the ratio is ours over theirs. Jobs that do not answer
the same question (a GrabCut sees a box, AttentionCut sees attention) are compared in time alone, and say so.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import torch
from measuring import alternating, paired_ratio, write

SIDE = 256


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=3, help='timed rounds (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    compared = skipped = 0
    for name, build in (('sklearn', kmeans), ('cv2', grabcut), ('pydensecrf.densecrf', crf), *CAPTURES):
        try:
            importlib.import_module(name)
        except ImportError as error:
            write({'package': name, 'skipped': str(error)})
            skipped += 1
            continue
        for line, ours, theirs in build():
            own, other = alternating([ours, theirs], args.repeats)
            line = {'package': name, **line, 'ours_ms': min(own) * 1e3, 'theirs_ms': min(other) * 1e3}
            write({**line, 'ratio': paired_ratio(own, other)})
            compared += 1
    write({'benchmark': 'alternatives', 'compared': compared, 'skipped': skipped})
    return 0


Pair = tuple[dict[str, Any], Callable[[], object], Callable[[], object]]


def kmeans() -> Iterator[Pair]:
    """Yield k-means of 100 000 points of 64 numbers, five centres, as many starts on both sides."""
    from sklearn.cluster import KMeans

    from mmseg_gen.functional.style_clustering import ClusterSettings, fit_centers

    rng = np.random.default_rng(0)
    means = rng.normal(size=(5, 64)) * 2
    points = (means[rng.integers(0, 5, 100_000)] + rng.normal(size=(100_000, 64))).astype(np.float32)
    settings = ClusterSettings(clusters=5)
    theirs = KMeans(5, n_init=settings.restarts, random_state=0)
    yield {'job': 'k-means'}, lambda: fit_centers(points, settings), lambda: theirs.fit(points)


def grabcut() -> Iterator[Pair]:
    """Yield both cuts of a rendered scene; not the same question."""
    from mmseg_gen.functional.attention_cut import CutSettings, attention_cut
    from mmseg_gen.functional.evidence import Evidence
    from mmseg_gen.generators.embedded.scenes import render_scene

    scene = render_scene(11, size=SIDE, names=['dog'])
    small = cv2.resize((scene.labels > 0).astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA)
    cross = cv2.GaussianBlur(small, (0, 0), 2)[None].repeat(4, 0)
    rng = np.random.default_rng(0)
    evidence = Evidence(cross, cross.std((1, 2)), cross[0], rng.uniform(0.3, 1, (4, 64, 64)))
    settings = CutSettings(grid='image', max_side=None)
    box = cv2.boundingRect((scene.labels > 0).astype(np.uint8))

    def theirs() -> None:
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(scene.image, np.zeros((SIDE, SIDE), np.uint8), box, *models, 5, cv2.GC_INIT_WITH_RECT)

    yield {'job': 'cut, time alone'}, lambda: attention_cut(evidence, scene.image, settings), theirs


def crf() -> Iterator[Pair]:
    """Yield both dense CRFs on one image with two and with 21 labels."""
    import pydensecrf.densecrf as library

    from mmseg_gen.functional.crf import CrfSettings, dense_crf
    from mmseg_gen.generators.embedded.scenes import render_scene

    image, settings = np.ascontiguousarray(render_scene(11, size=SIDE, names=['dog']).image), CrfSettings()
    for labels in (2, 21):
        odds = np.random.default_rng(0).normal(size=(labels, SIDE, SIDE)).astype(np.float32)
        odds = np.exp(cv2.GaussianBlur(odds.transpose(1, 2, 0), (0, 0), 8).transpose(2, 0, 1) * 20)
        probabilities = np.ascontiguousarray(odds / odds.sum(0))

        def theirs(given: np.ndarray = probabilities, count: int = labels) -> None:
            field = library.DenseCRF2D(SIDE, SIDE, count)
            field.setUnaryEnergy(-np.log(given.reshape(count, -1) + 1e-8))
            field.addPairwiseGaussian(sxy=settings.smooth_sigma, compat=settings.smooth_weight)
            field.addPairwiseBilateral(
                sxy=settings.position_sigma, srgb=settings.color_sigma, rgbim=image, compat=settings.color_weight
            )
            field.inference(settings.iterations)

        yield {'job': f'dense CRF, {labels} labels'}, lambda p=probabilities: dense_crf(p, image, settings), theirs


def attention_of(package: str) -> Callable[[], Iterator[Pair]]:
    """Return the comparison of a package's own capture: the heat maps of a prompt, five steps."""

    def pairs() -> Iterator[Pair]:
        from diffusers import StableDiffusionPipeline

        from mmseg_gen.engine.pair_generator import DiffusionPairGenerator
        from mmseg_gen.engine.planning import plan_samples
        from mmseg_gen.generators.parts import load_parts

        parts, prompt = load_parts('embedded'), 'a photo of a dog'
        generator = DiffusionPairGenerator(parts, steps=5)
        samples = plan_samples(['dog'], 1, 0, lambda index, name, seed: prompt)
        networks = dict(vae=parts.vae, unet=parts.unet, text_encoder=parts.text_encoder, tokenizer=parts.tokenizer)
        unused = dict(safety_checker=None, feature_extractor=None, requires_safety_checker=False)
        pipeline = StableDiffusionPipeline(**networks, scheduler=parts.scheduler, **unused)
        pipeline.set_progress_bar_config(disable=True)

        def theirs() -> None:
            if package == 'daam':
                from daam import trace

                with trace(pipeline) as tracer:
                    pipeline(prompt, num_inference_steps=5)
                    tracer.compute_global_heat_map().compute_word_heat_map('dog')
            else:
                from ovam import StableDiffusionHooker

                with StableDiffusionHooker(pipeline) as hooker:
                    pipeline(prompt, num_inference_steps=5)
                hooker.get_ovam_callable()(prompt)

        yield {'job': 'image and heat map'}, lambda: generator.generate(samples), theirs

    return pairs


CAPTURES = tuple((name, attention_of(name)) for name in ('daam', 'ovam'))


if __name__ == '__main__':
    raise SystemExit(main())
