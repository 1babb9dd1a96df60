"""Measure the embedded models on held-out scenes and draw their contact sheet: the numbers of the model card."""

import argparse
import json
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--generator', default='embedded', help="'embedded' or a pipeline folder")
    parser.add_argument('--out', type=Path, required=True, help='folder for quality.json and samples.png')
    parser.add_argument('--scenes', type=int, default=300)
    parser.add_argument('--steps', type=int, default=40)
    args = parser.parse_args()
    import cv2
    import numpy as np

    from mmseg_gen.generators.embedded import quality
    from mmseg_gen.generators.embedded.scenes import CLASSES
    from mmseg_gen.generators.parts import load_parts

    parts = load_parts(args.generator)
    args.out.mkdir(parents=True, exist_ok=True)
    sheet = quality.contact_sheet(parts, [quality.class_prompt(name) for name in CLASSES], steps=args.steps)
    cv2.imwrite(str(args.out / 'samples.png'), np.ascontiguousarray(sheet[..., ::-1]))
    scenes = quality.held_out_scenes(args.scenes)
    auc = quality.attention_auc(parts, scenes, steps=args.steps)
    few = scenes[:20]
    report = {
        'scenes': args.scenes,
        'scenes_inverted': len(few),
        'steps': args.steps,
        'clip_zero_shot_accuracy': quality.zero_shot_accuracy(parts, scenes),
        'attention_auc': {key: float(np.mean(values)) for key, values in auc.items()},
        'attention_auc_by_class': {
            # Held-out scenes show the classes in turn.
            name: float(np.mean(auc['all'][i :: len(CLASSES)]))
            for i, name in enumerate(CLASSES)
        },
        'inversion_error': {
            f'fixed_point_{k}': quality.inversion_error(parts, few, steps=args.steps, fixed_point=k) for k in (0, 1, 3)
        },
    }
    (args.out / 'quality.json').write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
