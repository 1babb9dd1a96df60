"""Time the COCO export of a data set, by default of 10 000 masks drawn for the purpose.

    python benchmarks/export.py                          # 10 000 masks of 512 x 512; aim: under 180 s on two cores
    python benchmarks/export.py --count 500 --format voc

Prints one JSON line. The floor is what the job cannot go below: reading every mask and copying every image.
Both are compared in processor time, which other programs on the machine change less. Files are written under a
temporary folder that is removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmseg_gen.engine.export import FORMATS, ExportSettings, export_data_set
from mmseg_gen.functional.manifest import Entry, entry_to_line
from mmseg_gen.functional.writing import encode_png

AIM_SECONDS, AIM_COUNT = 180, 10_000
CLASSES = ('bird', 'car', 'dog', 'person')
# As many different pictures as are drawn; the files of all samples differ in name only.
_DISTINCT = 200


def main() -> int:
    """Run the benchmark; exit 1 if the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--count', type=int, default=AIM_COUNT, help='masks (%(default)s)')
    parser.add_argument('--size', type=int, default=512, help='side in pixels (%(default)s)')
    parser.add_argument('--format', choices=FORMATS, default='coco')
    parser.add_argument('--workers', type=int, help='processes; default: one for each core')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / 'set'
        draw_set(root, args.count, args.size)
        start, busy = time.perf_counter(), processor_seconds()
        report = export_data_set(root, Path(folder) / 'out', ExportSettings(format=args.format), workers=args.workers)
        seconds, busy = time.perf_counter() - start, processor_seconds() - busy
        floor = processor_seconds()
        read_and_copy(root, Path(folder) / 'floor')
        floor = processor_seconds() - floor
    aim = AIM_SECONDS * args.count / AIM_COUNT
    line = {
        'benchmark': 'export',
        'format': args.format,
        'count': report.samples,
        'objects': report.objects,
        'size': args.size,
        'cores': os.cpu_count(),
        'seconds': round(seconds, 1),
        'samples_per_second': round(report.samples / seconds, 1),
        'processor_seconds': round(busy, 1),
        'processor_ratio_to_read_and_copy': round(busy / floor, 2),
        'aim_seconds': aim,
    }
    sys.stdout.write(json.dumps(line) + '\n')
    return int(seconds > aim)


def draw_set(root: Path, count: int, size: int) -> None:
    """Write a generated data set of blobs with ragged edges, holes and specks, about twenty objects each."""
    for folder in ('images', 'masks'):
        (root / folder).mkdir(parents=True)
    pictures = [_picture(index, size) for index in range(min(count, _DISTINCT))]
    lines = []
    for index in range(count):
        class_name = CLASSES[index % len(CLASSES)]
        name, files = f'{index:06d}_{class_name}', {}
        for kind, folder, content in zip(
            ('image', 'mask'), ('images', 'masks'), pictures[index % len(pictures)], strict=True
        ):
            path = root / folder / f'{name}.png'
            path.write_bytes(content)
            files[kind] = (f'{folder}/{name}.png', len(content))
        lines.append(entry_to_line(Entry(index, name, class_name, f'a photo of a {class_name}', index, files=files)))
    (root / 'manifest.jsonl').write_text(''.join(lines), encoding='utf-8')


def _picture(index: int, size: int) -> tuple[bytes, bytes]:
    rng = np.random.default_rng(index)
    noise = cv2.GaussianBlur(rng.standard_normal((size, size)), (0, 0), size / 40)
    mask = noise > 1.2 * noise.std()
    image = rng.integers(0, 255, (size // 8, size // 8, 3)).astype(np.uint8)
    return encode_png(cv2.resize(image, (size, size))), encode_png(mask.astype(np.uint8) * np.uint8(255))


def processor_seconds() -> float:
    """Return the processor time of this process and of the finished ones that it started."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def read_and_copy(root: Path, out: Path) -> None:
    """Read every mask and copy every image."""
    out.mkdir()
    for mask in (root / 'masks').iterdir():
        np.array(Image.open(mask))
        shutil.copyfile(root / 'images' / mask.name, out / mask.name)


if __name__ == '__main__':
    sys.exit(main())
