"""Bases: the built-in one and those on disk; how they are made, filled, brought up to date and asked.

A base on disk is a folder: ``journal/`` is the truth, ``store/`` an index over it that is rebuilt when it is
missing, behind, or made from another ontology.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Triple

from kg import evidence, export, questions, reason, sandbox
from kg.answers import Answer, Description, describe, find_labels, read_answer
from kg.errors import Refused, StoreError, UnknownName, UnreadableInput, UsageError
from kg.evidence import Claim, Coverage
from kg.journal import Journal, Record
from kg.store import Store
from kg.terms import BASE, CLAIMS, ONTOLOGY, REFERENCE, VIEW, data_folder, iri
from kg.turtle import SYNTAXES, read

Progress = Callable[[str], None] | None

_STATE: Final = NamedNode(BASE + "graph/state")
_RECORD: Final = NamedNode(BASE + "graph/state#record")
_MADE_FROM: Final = NamedNode(BASE + "graph/state#made-from")
