"""Ours beside what one would take instead, where it is installed: time of the same job, one thread.

    python benchmarks/alternatives.py

scikit-learn's k-means beside the style clusters, OpenCV's GrabCut beside AttentionCut, pydensecrf2 beside the dense
CRF, DAAM beside the capture of attention. A package that is not installed is skipped with a line that says so; none is
installed for the purpose. Processor time, alternating; the ratio is ours over theirs. Lines say how alike the results
are, too. Jobs that do not answer the same question (a GrabCut sees a box, AttentionCut sees attention) are compared in
time alone, and say so.
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

SIDE, STEPS = 256, 5
PROMPT, WORD = 'a photo of a dog', 'dog'


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=3, help='timed rounds (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    compared = skipped = 0
    for name, build in (('sklearn', kmeans), ('cv2', grabcut), ('pydensecrf.densecrf', crf), ('daam', heat_maps)):
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
    from scipy.spatial.distance import cdist
    from sklearn.cluster import KMeans

    from mmseg_gen.functional.style_clustering import ClusterSettings, fit_centers

    rng = np.random.default_rng(0)
    means = rng.normal(size=(5, 64)) * 2
    points = (means[rng.integers(0, 5, 100_000)] + rng.normal(size=(100_000, 64))).astype(np.float32)
    settings = ClusterSettings(clusters=5)
    theirs = KMeans(5, n_init=settings.restarts, random_state=0)
    cost = cdist(points, fit_centers(points, settings), 'sqeuclidean').min(1).sum() / theirs.fit(points).inertia_
    yield (
        {'job': 'k-means', 'squared_distances_over_theirs': float(cost)},
        lambda: fit_centers(points, settings),
        lambda: theirs.fit(points),
    )


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

        def theirs(given: np.ndarray = probabilities, count: int = labels) -> np.ndarray:
            field = library.DenseCRF2D(SIDE, SIDE, count)
            field.setUnaryEnergy(-np.log(given.reshape(count, -1) + 1e-8))
            field.addPairwiseGaussian(sxy=settings.smooth_sigma, compat=settings.smooth_weight)
            field.addPairwiseBilateral(
                sxy=settings.position_sigma, srgb=settings.color_sigma, rgbim=image, compat=settings.color_weight
            )
            return np.asarray(field.inference(settings.iterations)).reshape(given.shape)

        def ours(given: np.ndarray = probabilities) -> np.ndarray:
            return dense_crf(given, image, settings)

        pair = ours(), theirs()
        alike = {'same_labels': float((pair[0].argmax(0) == pair[1].argmax(0)).mean())}
        alike |= {'mean_difference': float(np.abs(pair[0] - pair[1]).mean())}
        yield {'job': f'dense CRF, {labels} labels', **alike}, ours, theirs


def heat_maps() -> Iterator[Pair]:
    """Yield an image with the heat map of a word, by DAAM in diffusers' pipeline and by our sampler and recorder."""
    from diffusers import StableDiffusionPipeline

    from mmseg_gen.generators.capture import AttentionRecorder
    from mmseg_gen.generators.latents import decode_latents
    from mmseg_gen.generators.parts import load_parts
    from mmseg_gen.generators.sampling import sample_latents
    from mmseg_gen.generators.text import encode_prompts

    parts, side = load_parts('embedded'), 16
    networks = dict(vae=parts.vae, unet=parts.unet, text_encoder=parts.text_encoder, tokenizer=parts.tokenizer)
    unused = dict(safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipeline = StableDiffusionPipeline(**networks, scheduler=parts.scheduler, **unused)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.randn(1, 4, side, side, generator=torch.Generator().manual_seed(0))
    texts = encode_prompts(parts, [PROMPT]), encode_prompts(parts, [''])

    def ours() -> AttentionRecorder:
        recorder = AttentionRecorder(parts.unet, (side, side), self_attention=False)
        decode_latents(parts, sample_latents(parts, *texts, noise, steps=STEPS, recorder=recorder))
        return recorder

    def theirs() -> torch.Tensor:
        tracer = _tracer(pipeline, side**2, parts.tokenizer.model_max_length)
        with tracer:
            pipeline(PROMPT, num_inference_steps=STEPS, latents=noise)
            return tracer.compute_global_heat_map().compute_word_heat_map(WORD).heatmap

    alike = np.corrcoef(_same_layers(ours(), side).ravel(), theirs().numpy().ravel())[0, 1]
    yield {'job': 'image and heat map', 'correlation': float(alike)}, ours, theirs


def _tracer(pipeline: Any, pixels: int, tokens: int) -> Any:
    """Return DAAM's tracer, which knows latents of 64 x 64 and 96 x 96 and 77 tokens only, told other sizes."""
    from daam import trace

    tracer = trace(pipeline)
    tracer.latent_hw = pixels
    for hook in tracer.module:
        if hasattr(hook, 'context_size'):
            hook.latent_hw, hook.context_size = pixels, tokens
    return tracer


def _same_layers(recorder: Any, side: int) -> np.ndarray:
    """Return the mean over the layers that DAAM reads, all but the middle block's, each resized as there."""
    maps = recorder.cross_maps([[PROMPT.split().index(WORD) + 1]])
    chosen = [each for name, each in zip(recorder.cross_layers, maps, strict=True) if 'mid_block' not in name]
    sized = [torch.nn.functional.interpolate(each[None], (side, side), mode='bicubic').clamp(min=0) for each in chosen]
    return torch.stack(sized).mean(0)[0, 0].numpy()


if __name__ == '__main__':
    raise SystemExit(main())
