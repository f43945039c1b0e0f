"""SPARQL as text: what is code in it, and what a parser's complaint means."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kg.errors import UnreadableInput

_SPARQL_POSITION = re.compile(r"^error at (\d+):(\d+): ")
_REASON = re.compile(r"(?:of|,|expected) ([A-Z][\w*]* [\w* ]*[a-z][\w* ]*)(?=,|$)")  # words among the tokens
# What is not closed counts as open to its end: so one pass over a text is always enough.
_OPAQUE = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|\\?\Z)|"(?:[^"\\\n]|\\.)*+(?:"|\n|\\?\Z)|<[^<>"{}|^`\s]*+>|\#[^\n]*+'''
    r"""|'''(?:[^'\\]|\\.|'(?!''))*+(?:'''|\\?\Z)|'(?:[^'\\\n]|\\.)*+(?:'|\n|\\?\Z)""",
    re.DOTALL,
)
_DECLARED = re.compile(r"\bPREFIX\s+([^\s:]*):", re.IGNORECASE)
_PREFIXED = re.compile(r"(?<![\w?$@:.%\\-])((?:[^\W\d_][\w.-]*)?):")


def syntax_error(message: str, text: str, name: str, prefixes: Iterable[str] = ()) -> UnreadableInput:
    """Say in our words what pyoxigraph says about a SPARQL text that it cannot parse.

    Its position is that of the furthest character it looked at: at the mistake or a few characters after.
    The commonest mistake, a prefix that is declared neither in the text nor among ``prefixes``, is found
    here and has its exact place.

    >>> print(syntax_error("error at 1:19: expected OPTIONAL", "ASK { ?s a foo:Bar }", "q.rq"))
    q.rq:1:12: the prefix 'foo:' is not declared; declare it with PREFIX
    """
    words = bare(text)
    known = {*prefixes, *_DECLARED.findall(words)}
    for used in _PREFIXED.finditer(words):
        if used[1] not in known:
            line, column = (
                words.count("\n", 0, used.start()) + 1,
                used.start() - words.rfind("\n", 0, used.start()),
            )
            return UnreadableInput(
                f"the prefix '{used[1]}:' is not declared",
                where=f"{name}:{line}:{column}",
                remedy="declare it with PREFIX",
            )
    found = _SPARQL_POSITION.match(message)
    reason = _REASON.search(message)
    return UnreadableInput(
        reason[1] if reason else "not SPARQL, here or a few characters before",
        where=f"{name}:{found[1]}:{found[2]}" if found else name,
        remedy="correct the SPARQL",
    )


def bare(sparql: str, *, iris: bool = False) -> str:
    """Return a SPARQL text with its strings, IRIs and comments blanked out; positions stay as they are.

    With ``iris`` these stay too.

    >>> bare("ASK { <urn:a> ?p 'a:b' } # a:b")
    'ASK {         ?p       }      '
    """

    def blanked(found: re.Match[str]) -> str:
        return found[0] if iris and found[0].startswith("<") else re.sub(r"[^\n]", " ", found[0])

    return _OPAQUE.sub(blanked, sparql)
