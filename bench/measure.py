"""What a program costs: its time from start to end, its processor time, its greatest memory."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

_LOOKS: Final = 200
"""How often a process is asked whether it has ended for every look at its memory."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run cost: seconds by the clock, seconds of processor time, peak memory in MB; and its output."""

    wall: float
    processor: float
    memory: float
    output: str = ""


class Failed(Exception):
    """A program ended with an error, or ran out of its time or memory; the text says so in one line.

    ``output`` is what it had printed by then.
    """

    def __init__(self, why: str, output: str = "") -> None:
        super().__init__(why)
        self.output = output


def run(
    command: Sequence[str],
    seconds: float = 900,
    environment: Mapping[str, str] = MappingProxyType({}),
    memory: float = float("inf"),
) -> Cost:
    """Run a program to its end in a process of its own and return what it cost.

    Time and memory are the kernel's account of the process and its children (wait4), start-up included. A program
    that takes longer than ``seconds``, or holds more than ``memory`` MB with its children, is ended with all that
    it has started. Raises ``Failed``.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        try:
            child = subprocess.Popen(
                command,
                stdout=output,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                env={**_surroundings(), **environment},
                start_new_session=True,
            )
        except FileNotFoundError:
            raise Failed(f"{Path(command[0]).name}: not installed") from None
        try:
            status, used, ended = _wait(child.pid, begun + seconds, memory)
        finally:
            with contextlib.suppress(ProcessLookupError):  # nothing is left of it, as it should be
                os.killpg(child.pid, signal.SIGKILL)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        printed = output.read().decode()
        if child.returncode:
            limits = {"time": f"{seconds:,.0f} s", "memory": f"{memory:,.0f} MB"}
            said = errors.read().decode(errors="replace").strip().splitlines()
            why = (
                f"ended at {limits[ended]}, its limit of {ended}"
                if ended
                else _last_words(said, child.returncode)
            )
            raise Failed(f"{' '.join(Path(word).name for word in command[:4])}: {why}", printed)
        return Cost(wall, used.ru_utime + used.ru_stime, _megabytes(used.ru_maxrss), printed)


def _last_words(said: Sequence[str], code: int) -> str:
    """Return what a program said last that says something: panics of Rust end with a hint for their developers."""
    told = [
        line.strip() for line in said if line.strip() and not line.startswith(("note:", "stack backtrace"))
    ]
    return told[-1] if told else f"ended with {signal.Signals(-code).name if code < 0 else f'status {code}'}"


def _surroundings() -> dict[str, str]:
    """Return the environment in which byte code is kept, as it is for every installed package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _wait(process: int, deadline: float, memory: float) -> tuple[int, resource.struct_rusage, str]:
    """Wait for a process, and kill it at the deadline or with too much memory; say which, if so."""
    ended, looks = "", 0
    while True:
        found, status, used = os.wait4(process, os.WNOHANG)
        if found:
            return status, used, ended
        looks += 1
        if time.perf_counter() > deadline:
            ended = "time"
        elif looks % _LOOKS == 0 and memory < float("inf") and resident(process) > memory:
            ended = "memory"
        if ended:
            os.killpg(process, signal.SIGKILL)
        time.sleep(0.0005)


def resident(process: int, what: str = "VmRSS") -> float:
    """Return the MB that a process and its children have in memory, or had at most (``VmHWM``); 0 where not told."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return 0.0  # it has just ended, or this system has no such files
    own = sum(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) * 1024 / 1e6
    return own + sum(resident(int(child), what) for child in children)


def _megabytes(maximum: int) -> float:
    return maximum / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


def repeat(
    *commands: Sequence[str], times: int, before: Callable[[], None] = lambda: None, **environment: str
) -> list[list[Cost]]:
    """Run commands in turn, one round after the other, so that what else the machine does strikes all alike.

    ``before`` is called before each run. Returns the costs command by command.
    """
    rounds: list[list[Cost]] = []
    for _ in range(times):
        costs = []
        for command in commands:
            before()
            costs.append(run(command, environment=environment))
        rounds.append(costs)
    return [list(costs) for costs in zip(*rounds, strict=True)]


def least(costs: Sequence[Cost]) -> Cost:
    """Return the least time by the clock, the least processor time and the greatest memory of several runs."""
    return Cost(
        min(cost.wall for cost in costs),
        min(cost.processor for cost in costs),
        max(cost.memory for cost in costs),
    )


def median(costs: Sequence[Cost]) -> float:
    """Return the median time by the clock, in seconds."""
    return statistics.median(cost.wall for cost in costs)
