"""A report as one self-contained HTML page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from narrows._version import __version__
from narrows.evaluation.report import arrays, pictures, recordings
from narrows.evaluation.report.contents import Contents
from narrows.evaluation.report.facts import (
    comparison_notes,
    comparison_rows,
    facts,
    fidelity,
    report_command,
    tiles,
    train_command,
)
from narrows.evaluation.report.pictures import Picture
from narrows.evaluation.report.style import STYLE
from narrows.evaluation.report.verdict import verdict
from narrows.evaluation.verdict import Sentence
from narrows.words import quantity

MARKS = {"good": "+", "bad": "!", "plain": ""}


def page(contents: Contents) -> str:
    """Write the whole page; the same contents give the same page."""
    title = f"{contents.data} through {contents.model_file}"
    training_of, name = contents.codec.model.training, contents.codec.model.architecture
    own = training_of.get("settings", {}), name, contents.model_file
    command = train_command(*own, training_of.get("started_from"))
    model, *training = facts(contents)
    sections = [
        _section("Verdict", _verdict(verdict(contents))),
        _section(
            "Beside other codecs",
            _cards(
                [_comparison(contents)],
                [*map(_card, pictures.bytes_and_quality(contents)), _notes(contents)],
            ),
        ),
        _section(
            "Signals",
            _facts(fidelity(contents))
            + _cards(
                [*map(_card, arrays.whole(contents))],
                *([_card(each)] for each in pictures.signals_shown(contents)),
                [*map(_card, recordings.past(contents))],
            ),
        ),
        _section("Latents" if contents.arrays is None else "Tiles alone", _latents(contents)),
        _section(
            "How it was made",
            _cards(
                [*map(_card, pictures.training(contents)), _facts(model)], [*map(_facts, training)]
            ),
        ),
        _section("The commands", _commands(command, report_command(contents))),
    ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} - narrows report</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>narrows report</h1>
<p class="soft name">{escape(title)}</p>
{_tiles(tiles(contents))}
</header>
<main>
{"".join(sections)}</main>
<footer>Made by narrows {escape(__version__)}. Sizes are lengths of what was written, header and
index included; PSNR is 10 log10(peak²/MSE) of what came back, the error pooled over all
signals, with a peak of {quantity(contents.codec.model.peak)}.</footer>
</body>
</html>
"""


def _latents(contents: Contents) -> str:
    if contents.arrays is not None:
        words = (
            "Tiles of an array are coded together, without latents. These are of tiles that stand "
            "alone, as packets do."
        )
        two = pictures.painted(contents), pictures.spread(contents)
        return f"<p>{words}</p>\n" + _cards(*(map(_card, each) for each in two))
    left = [
        *pictures.the_network(contents),
        *pictures.painted(contents),
        *pictures.a_walk(contents),
    ]
    right = pictures.latent_space(contents) + pictures.spread(contents)
    return _cards(map(_card, left), map(_card, right))


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>\n"


def _cards(*columns: Iterable[str]) -> str:
    """Lay cards out in columns, which stand below each other where the page is narrow."""
    texts = ["\n".join(column) for column in columns]
    return (
        '<div class="cards">\n'
        + "\n".join(f'<div class="column">\n{text}\n</div>' for text in texts if text)
        + "\n</div>"
    )


def _card(picture: Picture) -> str:
    return (
        f'<figure class="card"><h3>{escape(picture.title)}</h3>\n'
        f"<figcaption>{escape(picture.caption)}</figcaption>\n"
        f'<img alt="{escape(picture.alt)}" src="{picture.source}"></figure>'
    )


def _tiles(figures: Sequence[tuple[str, str, str]]) -> str:
    items = "\n".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(beside)}</small></dd></div>"
        for name, value, beside in figures
    )
    return f'<dl class="tiles">\n{items}\n</dl>'


def _verdict(sentences: Sequence[Sentence]) -> str:
    items = "\n".join(
        f'<li class="{sentence.mood}">{_mark(sentence)}{_words(sentence.text)}</li>'
        for sentence in sentences
    )
    return f'<ul class="verdict">\n{items}\n</ul>'


def _words(text: str) -> str:
    """Escape a text, and keep each option of the command line, with its value, on one line."""
    return re.sub(r"(?<![-\w])--[a-z][-a-z]*(?:=\w+)?", r"<code>\g<0></code>", escape(text))


def _mark(sentence: Sentence) -> str:
    """Return the sign of a sentence, which says what its colour says."""
    mark = MARKS[sentence.mood]
    return f"<b>{mark}</b> " if mark else ""


def _comparison(contents: Contents) -> str:
    head = "".join(
        f'<th scope="col">{x}</th>'
        for x in ("codec", "bytes", f"{contents.point.quality}, dB", "model bytes")
    )
    rows = "\n".join(
        f'<tr class="{kind}"><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, cells, kind in comparison_rows(contents)
    )
    return (
        f'<div class="card"><h3>Bytes a {contents.unit}</h3>\n'
        '<div class="scroll"><table class="figures">\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div></div>"
    )


def _notes(contents: Contents) -> str:
    notes = "\n".join(f"<li>{_words(note)}</li>" for note in comparison_notes(contents))
    return (
        '<div class="card"><h3>How they were measured</h3>\n'
        f'<ul class="notes soft">\n{notes}\n</ul></div>'
    )


def _facts(table: tuple[str, Sequence[tuple[str, str]]]) -> str:
    title, pairs = table
    rows = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in pairs
    )
    return (
        f'<div class="card"><h3>{escape(title)}</h3>\n'
        f'<table class="facts"><tbody>\n{rows}\n</tbody></table></div>'
    )


def _commands(train: str, report: str) -> str:
    return (
        f"<pre>{_words(train)}</pre>\n<pre>{_words(report)}</pre>\n"
        '<p class="soft">DATA stands for the training signals: the model file knows their '
        "fingerprint, not their name.</p>"
    )
