"""Choose AttentionCut's settings by coordinate search for mean IoU on scenes that nothing else is measured on."""

import argparse
import json

GRID = {
    'top_k': [2, 3, 5, 6, 8, 10],
    'calibration': ['min_max', 'mixture'],
    'color_rounds': [0, 1, 3],
    'color_weight': [0.3, 1.0, 2.0, 4.0],
    'lam': [0.1, 0.5, 2.0, 5.0, 10.0],
    'color_scale': [5.0, 10.0, 20.0, 40.0],
    'bias': [-1.0, -0.5, 0.0, 0.5],
    'lambda_phi': [0.0, 0.16, 0.5],
    'color_bins': [4, 6, 8, 12],
    'min_objectness': [0.0, 0.5, 0.75],
}
# Neither trained on (below 1 000 000) nor tested on (from 1 000 000).
FIRST_SEED = 5_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--generator', default='embedded', help="'embedded' or a pipeline folder")
    parser.add_argument('--scenes', type=int, default=60)
    parser.add_argument('--steps', type=int, default=20)
    parser.add_argument('--rounds', type=int, default=2)
    args = parser.parse_args()
    from dataclasses import replace

    from mmseg_gen.evaluation.training_free import LabelledImage, invert_for_evidence, score_training_free
    from mmseg_gen.functional.cut_settings import EMBEDDED_CUT
    from mmseg_gen.generators.embedded.scenes import CLASSES, render_scene
    from mmseg_gen.generators.parts import load_parts

    samples = []
    for i in range(args.scenes):
        name = CLASSES[i % len(CLASSES)]
        scene = render_scene(FIRST_SEED + i, names=[name])
        samples.append(LabelledImage(scene.image, name, scene.labels > 0))
    best = EMBEDDED_CUT
    evidence = invert_for_evidence(load_parts(args.generator), samples, best, steps=args.steps)
    for _ in range(args.rounds):
        for name, values in GRID.items():
            tried = {value: replace(best, **{name: value}) for value in values}
            scores = {}
            for value, settings in tried.items():
                result = score_training_free(samples, evidence, settings, only='attention_cut')
                scores[value] = result.iou['attention_cut'].mean()
            best = tried[max(scores, key=scores.__getitem__)]
            print(json.dumps({name: {str(v): round(float(s), 4) for v, s in scores.items()}}), flush=True)
    print(best)


if __name__ == '__main__':
    main()
