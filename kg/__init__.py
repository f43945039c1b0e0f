"""Parley: a knowledge graph of conflict diplomacy in which every fact shows its sentence.

>>> import kg
>>> base = kg.open()
>>> [text for row in base.ask("parties", agreement="idlib-agreement-2020").texts() for text in row]
['Russia', 'Türkiye']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kg.asking.answers import Answer, Description
    from kg.errors import ParleyError
    from kg.evidence.claims import Claim
    from kg.findings import Finding, Verdict
    from kg.gate.submissions import Framing
    from kg.repository import Base, init
    from kg.repository import open_base as open  # noqa: A004 - kg.open reads like gzip.open

__version__ = "0.1.0"

_HOMES = {
    "Answer": "kg.asking.answers",
    "Base": "kg.repository",
    "Claim": "kg.evidence.claims",
    "Description": "kg.asking.answers",
    "Finding": "kg.findings",
    "Framing": "kg.gate.submissions",
    "ParleyError": "kg.errors",
    "Verdict": "kg.findings",
    "init": "kg.repository",
    "open": "kg.repository",
}

__all__ = [
    "Answer",
    "Base",
    "Claim",
    "Description",
    "Finding",
    "Framing",
    "ParleyError",
    "Verdict",
    "init",
    "open",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    # Names are looked up when they are first used, so that `import kg` alone costs nothing.
    if name not in _HOMES:
        raise AttributeError(f"module 'kg' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), "open_base" if name == "open" else name)
