"""The HTML of a report: one file without scripts or outside references; every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from mmseg_gen.visualization.report_pictures import Picture
from mmseg_gen.visualization.report_samples import Card

GENERATOR = 'mmseg_gen report'
# Nothing may be fetched and no script may run, even if a text escaped the escaping.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff; --card: #f6f8fa;
  --line: #d0d7de; --link: #0a58ca; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa5b1; --paper: #0f1419;
  --card: #1a2027; --line: #38414b; --link: #79b8ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main, header { max-width: 1200px; margin: 0 auto; padding: 0 16px; }
h1 { font-size: 1.6rem; margin: 24px 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 40px 0 8px; border-bottom: 1px solid var(--line); padding-bottom: 4px; }
h3 { font-size: 1rem; margin: 0 0 8px; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible, [tabindex]:focus-visible, summary:focus-visible {
  outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999px; } .skip:focus { position: static; }
.soft { color: var(--soft); margin: 0 0 12px; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0; list-style: none; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px; min-width: 0; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(70px, 1fr)); gap: 6px; }
figure { margin: 0; } figcaption { font-size: 0.8rem; color: var(--soft); }
.pictures img { width: 100%; height: auto; display: block; border-radius: 4px; }
.pictures img.small { image-rendering: pixelated; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 16px;
  margin-top: 16px; }
.plots img { width: 100%; height: auto; background: #fff; border-radius: 8px; }
.card p { margin: 8px 0 0; font-size: 0.9rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; }
caption { text-align: left; font-weight: 600; padding: 8px 0 4px; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: anywhere; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True)
class Part:
    """A part of the page: its heading and its HTML."""

    title: str
    html: str

    @property
    def anchor(self) -> str:
        """Name for links: the heading's letters and digits."""
        return 'part-' + ''.join(c if c.isascii() and c.isalnum() else '-' for c in self.title.lower())


def page(title: str, summary: str, parts: Sequence[Part]) -> str:
    """Return the whole page.

    Args:
        title: Heading, as text.
        summary: One or two sentences below it, as text.
        parts: In order; their HTML is taken as it is.
    """
    links = ''.join(f'<li><a href="#{part.anchor}">{escape(part.title)}</a></li>' for part in parts)
    sections = ''.join(
        f'<section aria-labelledby="{part.anchor}"><h2 id="{part.anchor}">{escape(part.title)}</h2>\n{part.html}'
        '</section>\n'
        for part in parts
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="{GENERATOR}">\n<title>{escape(title)}</title>\n'
        f'<link rel="icon" href="data:,">\n<style>{_STYLE}</style>\n</head>\n<body>\n'
        '<a class="skip" href="#main">Skip to content</a>\n'
        f'<header><h1>{escape(title)}</h1>\n<p class="soft">{escape(summary)}</p>\n'
        f'<nav aria-label="Parts of this page"><ul>{links}</ul></nav></header>\n'
        f'<main id="main" tabindex="-1">\n{sections}</main>\n</body>\n</html>\n'
    )


def note(text: str) -> str:
    """Return a quiet paragraph."""
    return f'<p class="soft">{escape(text)}</p>\n'


def table(label: str, head: Sequence[str], rows: Iterable[Sequence[str | int | float]]) -> str:
    """Return a table that scrolls by itself on narrow screens, also by keyboard; numbers stand to the right."""
    top = ''.join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = ''.join(f'<tr>{"".join(map(_cell, row))}</tr>\n' for row in rows)
    return (
        f'<div class="scroll" role="region" aria-label="{escape(label)}" tabindex="0"><table>'
        f'<caption>{escape(label)}</caption>'
        f'<thead><tr>{top}</tr></thead>\n<tbody>{body}</tbody></table></div>\n'
    )


def _cell(value: str | int | float) -> str:
    if isinstance(value, str):
        return f'<td>{escape(value)}</td>'
    shown = 'not defined' if value != value else f'{value:.3f}' if isinstance(value, float) else f'{value}'
    return f'<td class="number">{shown}</td>'


def plots(pictures: Sequence[Picture]) -> str:
    """Return pictures of curves and histograms side by side where there is room."""
    return f'<div class="plots">{"".join(_figure(picture) for picture in pictures)}</div>\n'


def gallery(cards: Sequence[Card]) -> str:
    """Return samples as cards."""
    return f'<div class="cards">\n{"".join(map(_card, cards))}</div>\n'


def _card(card: Card) -> str:
    entry = card.entry
    facts = [f'{name} {value:.3g}' for name, value in sorted(entry.measures.items())]
    lines = [
        f'<p>{escape(entry.prompt)}</p>',
        f'<p class="soft">{escape(", ".join([f"seed {entry.seed}", *facts]))}</p>',
    ]
    if entry.reason:
        lines.append(f'<p>Dropped: {escape(entry.reason)}</p>')
    if card.problem:
        lines.append(f'<p>Cannot be shown: {escape(card.problem)}</p>')
    pictures = ''.join(map(_figure, card.pictures))
    return (
        f'<article class="card"><h3>{escape(entry.class_name)} <span class="soft">{escape(entry.name)}</span></h3>'
        f'<div class="pictures">{pictures}</div>{"".join(lines)}</article>\n'
    )


def _figure(picture: Picture) -> str:
    width, height = picture.size
    small = ' class="small"' if max(picture.size) < 200 else ''
    return (
        f'<figure><img{small} src="{escape(picture.uri)}" width="{width}" height="{height}" loading="lazy" '
        f'alt="{escape(picture.alt)}"><figcaption>{escape(picture.caption)}</figcaption></figure>'
    )


def details(summary: str, text: str) -> str:
    """Return a text that opens on demand, by keyboard too."""
    return f'<details><summary>{escape(summary)}</summary><pre>{escape(text)}</pre></details>\n'
