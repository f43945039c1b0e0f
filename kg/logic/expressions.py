"""SPARQL expressions written back from rdflib's algebra, without prefixes, so that any engine can evaluate them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from kg.errors import ParleyError
from kg.terms import PREFIXES

_CONNECTIVES: Final = {"ConditionalOrExpression": "||", "ConditionalAndExpression": "&&"}
_SIGNS: Final = {"UnaryNot": "!", "UnaryMinus": "-", "UnaryPlus": "+"}
_NOT_PURE: Final = frozenset(["EXISTS", "NOTEXISTS", "RAND", "NOW", "UUID", "STRUUID", "BNODE"])


class ExpressionWriter:
    """Writes expressions; what is no function of its arguments alone is unsupported.

    ``term`` writes a variable or a constant, ``unsupported`` makes the error for what cannot be written. ``functions``
    is how the names of functions must begin that have an IRI. ``exists`` writes EXISTS and NOT EXISTS, if it is given.
    """

    def __init__(
        self,
        term: Callable[[object], str],
        unsupported: Callable[[str], ParleyError],
        functions: str = PREFIXES["xsd"],
        exists: Callable[[Any], str] | None = None,
    ) -> None:
        self._term = term
        self._unsupported = unsupported
        self._functions = functions
        self._exists = exists

    def text(self, node: Any) -> str:  # noqa: ANN401, PLR0911 - rdflib has no types; one return for each form
        """Return the text of an expression."""
        kind = getattr(node, "name", "")
        if not kind:
            return self._term(node)
        if kind in _CONNECTIVES:
            return f"({f' {_CONNECTIVES[kind]} '.join(map(self.text, (node.expr, *node.other)))})"
        if kind == "RelationalExpression":
            listed = isinstance(node.other, list)
            other = f"({self._arguments(node.other)})" if listed else self.text(node.other)
            return f"({self.text(node.expr)} {node.op} {other})"
        if kind in ("AdditiveExpression", "MultiplicativeExpression"):
            steps = (f" {op} {self.text(other)}" for op, other in zip(node.op, node.other, strict=True))
            return f"({self.text(node.expr)}{''.join(steps)})"
        if kind in _SIGNS:
            return f"({_SIGNS[kind]}{self.text(node.expr)})"
        if kind == "Function" and node.iri.startswith(self._functions):
            return f"<{node.iri}>({self._arguments(node.expr)})"
        builtin = kind.removeprefix("Builtin_")
        if builtin in ("EXISTS", "NOTEXISTS") and self._exists:
            return self._exists(node)
        if builtin == kind or builtin in _NOT_PURE:
            raise self._unsupported(f"uses {builtin}, which is no function of its arguments alone")
        values = [value for name, value in node.items() if name != "_vars"]
        return f"{builtin}({', '.join(self._arguments(v if isinstance(v, list) else [v]) for v in values)})"

    def _arguments(self, nodes: Iterable[object]) -> str:
        return ", ".join(map(self.text, nodes))
