"""What a program costs: its time from start to end, its processor time, its greatest memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run cost: seconds by the clock, seconds of processor time, peak memory in MB; and its output."""

    wall: float
    processor: float
    memory: float
    output: str = ""


class Failed(Exception):
    """A program ended with an error, or ran out of its time; the text says so in one line."""


def run(
    command: Sequence[str], seconds: float = 900, environment: Mapping[str, str] = MappingProxyType({})
) -> Cost:
    """Run a program to its end in a process of its own and return what it cost.

    Time and memory are the kernel's account of the process and its children (wait4), start-up included.
    Raises ``Failed``.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        child = subprocess.Popen(
            command,
            stdout=output,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            env={**_surroundings(), **environment},
        )
        status, used = _wait(child.pid, begun + seconds)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if child.returncode:
            said = errors.read().decode(errors="replace").strip().splitlines()
            why = (
                f"ended after {seconds:.0f} s, its limit" if wall > seconds else (said or ["no message"])[-1]
            )
            raise Failed(f"{' '.join(command[:4])}: {why}")
        return Cost(wall, used.ru_utime + used.ru_stime, _megabytes(used.ru_maxrss), output.read().decode())


def _surroundings() -> dict[str, str]:
    """Return the environment in which byte code is kept, as it is for every installed package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _wait(process: int, deadline: float) -> tuple[int, resource.struct_rusage]:
    """Wait for a process, and kill it at the deadline."""
    while True:
        found, status, used = os.wait4(process, os.WNOHANG)
        if found:
            return status, used
        if time.perf_counter() > deadline:
            os.kill(process, 9)
        time.sleep(0.0005)


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
