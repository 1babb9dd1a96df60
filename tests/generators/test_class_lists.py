import pytest

from mmseg_gen.generators.class_lists import CLASS_LISTS, ClassName, class_list
from mmseg_gen.generators.embedded.scenes import CLASSES


@pytest.mark.parametrize(('name', 'count'), [('embedded', len(CLASSES)), ('voc', 20), ('coco', 80), ('imagenet', 1000)])
def test_lists_are_complete_and_words_unique(name, count):
    found = class_list(name)
    assert len(found) == len({c.words.lower() for c in found}) == len({c.label for c in found}) == count
    assert all(c.words.strip() == c.words and c.group for c in found)
    assert name in CLASS_LISTS


def test_imagenet_is_in_index_order_with_coarse_groups():
    found = class_list('imagenet')
    assert [c.label for c in found] == sorted(c.label for c in found)
    # Index, WordNet id and name as published with ImageNet.
    assert found[0] == ClassName('n01440764', 'tench', 'fish')
    assert found[207] == ClassName('n02099601', 'golden retriever', 'dog')
    assert found[281].words == 'tabby'
    assert found[281].group == 'cat'
    assert found[817] == ClassName('n04285008', 'sports car', 'car')
    assert {c.group for c in found[151:269]} == {'dog'}
    assert {c.group for c in found[7:25]} == {'bird', 'owl'}
    assert 300 < len({c.group for c in found}) < 400


def test_voc_labels_match_mmseg():
    found = class_list('voc')
    assert [c.label for c in found][:3] == ['aeroplane', 'bicycle', 'bird']
    assert {c.label: c.words for c in found if c.label != c.words} == {
        'diningtable': 'dining table', 'pottedplant': 'potted plant', 'tvmonitor': 'television',
    }  # fmt: skip


def test_a_list_of_ones_own(tmp_path):
    path = tmp_path / 'mine.txt'
    path.write_text('# mine\nlynx\tlynx\tcat\n\nowl\nn1\ttawny owl\n', encoding='utf-8')
    assert class_list(path) == [
        ClassName('lynx', 'lynx', 'cat'),
        ClassName('owl', 'owl', 'owl'),
        ClassName('n1', 'tawny owl', 'tawny owl'),
    ]


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'# none\n', 'at least one class'),
        (b'owl\nowl\n', "'owl' again"),
        (b'\xff\xfe', r'a class a line in .*mine\.txt, but it is no UTF-8 text'),
    ],
)
def test_wrong_lists_are_refused(tmp_path, content, message):
    (tmp_path / 'mine.txt').write_bytes(content)
    with pytest.raises(ValueError, match=message):
        class_list(tmp_path / 'mine.txt')


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"from embedded, voc, coco, imagenet, a text file, .* but got 'ade'"):
        class_list('ade')
