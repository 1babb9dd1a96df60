"""``docs/results.md`` from the documents of all tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_gen.errors import UserError
from mmseg_gen.functional.writing import write_bytes
from mmseg_gen.tables.results import read_document

INTRODUCTION = """\
# Results

Every number on this page was measured on the **embedded world**: rendered scenes at 64 px and the small models that
ship with the package. The papers' numbers, beside ours, were measured by their authors on photographs with Stable
Diffusion and other public models. **Nothing on this page was run on real weights** (Stable Diffusion, DINO, MoCo,
CLIP ViT-L/14 ...), nor on the papers' benchmarks: what carries over is whether one method beats another, not the
height of a number.

Each table is made by the command under its heading, on scenes with which no model was trained and on which no setting
was chosen. Brackets hold 95 % bootstrap intervals over images. A claimed ordering *holds* where the paired interval of
the difference lies above 0, is *reversed* where it lies below, and stays *open* where the interval contains 0.
"""
_VERDICTS = {'holds': 'holds', 'reversed': '**reversed**', 'open': 'open'}


def render_results(folder: Path) -> Path:
    """Write ``results.md`` beside a folder of documents and return its path.

    Args:
        folder: Holds ``TABLE.json`` files.

    Raises:
        UserError: The folder holds none, or one is damaged.
    """
    paths = sorted(folder.glob('*.json'))
    if not paths:
        raise UserError(f'Expected tables in {folder}, but there are none; run `tools/reproduce.py TABLE` first.')
    text = '\n'.join([INTRODUCTION, *(_section(read_document(path)) for path in paths)])
    target = folder.parent / 'results.md'
    write_bytes(target, text.encode('utf-8'))
    return target


def _section(content: Mapping[str, Any]) -> str:
    size = ' Quick form: few images, short trainings.' if content['quick'] else ''
    lines = [
        f'## {content["table"]}: {content["title"]}',
        f'`{content["command"]}` · {content["n"]} scenes · {content["seconds"]:.0f} s of computation.{size}',
        _rows(content),
    ]
    if content['differences']:
        lines += ['Claimed orderings:', _differences(content['differences'])]
    lines += [content['note'], _made_with(content)]
    return '\n\n'.join(line for line in lines if line) + '\n'


def _rows(content: Mapping[str, Any]) -> str:
    metrics = list(dict.fromkeys(name for row in content['rows'] for name in row['metrics']))
    paper = content['paper']
    header = ['', *metrics, *(f'paper: {column}' for column in paper['columns'])]
    names = [row['name'] for row in content['rows']]
    ours = [
        [row['name'], *(_value(row['metrics'].get(name)) for name in metrics), *_theirs(paper, row['name'])]
        for row in content['rows']
    ]
    # What the paper has and we do not is shown too: a gap is part of the result.
    theirs = [[name, *[''] * len(metrics), *_theirs(paper, name)] for name in paper['rows'] if name not in names]
    return _grid(header, [*ours, *theirs])


def _theirs(paper: Mapping[str, Any], name: str) -> list[str]:
    values = paper['rows'].get(name, [None] * len(paper['columns']))
    return ['' if value is None else f'{value:g}' for value in values]


def _differences(differences: Sequence[Mapping[str, Any]]) -> str:
    rows = [[d['better'], d['worse'], d['metric'], _value(d), _VERDICTS[d['verdict']]] for d in differences]
    return _grid(['should be higher', 'than', 'metric', 'difference', ''], rows)


def _made_with(content: Mapping[str, Any]) -> str:
    made_with = content.get('made_with', {})
    versions = ', '.join(f'{name} {version}' for name, version in made_with.get('versions', {}).items())
    weights = made_with.get('weights_sha256', '')[:12]
    return f"Paper's numbers: {content['paper']['source']}. Weights {weights}; {versions}."


def _value(measured: Mapping[str, Any] | None) -> str:
    if measured is None:
        return ''
    low, high = measured['ci95']
    return f'{measured["mean"]:.3f} [{low:.3f}, {high:.3f}]'


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join(f'| {" | ".join(str(cell).replace("|", "/") for cell in line)} |' for line in lines)
