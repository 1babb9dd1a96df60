"""Every kind of evidence is drawn: a map for each class at the image's size, and what else is stored."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.functional.concept_evidence import ConceptEvidence
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.functional.scene_evidence import SceneEvidence
from mmseg_gen.functional.style_stack import StyleStack
from mmseg_gen.visualization.report_pictures import background_picture, data_picture, evidence_pictures

SIZE = (20, 30)
QUARTERS = {'top left': (0, 0), 'bottom right': (1, 1)}


def pixels(picture):
    found = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.uri.split(',')[1]))))
    assert found.shape[:2] == picture.size[::-1]
    return found.astype(int)


def quarter_map(quarter, grid=(4, 6)):
    """Return a map that is high in one quarter alone."""
    values = np.zeros(grid, np.float32)
    y, x = QUARTERS[quarter][0] * grid[0] // 2, QUARTERS[quarter][1] * grid[1] // 2
    values[y : y + grid[0] // 2, x : x + grid[1] // 2] = 0.01
    return values


def brightest_quarter(picture):
    green = pixels(picture)[..., 1]
    height, width = green.shape[0] // 2, green.shape[1] // 2
    means = {(y, x): green[y * height :, x * width :][:height, :width].mean() for y in (0, 1) for x in (0, 1)}
    return max(means, key=means.get)


def test_each_concept_has_its_map_and_the_background_is_shown():
    maps = np.stack([quarter_map('top left'), quarter_map('bottom right')])
    background = np.full((*SIZE, 3), (200, 40, 90), np.uint8)
    first, second, painted = evidence_pictures(ConceptEvidence(maps, background, (1, 2)), SIZE, ['bird', 'dog'])
    assert [p.size for p in (first, second, painted)] == [(30, 20)] * 3
    assert (first.caption, second.caption) == ('evidence: bird', 'evidence: dog')
    assert 'the word dog' in second.alt
    assert brightest_quarter(first) == QUARTERS['top left']
    assert brightest_quarter(second) == QUARTERS['bottom right']
    assert np.abs(pixels(painted) - (200, 40, 90)).max() <= 4
    assert painted.caption == background_picture(background).caption


def test_a_single_concept_is_named_in_words_alone():
    evidence = ConceptEvidence(quarter_map('top left')[None], np.zeros((*SIZE, 3), np.uint8))
    assert [p.caption for p in evidence_pictures(evidence, SIZE, ['bird'])] == ['evidence', 'painted over']
    assert 'number 1' in evidence_pictures(evidence, SIZE, [])[0].alt


def test_each_class_of_a_scene_has_its_map():
    def of_class(quarter):
        cross = np.stack([quarter_map(quarter)] * 3)
        return Evidence(cross, np.ones(3), np.zeros((4, 6)), np.zeros((4, 4, 6)))

    scene = SceneEvidence((4, 2), (of_class('bottom right'), of_class('top left')))
    found = evidence_pictures(scene, SIZE, ['tree', 'cup'])
    assert [p.caption for p in found] == ['evidence: tree', 'evidence: cup']
    assert [brightest_quarter(p) for p in found] == [QUARTERS['bottom right'], QUARTERS['top left']]
    assert len(evidence_pictures(scene.classes[0], SIZE, ['tree'])) == 1


@pytest.mark.parametrize('count', [1, 5])
def test_variations_are_tiled(count):
    images = np.stack([np.full((*SIZE, 3), 50 * k, np.uint8) for k in range(count)])
    (found,) = evidence_pictures(StyleStack(images), SIZE, ['cat'])
    assert found.size == (60, 40)
    corner = pixels(found)[35, 55]
    assert np.abs(corner - 50 * (count - 1)).max() <= 3


def test_large_pictures_are_reduced_and_keep_their_shape():
    assert data_picture(np.zeros((100, 1000, 3), np.uint8), 'a', 'b').size == (256, 26)
