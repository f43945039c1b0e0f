"""Pictures of proofs: the conclusion on the left, what each step rests on to its right, quotes at the ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyoxigraph import Triple

from kg.asking.labels import sentence
from kg.drawing.canvas import DASHES, GREY, INK, Canvas, element, group, label, number
from kg.drawing.layout import Box
from kg.drawing.pictures import arrow_head, check_form, said_by
from kg.drawing.wording import quoted, width, wrapped
from kg.errors import LimitReached, UsageError
from kg.proofs.phrasing import rule_sentence
from kg.proofs.proofs import Explanation, Labels, Proof

_MARGIN: Final = 28.0
_SIZE, _SMALL, _TITLE = 12.0, 10.5, 20.0
_STEP_WIDTH, _BETWEEN = 226.0, 44.0
_MOST_BOXES: Final = 150
_MOST_QUOTES: Final = 2


def drawn_proof(explanation: Explanation, form: str = "svg") -> bytes:
    """Return a picture of why a triple holds: the conclusion on the left, what each step rests on to its right.

    Boxes with full borders are stated and show their quotes, those with dashed borders name the rule that derives
    them. Raises ``UsageError`` for a triple that does not hold, ``LimitReached`` for a proof of more than 150 boxes.
    """
    check_form(form)
    if not explanation.holds:
        raise UsageError(
            "what does not hold has no proof to draw", remedy="kg explain tells as text what is missing"
        )
    names = explanation.labels
    told = sentence(explanation.triple, names)
    several = f" in {len(explanation.proofs)} ways" if len(explanation.proofs) > 1 else ""
    trees = [_Tree(proof, names) for proof in explanation.proofs]
    steps = "; ".join(
        f"{proof.steps} {'step' if proof.steps == 1 else 'steps'}" for proof in explanation.proofs
    )
    shortest = "" if explanation.shortest else " A shorter proof may exist."
    canvas = Canvas(f"Why: {told}", f"Proved{several}, by rules applied in {steps}.{shortest}")
    heading = wrapped(canvas.title, _TITLE, 700)
    canvas.add(label(heading, _MARGIN, _MARGIN + 16, _TITLE, anchor="start", weight="bold"))
    canvas.width, y = 760.0, _MARGIN + len(heading) * _TITLE * 1.25 + 10
    for tree in trees:
        y = tree.draw(canvas, y) + 30
    x = _MARGIN
    for words in ("stated", "derived by the rule that is named"):
        dashes = {} if words == "stated" else {"stroke_dasharray": DASHES}
        canvas.add(element("rect", x=x, y=y - 8, width=26, height=14, fill="#ffffff", stroke=INK, **dashes))
        canvas.add(label([words], x + 34, y + 3, _SMALL, anchor="start"))
        x += 60 + width(words, _SMALL)
    canvas.height = y + _MARGIN
    sections = [(f"Proof {n}" if several else "The proof", tree.items()) for n, tree in enumerate(trees, 1)]
    return canvas.written(form, sections)


@dataclass(slots=True)
class _Step:
    """A box of a proof: its words with their sizes and styles, its place, the boxes that it rests on."""

    proof: Proof
    again: bool
    box: Box
    lines: list[tuple[str, float, str]]
    premises: list[_Step]


class _Tree:
    """A proof laid out from left to right; what was proved before is named and not proved again."""

    def __init__(self, proof: Proof, names: Labels) -> None:
        self._names = names
        self._seen: set[Triple] = set()
        self._boxes = 0
        self._low = 0.0
        self._root = self._step(proof, 0)

    def _step(self, proof: Proof, depth: int) -> _Step:
        self._boxes += 1
        if self._boxes > _MOST_BOXES:
            raise LimitReached(
                f"the proof has more than {_MOST_BOXES} boxes", remedy="kg explain tells it as text"
            )
        again = bool(proof.rule) and proof.triple in self._seen
        self._seen.add(proof.triple)
        lines = self._words(proof, again)
        tall = sum(size * 1.3 for _, size, _ in lines) + 14
        box = Box(_STEP_WIDTH, tall, _MARGIN + depth * (_STEP_WIDTH + _BETWEEN) + _STEP_WIDTH / 2)
        premises = [] if again else [self._step(premise, depth + 1) for premise in proof.premises]
        if premises:
            box.y = (premises[0].box.y + premises[-1].box.y) / 2
        below = max(self._low, box.y + tall / 2 + 14)
        if not premises:
            box.y, below = self._low + tall / 2, self._low + tall + 14
        self._low = below
        return _Step(proof, again, box, lines, premises)

    def _words(self, proof: Proof, again: bool) -> list[tuple[str, float, str]]:
        room = _STEP_WIDTH - 20
        lines = [
            (line, _SIZE, "bold") for line in wrapped(sentence(proof.triple, self._names), _SIZE * 1.06, room)
        ]
        for words, style in self._below(proof, again):
            lines += [(line, _SMALL, style) for line in wrapped(words, _SMALL, room)]
        return lines

    def _below(self, proof: Proof, again: bool) -> Iterator[tuple[str, str]]:
        """Yield what stands below the sentence: the rule, or the quotes."""
        if again:
            yield "proved above", "normal"
        elif proof.rule:
            yield f"{', '.join(proof.rule.names)}: {rule_sentence(proof.rule, self._names)}", "italic"
        for claim in proof.claims[:_MOST_QUOTES]:
            yield f"“{claim.quote}”", "normal"
            yield f"— {said_by(claim, self._names)}", "grey"
        if len(proof.claims) > _MOST_QUOTES or proof.more:
            yield "and further claims", "grey"
        if proof.reference:
            yield "reference data", "grey"
        if proof.axiom:
            yield "the ontology states it", "grey"

    def _steps(self, step: _Step) -> Iterator[_Step]:
        yield step
        for premise in step.premises:
            yield from self._steps(premise)

    def draw(self, canvas: Canvas, y: float) -> float:
        """Draw the tree below ``y``; return where it ends."""
        steps = list(self._steps(self._root))
        rise = y - min(step.box.top for step in steps)
        for step in steps:
            step.box.y += rise
        for step in steps:
            for premise in step.premises:
                canvas.add(_joint(step.box, premise.box))
            canvas.add(_stepped(step))
        canvas.width = max(canvas.width, max(step.box.left + step.box.width for step in steps) + _MARGIN)
        return max(step.box.top + step.box.height for step in steps)

    def items(self) -> Iterator[str]:
        """Yield the markup of each step, the conclusion first."""
        for step in self._steps(self._root):
            quotes = [(claim.quote, said_by(claim, self._names)) for claim in step.proof.claims]
            notes = [
                words
                for words, style in self._below(step.proof, step.again)
                if style == "italic" or not quotes
            ]
            yield quoted(
                sentence(step.proof.triple, self._names), quotes, f"({'; '.join(notes) or 'stated'})"
            )


def _joint(conclusion: Box, premise: Box) -> str:
    x1, y1, x2, y2 = conclusion.left + conclusion.width, conclusion.y, premise.left, premise.y
    middle = (x1 + x2) / 2
    corners = [f"M {number(x2)} {number(y2)} C", *map(number, (middle, y2, middle, y1, x1 + 8, y1))]
    line = element("path", d=" ".join(corners), fill="none", stroke=GREY, stroke_width=1.4)
    return line + arrow_head(x1 + 10, y1, x1, y1)


def _stepped(step: _Step) -> str:
    box = step.box
    derived = bool(step.proof.rule)
    dashes = {"stroke_dasharray": DASHES} if derived else {}
    look = {"fill": "#ffffff" if derived else "#eef6ee", "stroke": INK, "stroke_width": 1.3, **dashes}
    parts, y = (
        [element("rect", x=box.left, y=box.top, width=box.width, height=box.height, rx=4, **look)],
        box.top + 5,
    )
    for words, size, style in step.lines:
        y += size * 1.3
        weight, slant = "bold" if style == "bold" else "normal", "italic" if style == "italic" else "normal"
        x, ink = box.left + 10, GREY if style == "grey" else INK
        parts.append(
            label([words], x, y - size * 0.25, size, anchor="start", fill=ink, weight=weight, style=slant)
        )
    return group("", *parts)
