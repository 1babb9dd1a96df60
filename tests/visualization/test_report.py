"""The report read back by a parser, and by a real browser where there is one."""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from mmseg_gen.cli.main import main
from mmseg_gen.errors import UserError
from mmseg_gen.functional.evidence import Evidence
from mmseg_gen.functional.manifest import Entry
from mmseg_gen.visualization import report_numbers
from mmseg_gen.visualization.compositions import COUNT
from mmseg_gen.visualization.report import write_report
from mmseg_gen.visualization.report_pictures import paint_labels
from mmseg_gen.visualization.report_samples import choose_samples
from tests.engine.drawn_set import finish_set, write_entry

EVIL = '<img src=x onerror="document.title=\'pwned\'"><script>document.title="pwned"</script>'
BROWSER = next((path for name in ('chromium', 'google-chrome', 'chrome') if (path := shutil.which(name))), None)


class Reader(HTMLParser):
    """Collects tags with their attributes, and all text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ''
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('report') / 'set'
    entries = [
        write_entry(root, i, 'dog', prompt=f'prompt number {i}', measures={'uncertainty': u, 'clip': 0.5})
        for i, u in enumerate((0.1, 0.9, 0.4, 0.8, 0.2, 0.3))
    ]
    entries.append(write_entry(root, 6, 'cat', reason='mask too small'))
    entries.append(write_entry(root, 7, 'cat', reason='failed: 3 NaN values in `cross`'))
    entries.append(write_entry(root, 8, EVIL.replace('"', "'").replace('/', ''), prompt=EVIL))
    maps = np.random.default_rng(0).random((2, 6, 6))
    (root / 'evidence').mkdir()
    Evidence(maps, maps.std((1, 2)), maps[0], np.zeros((4, 6, 6))).save(root / 'evidence/000001_dog.npz')
    entries[1].files['evidence'] = ('evidence/000001_dog.npz', 1)
    return finish_set(root, entries)


@pytest.fixture(scope='module')
def html(root, tmp_path_factory):
    return write_report(root, tmp_path_factory.mktemp('page') / 'report.html').read_text(encoding='utf-8')


@pytest.fixture(autouse=True)
def without_plots(html, monkeypatch):
    """Plots take most of the time, and the page that the tests share has them."""
    monkeypatch.setattr(report_numbers, '_statistics_plots', lambda statistics: [])


def test_hard_samples_come_first_and_everything_is_named(html):
    reader = Reader(html)
    numbers = [int(n) for n in re.findall(r'prompt number (\d)', reader.text)]
    assert numbers[:6] == [1, 3, 2, 5, 4, 0]
    for text in ('mask too small', '3 NaN values in `cross`', '9 samples of 3 classes: 7 kept', 'seed 3'):
        assert text in reader.text
    assert reader.text.index('Failures') < reader.text.index('Most uncertain')


def test_pictures_are_the_samples_and_have_words(html, root):
    images = Reader(html).all('img')
    assert all(image['alt'].strip() and image['width'] and image['height'] for image in images)
    plots = [image['alt'] for image in images if image['src'].startswith('data:image/png')]
    assert len(plots) == 7
    assert 'Distribution of object size over the masks' in plots
    images = [image for image in images if image['src'].startswith('data:image/jpeg')]
    composed = [image for image in images if 'cut out by its mask' in image['alt']]
    assert len(composed) == COUNT
    images = [image for image in images if image not in composed]
    assert len(images) == 7 * 2 + 1 + 1
    first = np.asarray(Image.open(io.BytesIO(base64.b64decode(images[0]['src'].split(',')[1])))).astype(int)
    original = np.asarray(Image.open(root / 'images/000001_dog.png')).astype(int)
    # The noise's colours do not survive JPEG, its brightness does.
    assert np.corrcoef(first.mean(-1).ravel(), original.mean(-1).ravel())[0, 1] > 0.95
    assert 'evidence' not in images[1]['alt']
    assert 'attended' in images[2]['alt']


def test_user_text_never_becomes_markup(html):
    reader = Reader(html)
    assert not reader.all('script')
    assert EVIL in reader.text
    assert not [a for _, attributes in reader.tags for a in attributes if a.startswith('on')]


def test_nothing_is_fetched(html):
    reader = Reader(html)
    places = [a[key] for _, a in reader.tags for key in ('src', 'href') if key in a]
    assert places
    assert all(place.startswith(('data:', '#')) for place in places)
    policy = next(a['content'] for a in reader.all('meta') if a.get('http-equiv') == 'Content-Security-Policy')
    assert "default-src 'none'" in policy


def test_links_of_the_page_lead_somewhere(html):
    reader = Reader(html)
    anchors = {a['id'] for _, a in reader.tags if 'id' in a}
    assert {a['href'][1:] for a in reader.all('a')} <= anchors


def test_numbers_of_the_masks_are_right(html, root):
    areas = [np.asarray(Image.open(p)).astype(bool).mean() for p in sorted((root / 'masks').iterdir())]
    row = re.search(r'object size[^<]*</td>(.*?)</tr>', html).group(1)
    values = [float(v) for v in re.findall(r'>([\d.]+)<', row)]
    assert values == pytest.approx([np.mean(areas), *np.quantile(areas, (0.1, 0.5, 0.9))], abs=6e-4)


def test_the_size_is_bounded_and_the_rest_counted(root, tmp_path):
    page = Reader(write_report(root, tmp_path / 'a.html', max_samples=4).read_text())
    assert len(page.all('article')) == 4
    assert '2 shown, 5 more not shown' in page.text
    assert not Reader(write_report(root, tmp_path / 'b.html', max_samples=0).read_text()).all('article')
    with pytest.raises(UserError, match='`max_samples` of at least 0'):
        write_report(root, tmp_path / 'c.html', max_samples=-1)


def test_choice_fills_its_room_without_repeats():
    entries = [Entry(i, f'{i}', 'dog', '', 0, measures={'uncertainty': i / 50} if i % 2 else {}) for i in range(50)]
    sections = choose_samples(entries, 20)
    indices = [e.index for s in sections for e in s.entries]
    assert len(indices) == len(set(indices)) == 20
    assert indices[:3] == [49, 47, 45]
    assert [e.index for e in sections[1].entries][:1] == [0]


def test_a_damaged_file_is_said_and_does_not_stop_the_page(tmp_path):
    root = finish_set(tmp_path / 'set', [write_entry(tmp_path / 'set', i, 'dog') for i in range(2)])
    (root / 'masks/000001_dog.png').write_bytes(b'no picture')
    text = Reader(write_report(root, tmp_path / 'r.html').read_text()).text
    assert 'Cannot be shown' in text
    assert 'Files that cannot be read' in text


def test_index_masks_get_a_colour_for_each_label():
    labels = np.array([[0, 1, 2, 255]] * 9, np.uint8)
    painted = paint_labels(np.full((9, 4, 3), 100, np.uint8), labels)
    assert [tuple(painted[4, x].tolist()) for x in (0, 3)] == [(100, 100, 100)] * 2
    assert len({tuple(painted[4, x].tolist()) for x in (0, 1, 2)}) == 3
    with pytest.raises(UserError, match='size of its image'):
        paint_labels(np.zeros((3, 4, 3), np.uint8), labels)


def test_curves_from_csv_and_work_folder(root, tmp_path):
    (tmp_path / 'loss.csv').write_text('step,loss\n1,2\n2,1\n')
    log = tmp_path / 'work/20260101/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 2.0, "step": 10}\n{"sal/IoU": 0.5, "step": 10}\n{"loss": 1.0, "step": 20}\n{"lo')
    out = write_report(root, tmp_path / 'r.html', max_samples=0, curves=[tmp_path / 'loss.csv', tmp_path / 'work'])
    assert len([i for i in Reader(out.read_text()).all('img') if 'loss over steps' in i['alt']]) == 2
    with pytest.raises(UserError, match=r'has no vis_data/scalars\.json'):
        write_report(root, tmp_path / 'r.html', curves=[tmp_path])


def test_other_files_are_never_overwritten(root, tmp_path):
    mine = tmp_path / 'index.html'
    mine.write_text('<h1>My home page</h1>')
    with pytest.raises(UserError, match='it is another file'):
        write_report(root, mine)
    assert mine.read_text() == '<h1>My home page</h1>'
    first = write_report(root, tmp_path / 'report.html', max_samples=0).read_bytes()
    assert write_report(root, tmp_path / 'report.html', max_samples=0).read_bytes() == first


def test_the_command_says_where_the_page_is(root, tmp_path, capsys):
    assert main(['report', str(root), '--out', str(tmp_path / 'r.html'), '--max-samples', '1']) == 0
    assert str(tmp_path / 'r.html') in capsys.readouterr().out
    assert main(['report', str(tmp_path)]) == 2
    assert 'holds no finished sample' in capsys.readouterr().err


def browse(path, *options):
    command = [BROWSER, '--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=2000', *options]
    return subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.skipif(BROWSER is None, reason='no Chromium on the PATH')
def test_a_browser_shows_it_without_running_user_text(html, tmp_path):
    (tmp_path / 'r.html').write_text(html)
    dom = Reader(browse(tmp_path / 'r.html', '--dump-dom'))
    assert not dom.all('script')
    assert 'Data set set' in dom.text
    assert dom.all('img') == Reader(html).all('img')


@pytest.mark.skipif(BROWSER is None, reason='no Chromium on the PATH')
def test_a_narrow_screen_needs_no_sideways_scrolling(html, tmp_path):
    # The policy would stop this test's own script.
    probe = '<script>onload=()=>{document.title=`w${innerWidth} s${document.documentElement.scrollWidth}`}</script>'
    text = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', probe, html)
    (tmp_path / 'r.html').write_text(text)
    dom = browse(tmp_path / 'r.html', '--window-size=375,800', '--dump-dom')
    width, needed = map(int, re.search(r'<title>w(\d+) s(\d+)</title>', dom).groups())
    assert needed <= width <= 500
    browse(tmp_path / 'r.html', '--window-size=375,800', f'--screenshot={tmp_path / "shot.png"}')
    shot = np.asarray(Image.open(tmp_path / 'shot.png').convert('RGB'))
    assert shot.shape[1] == 375
    assert shot.std() > 10
