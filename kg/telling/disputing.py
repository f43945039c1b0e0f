"""Disputes as people and programs read them: what is contested, then each side with its words; no side is chosen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from pyoxigraph import NamedNode

from kg.asking.labels import reading
from kg.disputes.disputes import Dispute
from kg.errors import UnknownName
from kg.evidence.claims import Claim
from kg.proofs.proofs import Labels
from kg.syntax.visible import one_line
from kg.telling.parts import dispute_json, document, labels_json

_LONGEST: Final = 2000
_MARKS: Final = re.compile(r"[\\`*_\[\]<>&|~]|^[-+#=]|(?<=^[0-9])[.)]|(?<=^[0-9][0-9])[.)]")
_NAMES: Final = {
    "figures": ("dispute on figures", "disputes on figures"),
    "contradiction": ("contradiction", "contradictions"),
    "denial": ("denial", "denials"),
}


def disputes_written(disputes: Sequence[Dispute], form: str) -> str:
    """Return disputes as ``text``, ``markdown`` or ``json``; it ends in a line break.

    docs/schema/disputes.schema.json describes the JSON. Raises ``UnknownName`` for another form.

    >>> print(disputes_written((), "text"))
    nothing is contested
    <BLANKLINE>
    """
    if form not in _WRITERS:
        raise UnknownName("form of disputes", form, _WRITERS, remedy=f"use one of {', '.join(_WRITERS)}")
    return _WRITERS[form](disputes)


def cited(claim: Claim, labels: Labels) -> str:
    """Return where words come from: the claim, and whose they are.

    >>> from kg.terms import BASE
    >>> one = Claim(NamedNode(BASE + "claim/a/1"), *[NamedNode(BASE + "source/a")] * 2, "so", 0, 2)
    >>> cited(one, {one.source: "the article"})
    'a/1, the article in its own voice'
    """
    name, source = claim.name, reading(claim.source, labels)
    if claim.speaker == claim.source:
        return one_line(f"{name}, {source} in its own voice", _LONGEST)
    return one_line(f"{name}, said by {reading(claim.speaker, labels)} in {source}", _LONGEST)


def marked_down(words: str, most: int = _LONGEST) -> str:
    r"""Return a text for Markdown, on one line: every character stands for itself and can be seen.

    >>> print(marked_down("a *b* <i>"))
    a \*b\* \<i\>
    """
    return _MARKS.sub(r"\\\g<0>", one_line(words, most))


def _text(disputes: Sequence[Dispute]) -> str:
    return "".join(f"{line}\n" for one in disputes for line in _block(one)) + f"{_summary(disputes)}\n"


def _block(one: Dispute) -> Iterator[str]:
    yield one_line(f"{_NAMES[one.kind][0]}: {one.why}", _LONGEST)
    for side in one.sides:
        yield f"  {one_line(side.sentence, _LONGEST)}"
        for claim in side.claims:
            yield f"    “{one_line(claim.quote, _LONGEST)}” [{cited(claim, one.labels)}]"
        if not side.claims:
            yield "    [reference data]"
    yield ""


def _markdown(disputes: Sequence[Dispute]) -> str:
    return "\n".join(_marked(disputes)) + "\n"


def _marked(disputes: Sequence[Dispute]) -> Iterator[str]:
    yield from ("# Contested", "", f"{_summary(disputes).capitalize()}.")
    for one in disputes:
        yield from ("", f"## {_title(one)}", "", marked_down(one.why))
        for side in one.sides:
            yield from ("", f"- **{marked_down(side.sentence)}**")
            for claim in side.claims:
                yield from (
                    "",
                    f"  > “{marked_down(claim.quote)}”",
                    f"  > — {marked_down(cited(claim, one.labels))}",
                )
            if not side.claims:
                yield from ("", "  Reference data say so.")


def _title(one: Dispute) -> str:
    things = [one.labels[thing] for thing in one.about if thing in one.labels]
    kind = _NAMES[one.kind][0].capitalize()
    return f"{kind}: {marked_down(things[0])}" if things else kind


def _summary(disputes: Sequence[Dispute]) -> str:
    counted = Counter(one.kind for one in disputes)
    parts = [f"{counted[kind]} {names[counted[kind] > 1]}" for kind, names in _NAMES.items() if counted[kind]]
    if not parts:
        return "nothing is contested"
    return f"{' and '.join(filter(None, (', '.join(parts[:-1]), parts[-1])))}; no side is chosen"


def _json(disputes: Sequence[Dispute]) -> str:
    labels: Mapping[NamedNode, str] = {term: label for one in disputes for term, label in one.labels.items()}
    return document(
        "disputes", {"disputes": [dispute_json(one) for one in disputes], "labels": labels_json(labels)}
    )


_WRITERS: Final[dict[str, Callable[[Sequence[Dispute]], str]]] = {
    "text": _text,
    "markdown": _markdown,
    "json": _json,
}
