"""The pages of the format's specification, for the tests that compare them with the code."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "FORMAT.md", *sorted((DOCS / "format").glob("*.md"))]
DOCUMENT = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)


def section(heading):
    """The text under a heading, up to the next one of any level."""
    found = re.findall(rf"^#+ (?:\d\. )?{heading}\n(.*?)(?=^#|\Z)", DOCUMENT, re.M | re.S)
    assert len(found) == 1, f"{len(found)} headings {heading!r} in FORMAT.md and format/"
    return found[0]


def table(heading, number=1):
    """The rows of a table under a heading, each a list of cells without backticks."""
    lines = re.findall(r"(?:^\|.*\n)+", section(heading), re.M)[number - 1].splitlines()
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def stated(heading, phrase):
    """The numbers that the text under a heading has in the place of each {} of a phrase."""
    parts = [r"\s+".join(map(re.escape, part.split(" "))) for part in phrase.split("{}")]
    text = re.sub(r"\s+", " ", section(heading))
    found = re.findall(NUMBER.join(parts), text)
    assert len(found) == 1, f"{len(found)} times {phrase!r} under {heading!r}"
    return tuple(map(value, [found[0]] if isinstance(found[0], str) else found[0]))


NUMBER = r"`?(-?(?:0x)?[0-9A-F*\"a-z]+(?: [-0-9A-F]+)*)`?"


def value(text):
    """A number, hexadecimal bytes or a quoted string, as the document writes them."""
    if re.fullmatch(r"[0-9A-F]{2}( [0-9A-F]{2})+", text):
        return bytes.fromhex(text)
    if quoted := re.fullmatch(r'"(.*)"', text):
        return quoted[1]
    if power := re.fullmatch(r"(-?)2\*\*(\d+)(?: - (\d+))?", text):
        return (-1 if power[1] else 1) * 2 ** int(power[2]) - int(power[3] or 0)
    return int(text, 0)


def integers(text):
    """The integers of a text, in its order."""
    return [int(number) for number in re.findall(r"-?\d+", text)]
