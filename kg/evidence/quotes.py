"""Where words stand in a text, and what the text really says where they nearly do.

Positions count Unicode code points from 0, the end excluded (Web Annotation Data Model, 4.2.5).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import Final

_QUOTATION: Final = "\"'“”„‟‘’‚‛«»‹›`´″′"
_DASHES: Final = "-‐‑‒–—―−"
_SPACES: Final = "".join(filter(str.isspace, map(chr, range(0x3001))))
_EASILY: Final = {
    "white space": (_SPACES, " "),
    "quotation marks": (_QUOTATION, "'"),
    "dashes": (_DASHES, "-"),
}
"""What is easily copied otherwise than it was published."""
_PLAIN: Final = {name: str.maketrans(dict.fromkeys(marks, one)) for name, (marks, one) in _EASILY.items()}
_ALL_PLAIN: Final = str.maketrans({mark: one for marks, one in _EASILY.values() for mark in marks})
_LONGER: Final = re.compile(r" {2,}|\.\.\.")

_MOST_QUOTED: Final = (
    400  # characters of a quote that are compared with the text where it is nowhere to be found
)
_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
_MOST_SHINGLES: Final = 60
_MOST_PLACES: Final = 20
_MARGIN: Final = 30
_ALIKE: Final = 0.6


def places(text: str, words: str, most: int = _MOST_PLACES) -> list[int]:
    """Return where words stand in a text, at most so many times; they may overlap.

    >>> places("an agreement on an island", "an")
    [0, 16, 22]
    """
    return list(islice(_places(text, words), most))


def _places(text: str, words: str) -> Iterator[int]:
    at = text.find(words) if words else -1
    while at >= 0:
        yield at
        at = text.find(words, at + 1)


def place(text: str, words: str, start: int | None, end: int | None = None) -> tuple[int, int] | None:
    """Return where a quote stands: at the place that its start or its end tells, or else at the only one.

    >>> place("an island an hour away", "an", 10), place("an island an hour", "an", 4), place("an island", "isle", 3)
    ((10, 12), None, None)
    """
    for at in (start, end - len(words) if end is not None else None):
        if at is not None and at >= 0 and words and text.startswith(words, at):
            return at, at + len(words)
    found = places(text, words, 2)
    return (found[0], found[0] + len(words)) if len(found) == 1 else None


def shown(words: str, most: int = 100) -> str:
    """Return words in quotation marks for a message, cut where they are many."""
    return repr(words if len(words) <= most else words[: most - 1] + "…")


def nearest(text: str, words: str) -> tuple[int, int] | None:
    """Return where a text says nearly the same as some words, ``None`` if it does nowhere.

    Of words that are not there even with other spaces, marks and capitals only the first 400 characters are
    looked for. Cost: a few dozen searches of the text.
    """
    plain, longer = _levelled(text)
    wanted, _ = _levelled(words.strip())
    if wanted and (at := plain.find(wanted)) >= 0:
        return _original(at, longer), _original(at + len(wanted), longer)
    for form in ("NFC", "NFD"):
        composed = unicodedata.normalize(form, words.strip())
        if composed and (at := text.find(composed)) >= 0:
            return at, at + len(composed)
    return _most_alike(text, words.strip()[:_MOST_QUOTED])


@lru_cache(maxsize=2)
def _levelled(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text with one kind of space, mark and capital, and where its places differ from there on by how much."""
    lower = text.lower()
    same = (lower if len(lower) == len(text) else text).translate(_ALL_PLAIN)
    longer, shift = [(0, 0)], 0
    for found in _LONGER.finditer(same):
        shift += len(found[0]) - 1
        longer.append((found.end() - shift, shift))
    return _LONGER.sub(lambda found: "…" if found[0] == "..." else " ", same), longer


def _original(at: int, longer: list[tuple[int, int]]) -> int:
    return at + longer[bisect_right(longer, at, key=itemgetter(0)) - 1][1]


def differences(words: str, real: str) -> str:
    """Say in what two texts differ where it is little: ``in white space and dashes``; nothing where it is more.

    >>> differences("the “port”", "The 'port'")
    'quotation marks and capitals'
    """
    changes: dict[str, Callable[[str], str]] = {name: _translated(table) for name, table in _PLAIN.items()}
    changes["white space"] = lambda text: " ".join(text.split())
    changes["dots"] = lambda text: text.replace("…", "...")
    changes["accents"] = lambda text: unicodedata.normalize("NFC", text)
    changes["capitals"] = str.lower

    def levelled(without: str = "") -> list[str]:
        both = [words, real]
        for name, change in changes.items():
            if name != without:
                both = [change(one) for one in both]
        return [one.strip() for one in both]

    def differ(pair: list[str]) -> bool:
        return pair[0] != pair[1]

    if differ(levelled()):
        return ""
    kinds = [name for name in changes if differ(levelled(name))]
    return " and ".join([", ".join(kinds[:-1]), kinds[-1]] if kinds[1:] else kinds)


def _translated(table: dict[int, str]) -> Callable[[str], str]:
    return lambda text: text.translate(table)


def _most_alike(text: str, words: str) -> tuple[int, int] | None:
    """Return the piece of a text that shares most with some words: found by runs of words that it shares."""
    tokens = [found.span() for found in re.finditer(r"\w+", words)]
    votes: Counter[int] = Counter()
    for length in (4, 2, 1):
        runs = [(tokens[at][0], tokens[at + length - 1][1]) for at in range(max(0, len(tokens) - length + 1))]
        step = max(1, len(runs) // _MOST_SHINGLES)
        for start, end in runs[::step]:
            for at in places(text, words[start:end]):
                votes[(at - start) // _MARGIN] += 1
        if votes:
            break
    best: tuple[float, tuple[int, int]] = (_ALIKE, (0, 0))
    for place, _ in votes.most_common(3):
        start = max(0, (place - 1) * _MARGIN)
        best = max(best, _alike(words, text, start, start + len(words) + 3 * _MARGIN))
    return best[1] if best[1][1] else None


def _alike(words: str, text: str, start: int, end: int) -> tuple[float, tuple[int, int]]:
    """Return how many words a piece of a text shares with others, and the part of it that does."""
    there = [found.span() for found in _TOKEN.finditer(text, start, end)]
    wanted = _TOKEN.findall(words.lower())
    matcher = SequenceMatcher(None, [text[a:b].lower() for a, b in there], wanted, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    if not blocks:
        return 0.0, (0, 0)
    # What stands beside the shared words, where the others have words too, is what was written otherwise.
    first = max(0, blocks[0].a - blocks[0].b)
    beyond = min(len(there), blocks[-1].a + len(wanted) - blocks[-1].b)
    shared = sum(block.size for block in blocks)
    return 2 * shared / (len(wanted) + beyond - first), (there[first][0], there[beyond - 1][1])
