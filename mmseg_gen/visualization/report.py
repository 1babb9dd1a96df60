"""``mmseg-gen report``: a data set, generated or labelled, on one page that needs neither network nor server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from mmseg_gen.engine.concepts.stage import STAGE
from mmseg_gen.errors import UserError
from mmseg_gen.functional.manifest import (
    KEPT,
    META_NAME,
    Entry,
    leave_out_uncertain,
    read_manifest,
    read_meta,
    uncertain_share,
)
from mmseg_gen.functional.writing import write_bytes
from mmseg_gen.visualization.compositions import composition_part
from mmseg_gen.visualization.photo_entries import outcome_part, photo_entries, read_stage
from mmseg_gen.visualization.report_numbers import MAX_ROWS, class_numbers, mask_numbers, training_curves
from mmseg_gen.visualization.report_page import GENERATOR, Part, details, gallery, note, page, table
from mmseg_gen.visualization.report_samples import FAILED, choose_samples, make_card


def write_report(
    root: str | Path,
    out: str | Path | None = None,
    *,
    max_samples: int = 60,
    curves: Sequence[str | Path] = (),
) -> Path:
    """Write a page about a generated data set, or about labelled photos, and return its path.

    It shows hard and uncertain samples first, then others, with mask, evidence and prompt; failures; objects cut out by
    their masks on other images; numbers by class; the statistics of the masks (of at most 1000 of them, at even steps);
    training curves where asked; outcomes of photos. Pictures are stored in the page, so its size grows
    with ``max_samples`` alone.

    Args:
        root: Folder of the data set, or of ``mmseg-gen label``; nothing is written there.
        out: HTML file; None: ``ROOT_report.html`` beside the folder. An earlier report is replaced, any other file
            is not.
        max_samples: Number of samples with pictures.
        curves: CSV files with a column ``loss``, or work folders of ``tools/train.py``.

    Raises:
        UserError: There is no data set, ``out`` is another file, or a curve cannot be read.
    """
    root = Path(root)
    out = root.resolve().with_name(f'{root.resolve().name}_report.html') if out is None else Path(out)
    entries = read_manifest(root) or photo_entries(root)
    if not entries:
        raise UserError(
            f'Expected a data set of `mmseg-gen synthesize` or `mmseg-gen label` in {root}, but it holds no finished '
            'sample; make one, or give the folder of its manifest.jsonl.'
        )
    _check_out(out)
    sections = choose_samples(entries, max_samples)
    parts = [part for part in (outcome_part(root), _failures(entries)) if part is not None]
    bar = tqdm(total=sum(len(s.entries) for s in sections), desc='report', unit='sample', disable=None)
    with bar:
        for section in sections:
            cards = []
            for entry in section.entries:
                cards.append(make_card(root, entry))
                bar.update()
            rest = section.total - len(cards)
            text = f'{section.text} {len(cards)} shown' + (f', {rest} more not shown.' if rest else '.')
            parts.append(Part(section.title, note(text) + gallery(cards)))
    composed = composition_part(root, entries) if max_samples else None
    parts += [composed] if composed else []
    parts += [class_numbers(entries), mask_numbers(root, entries)]
    parts += [training_curves(curves)] if curves else []
    parts.append(_settings(root))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(out, page(f'Data set {root.resolve().name}', _summary(root, entries), parts).encode('utf-8'))
    return out


def _check_out(out: Path) -> None:
    if out.is_dir():
        raise UserError(f'Expected --out to be an HTML file, but {out} is a folder.')
    if not out.is_file():
        return
    with out.open('rb') as file:
        if f'content="{GENERATOR}"'.encode() not in file.read(4096):
            raise UserError(
                f'Expected {out} to be new or an earlier report, but it is another file; choose another --out.'
            )


def _failed(entry: Entry) -> bool:
    return entry.reason.startswith(FAILED)


def _summary(root: Path, entries: Sequence[Entry]) -> str:
    kept = [entry for entry in entries if entry.status == KEPT]
    used = leave_out_uncertain(kept, uncertain_share(root))
    failed = sum(map(_failed, entries))
    classes = len({entry.class_name for entry in entries})
    return (
        f'{len(entries)} samples of {classes} classes: {len(kept)} kept, of which {len(used)} are trained on (the most '
        f'uncertain are left out), {len(entries) - len(kept) - failed} dropped, {failed} failed.'
    )


def _failures(entries: Sequence[Entry]) -> Part | None:
    failed = [entry for entry in entries if _failed(entry)]
    if not failed:
        return None
    rows = [(e.name, e.class_name, e.prompt, str(e.seed), e.reason.removeprefix(FAILED)) for e in failed[:MAX_ROWS]]
    rest = f', {len(failed) - MAX_ROWS} more not listed' if len(failed) > MAX_ROWS else ''
    head = ('sample', 'class', 'prompt', 'seed', 'reason')
    return Part(
        'Failures', note(f'{len(failed)} samples could not be made or labelled{rest}.') + table('Failures', head, rows)
    )


def _settings(root: Path) -> Part:
    meta = read_meta(root)
    name, settings = (STAGE, read_stage(root)) if meta is None else (META_NAME, meta.get('settings', {}))
    text = json.dumps(settings, indent=1, sort_keys=True)
    return Part('Settings', note('What the set was made with.') + details(name, text))
