"""Scenes in the forms of Stanford Dogs (XML and .mat lists) and Stanford Cars (.mat annotations)."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from mmseg_gen.datasets.converters.label_files import write_once
from mmseg_gen.datasets.layouts.scene_images import encode_jpeg, scene_images
from mmseg_gen.functional.boxes import mask_box
from mmseg_gen.functional.writing import write_bytes

_BREEDS = ('n02085620-Chihuahua', 'n02113624-toy_poodle')
_TEST_EVERY = 2


def write_dogs_scenes(root: str | Path, count: int, *, size: int = 64) -> dict[str, np.ndarray]:
    """Write ``Images``, ``Annotation`` and the three lists; every second image is for testing.

    Args:
        root: Folder of the data set.
        count: Number of images, at least 2.
        size: Canvas side in pixels.

    Returns:
        The mask of each image by its stem, bool ``(H, W)``.

    Raises:
        ValueError: An argument is out of range.
        UserError: An image or annotation is there with other content.
    """
    folder, truths, names = Path(root), {}, []
    for scene in scene_images(count, size=size, classes=['dog']):
        breed = _BREEDS[scene.number % len(_BREEDS)]
        stem = f'{breed.split("-")[0]}_{scene.number}'
        truths[stem] = scene.labels > 0
        names.append(f'{breed}/{stem}')
        write_once(folder / f'Images/{breed}/{stem}.jpg', encode_jpeg(scene.image))
        write_once(folder / f'Annotation/{breed}/{stem}', dog_annotation(stem, breed, truths[stem].shape, truths[stem]))
    parts = {'file': names, 'train': names[::_TEST_EVERY], 'test': names[1::_TEST_EVERY]}
    for part, members in parts.items():
        write_bytes(folder / f'{part}_list.mat', dog_list(members))
    return truths


def dog_annotation(stem: str, breed: str, size: tuple[int, int], *objects: np.ndarray) -> bytes:
    """Return the XML of an image of ``(H, W)`` with the boxes of masks, bool ``(H, W)``."""
    root = ElementTree.Element('annotation')
    ElementTree.SubElement(root, 'folder').text = breed.split('-')[0][1:]
    ElementTree.SubElement(root, 'filename').text = stem
    sides = ElementTree.SubElement(root, 'size')
    for key, value in zip(('width', 'height', 'depth'), (size[1], size[0], 3), strict=True):
        ElementTree.SubElement(sides, key).text = str(value)
    for mask in objects:
        x1, y1, x2, y2 = mask_box(mask).astype(int)
        item = ElementTree.SubElement(root, 'object')
        ElementTree.SubElement(item, 'name').text = breed.split('-')[1]
        box = ElementTree.SubElement(item, 'bndbox')
        # As in VOC: counted from 1, the last pixel included.
        for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), (x1 + 1, y1 + 1, x2, y2), strict=True):
            ElementTree.SubElement(box, key).text = str(value)
    ElementTree.indent(root, '\t')
    return ElementTree.tostring(root) + b'\n'


def dog_list(names: list[str]) -> bytes:
    """Return a list of images, ``BREED/STEM``, as a .mat file: cells of names, and labels from 1 on."""
    breeds = sorted({name.split('/')[0] for name in names})
    labels = np.array([[breeds.index(name.split('/')[0]) + 1] for name in names], np.uint8)
    return _mat(file_list=_cells([f'{n}.jpg' for n in names]), annotation_list=_cells(names), labels=labels)


def write_cars_scenes(root: str | Path, count: int, *, form: str = 'devkit', size: int = 64) -> dict[str, np.ndarray]:
    """Write images and annotations; every second image is for testing.

    Args:
        root: Folder of the data set.
        count: Number of images, at least 2.
        form: 'devkit' writes ``cars_train``, ``cars_test`` and ``devkit``; 'one_file' writes ``car_ims`` and
            ``cars_annos.mat``.
        size: Canvas side in pixels.

    Returns:
        The mask of each image by its stem, bool ``(H, W)``.

    Raises:
        ValueError: An argument is out of range.
        UserError: An image is there with other content.
    """
    if form not in ('devkit', 'one_file'):
        raise ValueError(f"Expected `form` as 'devkit' or 'one_file', but got {form!r}.")
    folder, truths = Path(root), {}
    rows: dict[str, list[tuple]] = {'train': [], 'test': []}
    for scene in scene_images(count, size=size, classes=['car']):
        split = ('train', 'test')[scene.number % _TEST_EVERY]
        name = f'{scene.number + 1:06d}.jpg' if form == 'one_file' else f'{scene.number + 1:05d}.jpg'
        truths[name.removesuffix('.jpg')] = mask = scene.labels > 0
        x1, y1, x2, y2 = (int(value) for value in mask_box(mask))
        rows[split].append((name, x1 + 1, y1 + 1, x2, y2))
        place = 'car_ims' if form == 'one_file' else f'cars_{split}'
        write_once(folder / place / name, encode_jpeg(scene.image))
    corners = ['bbox_x1', 'bbox_y1', 'bbox_x2', 'bbox_y2']
    if form == 'one_file':
        records = sorted((f'car_ims/{name}', *box, 1, int(s == 'test')) for s in rows for name, *box in rows[s])
        annotations = _struct(['relative_im_path', *corners, 'class', 'test'], records)
        write_bytes(folder / 'cars_annos.mat', _mat(annotations=annotations))
        return truths
    (folder / 'devkit').mkdir(parents=True, exist_ok=True)
    train = _struct([*corners, 'class', 'fname'], [(*box, 1, name) for name, *box in rows['train']])
    test = _struct([*corners, 'fname'], [(*box, name) for name, *box in rows['test']])
    write_bytes(folder / 'devkit/cars_train_annos.mat', _mat(annotations=train))
    write_bytes(folder / 'devkit/cars_test_annos.mat', _mat(annotations=test))
    return truths


def _cells(values: list[str]) -> np.ndarray:
    cells = np.empty((len(values), 1), object)
    cells[:, 0] = values
    return cells


def _struct(fields: list[str], records: list[tuple]) -> np.ndarray:
    array = np.empty((1, len(records)), [(field, object) for field in fields])
    array[0] = records
    return array


def _mat(**variables: np.ndarray) -> bytes:
    from scipy.io import savemat

    stream = io.BytesIO()
    savemat(stream, variables)
    return stream.getvalue()
