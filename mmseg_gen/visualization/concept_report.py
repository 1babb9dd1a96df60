"""The report of a concept distillation run: ``report.json`` and ``report.html`` in its work folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_gen.engine.concepts.photos import list_photos
from mmseg_gen.engine.concepts.refinement import read_labels
from mmseg_gen.engine.concepts.run import ConceptRun, trained_segmentors
from mmseg_gen.errors import UserError
from mmseg_gen.evaluation.concept_scores import Labels, map_auc, read_truth, score_step, step_difference
from mmseg_gen.functional.manifest import KEPT, read_manifest
from mmseg_gen.functional.photo_records import FOUND, PhotoRecord, outcome_counts, read_records
from mmseg_gen.functional.writing import write_bytes
from mmseg_gen.visualization.concept_pictures import photo_part, strip_part
from mmseg_gen.visualization.report_page import Part, details, note, page, table

REPORT_JSON, REPORT_HTML = 'report.json', 'report.html'
_TITLES = {'unet_ds': 'U-Net on D_s', 'unet_ds_dds': "U-Net on D_s and D'_s"}
_FEW = 20


def write_concept_report(run: ConceptRun, *, max_photos: int = 24) -> Path:
    """Write what a run has come to so far: outcomes, scores where there is truth, pictures; return the page's path.

    Args:
        run: The run; stages that are not there are left out.
        max_photos: Photos with pictures.

    Raises:
        UserError: No stage has a result yet, or the truth cannot be read.
    """
    content: dict[str, Any] = {'outcomes': _outcomes(run), 'classes': list(run.settings.names)}
    if not content['outcomes']:
        raise UserError(f'Expected results in {run.root}, but there are none; run the stage `preliminary` first.')
    steps = _steps(run, run.preliminary, run.refined)
    parts = [_outcome_part(run, content['outcomes'])]
    for key, title, source, truth, folder, own in _score_sets(run, steps):
        names = [photo.name for photo in list_photos(source)]
        content[key] = _scores(run, read_truth(truth, names, len(run.settings.names)), folder, own)
        parts.append(_score_part(title, content[key]))
    content['synthetic'] = _synthetic(run)
    parts += [p for p in (photo_part(run, steps, max_photos), strip_part(run)) if p is not None]
    parts.append(Part('Settings', details('concept', json.dumps(run.config.concept.to_dict(), indent=1, default=str))))
    write_bytes(run.root / REPORT_JSON, (json.dumps(content, indent=1) + '\n').encode('utf-8'))
    out = run.root / REPORT_HTML
    write_bytes(out, page(f'Concept distillation {run.root.resolve().name}', _summary(run, content), parts).encode())
    return out


def _steps(run: ConceptRun, preliminary: Path, refined: Path) -> dict[str, Labels]:
    """Return the label maps of each step that is there, in order."""
    found: dict[str, Labels] = {}
    for title, root in (('preliminary', preliminary), ('refined', refined)):
        records = read_records(root)
        if records:
            found[title] = partial(_stored, records, root)
    images = {name: record.image for name, record in read_records(preliminary).items()}
    trained = all((run.root / name / 'segmentor.py').is_file() for name in _TITLES if _wanted(run, name))
    for name, labels in (trained_segmentors(run) if trained else {}).items():
        found[_TITLES[name]] = partial(_predicted, labels, images)
    return found


def _wanted(run: ConceptRun, name: str) -> bool:
    return run.settings.segmentor is not None and (name == 'unet_ds' or run.settings.synthesis.num_samples > 0)


def _stored(records: Mapping[str, PhotoRecord], root: Path, name: str) -> np.ndarray | None:
    record = records.get(name)
    return read_labels(record.path(root, 'mask')) if record is not None and record.outcome == FOUND else None


def _predicted(labels: Any, images: Mapping[str, str], name: str) -> np.ndarray | None:
    return labels(images[name]) if name in images else None


def _score_sets(run: ConceptRun, steps: dict[str, Labels]):
    """Yield the key, title, photos, truth, folder of maps and steps of each set that has truth."""
    own = run.settings
    if own.truth is not None:
        yield 'scores', 'Scores on the photos', own.photos, own.truth, run.preliminary, steps
    if own.test is not None and own.test.get('truth') and (run.test / 'refined').is_dir():
        others = _steps(run, run.test / 'preliminary', run.test / 'refined')
        yield 'test', 'Scores on test photos', own.test['photos'], own.test['truth'], run.test / 'preliminary', others


def _scores(run: ConceptRun, truth: Mapping[str, np.ndarray], folder: Path, steps: Mapping[str, Labels]) -> dict:
    classes = len(run.settings.names)
    scored = {title: score_step(labels, truth, classes) for title, labels in steps.items()}
    titles = list(scored)
    return {
        'n': len(truth),
        'auc': map_auc(read_records(folder), folder, truth, classes),
        'steps': {title: scores.summary() for title, scores in scored.items()},
        'differences': [
            {'better': b, 'worse': a, **step_difference(scored[b], scored[a])} for a, b in pairwise(titles)
        ],
    }


def _outcomes(run: ConceptRun) -> dict[str, dict[str, int]]:
    stages = {'preliminary': run.preliminary, 'refined': run.refined}
    if run.settings.test is not None:
        stages |= {f'test {name}': run.test / name for name in ('preliminary', 'refined')}
    found = {name: outcome_counts(read_records(root).values()) for name, root in stages.items()}
    return {name: counts for name, counts in found.items() if counts}


def _outcome_part(run: ConceptRun, outcomes: Mapping[str, Mapping[str, int]]) -> Part:
    rows = [(stage, word, count) for stage, counts in outcomes.items() for word, count in counts.items()]
    html = note(
        'Every photo has one outcome at each stage; other words are notes on photos that are used all the same.'
    )
    html += table('Outcomes', ('stage', 'outcome', 'photos'), rows)
    odd = [
        (name, record.outcome, ', '.join(record.notes), record.detail)
        for name, record in {**read_records(run.preliminary), **_bad(read_records(run.refined))}.items()
        if record.outcome != FOUND
    ]
    if odd:
        rest = f' ({len(odd) - _FEW} more are in the manifests)' if len(odd) > _FEW else ''
        html += table(f'Photos without a mask{rest}', ('photo', 'outcome', 'notes', 'why'), odd[:_FEW])
    return Part('Outcomes', html)


def _bad(records: Mapping[str, PhotoRecord]) -> dict[str, PhotoRecord]:
    return {name: record for name, record in records.items() if record.outcome != FOUND}


def _score_part(title: str, scores: Mapping[str, Any]) -> Part:
    metrics = ('iou', 'iou_pooled', 'miou_pooled')
    rows = [(step, *(_shown(values[m]) for m in metrics)) for step, values in scores['steps'].items()]
    html = note(
        f'{scores["n"]} photos; brackets hold 95 % bootstrap intervals. iou: mean over photos; pooled: over all '
        "pixels, the paper's convention. A photo without a mask counts as background."
    )
    html += table('Masks', ('step', *metrics), rows)
    differences = [(d['better'], d['worse'], _shown(d)) for d in scores['differences']]
    html += table('Paired differences of iou', ('step', 'less', 'difference'), differences)
    if scores['auc']:
        html += note(f'Area under the ROC curve of the mean attention maps: {_shown(scores["auc"])}.')
    return Part(title, html)


def _shown(value: Mapping[str, Any]) -> str:
    low, high = value['ci95']
    return f'{value["mean"]:.3f} [{low:.3f}, {high:.3f}]'


def _synthetic(run: ConceptRun) -> dict[str, int]:
    entries = read_manifest(run.synthetic)
    return {'made': len(entries), 'kept': sum(entry.status == KEPT for entry in entries)} if entries else {}


def _summary(run: ConceptRun, content: Mapping[str, Any]) -> str:
    counts = content['outcomes'].get('preliminary', {})
    made = content['synthetic'].get('kept', 0)
    words: Sequence[str] = run.settings.names[1:]
    return f'{", ".join(words)}: {counts.get(FOUND, 0)} photos with a preliminary mask, {made} generated images.'
