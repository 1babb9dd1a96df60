"""Train the embedded models: autoencoder, CLIP and text-to-image UNet, on rendered scenes or captioned photographs.

Resumes by itself from the checkpoints in ``--work-dir``; the finished pipeline lies in ``--work-dir/pipeline``.
"""

import argparse
import logging
from pathlib import Path

STAGES = ['vae', 'clip', 'clip_vision', 'unet']


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/embedded'), help='checkpoints, logs, the result'
    )
    parser.add_argument('--data', type=Path, help='folder with captions.jsonl; default: rendered scenes')
    parser.add_argument('--scenes', type=int, default=24000, help='number of rendered scenes')
    parser.add_argument('--stages', nargs='+', default=STAGES, choices=STAGES)
    parser.add_argument('--vae-steps', type=int, default=4000)
    parser.add_argument('--clip-steps', type=int, default=1000)
    parser.add_argument('--clip-vision-steps', type=int, default=2500, help='more of CLIP with its text tower frozen')
    parser.add_argument('--unet-steps', type=int, default=20000)
    parser.add_argument('--unet-minutes', type=float, help='end the UNet stage after about this time')
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--device', default=None, help='default: cuda where there is one, else cpu')
    parser.add_argument('--compile', action='store_true', help='torch.compile the UNet: minutes to start, 1.3x after')
    parser.add_argument('--init', type=Path, help='pipeline folder whose UNet the training starts from')
    parser.add_argument('--export', type=Path, help='write the pipeline there in float16 with checksums when done')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(message)s')
    from mmseg_gen.generators.embedded.recipe import export_pipeline, train_embedded

    folder = train_embedded(args)
    if args.export is not None:
        export_pipeline(folder, args.export)


if __name__ == '__main__':
    main()
