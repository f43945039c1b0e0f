"""Changes bases in processes that can be killed at any moment, and tells of each change before and after it.

Each line of standard input is a task in JSON: ``folder``, ``seed``, ``kinds`` of changes, ``count``. A process of its
own, whose number is printed, then makes so many changes, or less if it is killed. It prints ``try KIND NAME…`` before
a change and ``did KIND NAME…`` once that is acknowledged; when it has ended, ``ended STATUS`` follows. Processes are
forked from this one, which has read the rules and opened no store.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, Quad, RdfFormat, parse

from kg.bases import building
from kg.bases.changes import addition, rulebook, withdrawal
from kg.bases.upkeep import load
from kg.bases.writing import Writer, writing
from kg.gate.checking import gate
from kg.storage.journal import Add, Withdraw
from kg.storage.store import Embedded
from kg.terms import CLAIMS, PREFIXES, iri

PLACES = 12
"""Places, each of which lies in the next or in one further on; so what follows from one claim follows from others."""
_PREFIXES = "".join(f"@prefix {prefix}: <{name}> .\n" for prefix, name in PREFIXES.items())


def edge(name: str) -> tuple[int, int]:
    """Return the places of which the proposal ``name`` says that the first lies in the second."""
    inner = int(hashlib.sha256(name.encode()).hexdigest(), 16) % (PLACES - 1)
    return inner, inner + 1 + len(name) % (PLACES - 1 - inner)


def claim_of(name: str) -> NamedNode:
    return NamedNode(f"https://w3id.org/parley/claim/{name}/1")


def proposal(name: str) -> list[Quad]:
    """Return a source with one sentence, and the claim that rests on it."""
    inner, outer = edge(name)
    words = f"As {name} has it, place {inner} lies in place {outer}."
    text = f"""{_PREFIXES}
        graph:claims {{
            source:{name} a parley:Source ;
                schema:sha256 "{hashlib.sha256(words.encode()).hexdigest()}" ; schema:text "{words}" .
            {claim_of(name)} a parley:Claim ; prov:hadPrimarySource source:{name} ;
                prov:wasAttributedTo source:{name} ; oa:exact "{words}" ; oa:start 0 ; oa:end {len(words)} .
        }}
        {claim_of(name)} {{ id:place-{inner} parley:isLocatedIn id:place-{outer} . }}"""
    return list(parse(text, RdfFormat.TRIG))


def as_text(quads: Sequence[Quad]) -> str:
    return "".join(f"{quad} .\n" for quad in quads)


def add(writer: Writer, name: str) -> None:
    quads = proposal(name)
    change, _ = addition(quads, writer.time, writer.store, rulebook())
    writer.commit(Add(as_text(quads)), change)


def retract(writer: Writer, name: str) -> None:
    claims = (claim_of(name),)
    change, _ = withdrawal(claims, writer.time, "for the test", writer.store, rulebook())
    writer.commit(Withdraw(claims, "for the test"), change)


def standing_names(store: Embedded) -> list[str]:
    """Return the proposals in the base that were not withdrawn."""
    found = {quad.subject for quad in store.quads(None, iri("rdf:type"), iri("parley:Claim"), CLAIMS)}
    found -= {quad.subject for quad in store.quads(None, iri("prov:invalidatedAtTime"), None, CLAIMS)}
    return sorted(claim.value.split("/")[-2] for claim in found if isinstance(claim, NamedNode))


def say(word: str, kind: str, *names: str) -> None:
    os.write(1, " ".join((word, kind, *names)).encode() + b"\n")


def change(folder: Path, seed: int, kinds: Sequence[str], count: int) -> None:
    """Make changes, a few each time that the base is opened; with the kind ``tables``, load as if it were much."""
    if "tables" in kinds:
        building.LARGE = 0  # type: ignore[misc] # to be lower than it is
    chance = random.Random(seed)  # noqa: S311 - the same changes in each run
    names: Iterator[str] = (f"s{seed}x{number}" for number in range(count))
    for name in names:
        if "load" in kinds:
            _load(folder, name, chance)
            continue
        with writing(folder, patience=60) as writer:
            for added in (name, *(next(names, "") for _ in range(chance.randrange(3)))):
                if added:
                    _one(writer, added, chance.choice(kinds), chance)


def _one(writer: Writer, name: str, kind: str, chance: random.Random) -> None:
    known = standing_names(writer.store) if kind == "retract" else []
    if known:
        name = chance.choice(known)
    else:
        kind = "add"
    say("try", kind, name)
    (retract if kind == "retract" else add)(writer, name)
    say("did", kind, name)


def _load(folder: Path, name: str, chance: random.Random) -> None:
    names = [f"{name}l{number}" for number in range(1 + chance.randrange(3))]
    files = [folder.parent / f"{one}.nq" for one in names]
    for one, path in zip(names, files, strict=True):
        path.write_text(as_text(proposal(one)))
    say("try", "load", *names)
    load(folder, files, gate().admit)
    say("did", "load", *names)


def serve() -> None:
    rulebook()
    for line in sys.stdin:
        task: dict[str, Any] = json.loads(line)
        child = os.fork()
        if not child:
            change(Path(task["folder"]), task["seed"], task["kinds"], task["count"])
            os._exit(0)
        os.write(1, f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        os.write(1, f"ended {os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    serve()
