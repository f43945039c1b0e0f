"""Words as pictures and pages show them: every character visible, measured, wrapped, escaped; pages made of them.

Nothing is measured with the fonts that happen to be installed, so a picture is the same on every machine.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from kg.syntax.visible import visible

_NARROW: Final = frozenset("fijlrtI.,:;'’‘|!()[] /-")
_WIDE: Final = frozenset("mwMW@%—…ЖШЩЮМжшщюм")


def shown(words: str) -> str:
    r"""Return a text on one line with every character visible: no mark of direction or control gets through.

    >>> shown("a\u202eb\n c")
    'a<U+202E>b c'
    """
    return visible(" ".join(words.split()))


def width(words: str, size: float) -> float:
    """Return about how wide a text is at a size, in the same unit; rather too wide than too narrow."""
    return _scaled(sum(map(_advance, words)), size)


def _scaled(advance: int, size: float) -> float:
    return size * advance / 100


def _advance(character: str) -> int:
    """Return how far a character moves the next one, in hundredths of the size: whole numbers add up exactly."""
    if unicodedata.combining(character):
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return 100
    if character in _NARROW:
        return 42
    if character in _WIDE:
        return 98
    return 73 if character.isupper() else 63


def wrapped(words: str, size: float, most: float, lines: int = 99) -> list[str]:
    """Return a text in lines at most ``most`` wide, broken at spaces or else within a word, and cut after ``lines``.

    Costs one pass over the text.

    >>> wrapped("bombing of Turkish soldiers", 10, 100)
    ['bombing of', 'Turkish soldiers']
    """
    found = list(islice(_broken(words, size, most), lines + 1))
    return found if len(found) <= lines else [*found[: lines - 1], f"{found[lines - 1][:-1]}…"]


def _broken(words: str, size: float, most: float) -> Iterator[str]:
    """Yield the lines of a text, each as full as it can be."""
    line, filled = "", 0
    for word in shown(words).split():
        longer = filled + _advance(" ") + sum(map(_advance, word))
        if line and _scaled(longer, size) <= most:
            line, filled = f"{line} {word}", longer
            continue
        if line:
            yield line
        start = filled = 0
        for at, advance in enumerate(map(_advance, word)):
            if at > start and _scaled(filled + advance, size) > most:
                yield word[start:at]
                start, filled = at, 0
            filled += advance
        line = word[start:]
    if line:
        yield line


def balanced(words: str, size: float, most: float, lines: int = 99) -> list[str]:
    """Return a text wrapped into as few lines as will do, all about as long: no word is left over for the last.

    A text that is cut after ``lines`` is not balanced: there is always enough for the last line.

    >>> balanced("backs opponents of those backed by", 10, 150)
    ['backs opponents', 'of those backed by']
    """
    best = list(islice(_broken(words, size, most), lines + 1))
    if not 1 < len(best) <= lines:
        return wrapped(words, size, most, lines)
    least = max(width(word, size) for word in shown(words).split())
    narrower = most * 0.95
    while narrower > least and len(found := wrapped(words, size, narrower, lines + 1)) == len(best):
        best, narrower = found, narrower * 0.95
    return best


def escaped(words: str) -> str:
    """Return a text as markup, on one line and visible: it can begin or end nothing.

    >>> escaped('<b>"')
    '&lt;b&gt;&quot;'
    """
    return html.escape(shown(words))


def quoted(sentence: str, quotes: Iterable[tuple[str, str]], note: str = "") -> str:
    """Return the markup of a sentence with its quotes, each with who says it."""
    said = "".join(
        f"<blockquote><q><bdi>{escaped(words)}</bdi></q> <cite>{escaped(whose)}</cite></blockquote>"
        for words, whose in quotes
    )
    beside = f" <small>{escaped(note)}</small>" if note else ""
    return f"<bdi>{escaped(sentence)}</bdi>{beside}{said}"


def page(title: str, about: str, picture: str, sections: Iterable[tuple[str, Iterable[str]]]) -> str:
    """Return a web page of its own: heading, picture, then sections of items that are markup already.

    It loads nothing, runs nothing, and says so to the browser (Content Security Policy).
    """
    parts = []
    for name, items in sections:
        listed = "".join(f"<li>{item}</li>\n" for item in items)
        parts.append(f"<section>\n<h2>{escaped(name)}</h2>\n<ul>\n{listed}</ul>\n</section>\n")
    return _PAGE.format(title=escaped(title), about=escaped(about), picture=picture, sections="".join(parts))


_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; color: #1a1a1a; background: #ffffff; margin: 1.5rem; line-height: 1.45; }}
figure {{ margin: 0; overflow-x: auto; }}
section {{ max-width: 50rem; }}
li {{ margin-bottom: 0.6rem; }}
small, cite {{ color: #5a5a5a; font-style: normal; }}
blockquote {{ margin: 0.15rem 0 0.15rem 1rem; }}
@media print {{ figure {{ overflow: visible; }} svg {{ max-width: 100%; height: auto; }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{about}</p>
<figure>
{picture}</figure>
{sections}</body>
</html>
"""
