# SPDX-License-Identifier: Apache-2.0
"""Measures whole processes in turns, and returns the medians."""

import itertools
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

LAUNCHER = Path(__file__).with_name('launcher.py')
#: Seconds; a slower command is measured at most :data:`FEW` times.
SLOW = 15
FEW = 3


class Sample(NamedTuple):
    """One finished process, as the operating system accounts for it."""

    wall: float
    cpu: float
    #: Bytes; the maximum resident size.
    memory: int
    #: Bytes on standard output.
    output: int


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Rival:
    """A command of one client.

    :param cold: measured once, without a first run that does not count: it takes minutes.
    :param before: prepares each run, unmeasured; ``after`` cleans up.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    status: int = 0
    cold: bool = False
    before: Callable[[], object] = nothing
    after: Callable[[], object] = nothing


class Result(NamedTuple):
    """All runs of one rival, and the output of the last one."""

    samples: list[Sample]
    output: bytes

    @property
    def wall(self) -> float:
        """Seconds."""
        return statistics.median(sample.wall for sample in self.samples)

    @property
    def cpu(self) -> float:
        """User and system seconds."""
        return statistics.median(sample.cpu for sample in self.samples)

    @property
    def memory(self) -> float:
        """Bytes."""
        return statistics.median(sample.memory for sample in self.samples)

    @property
    def size(self) -> int:
        """Bytes on standard output."""
        return self.samples[-1].output


def compare(rivals: Sequence[Rival], runs: int) -> dict[str, Result]:
    """Run rivals in turns, A B C, A B C, so that a disturbance affects all of them."""
    results = {rival.name: _first(rival) for rival in rivals}
    turns = {rival.name: _turns(rival, results[rival.name], runs) for rival in rivals}
    for turn in range(max(turns.values())):
        # Reverse every other round, so that no rival always follows the same one.
        for rival in rivals[:: -1 if turn % 2 else 1]:
            if turn < turns[rival.name]:
                sample, _ = run(rival)
                results[rival.name].samples.append(sample)
    return {
        name: result if turns[name] == 0 else Result(result.samples[1:], result.output)
        for name, result in results.items()
    }


def run(rival: Rival) -> tuple[Sample, bytes]:
    """Run a rival once."""
    rival.before()
    with tempfile.TemporaryDirectory(prefix='backupext-benchmark-') as folder:
        account, stdout = Path(folder, 'account'), Path(folder, 'stdout')
        stderr = Path(folder, 'stderr')
        with stdout.open('wb') as out, stderr.open('wb') as err:
            subprocess.run(
                [sys.executable, '-I', '-S', LAUNCHER, account, '--', *rival.command],
                env=dict(rival.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                check=True,
            )
        status, wall, cpu, kibibytes = account.read_text().split()
        if int(status) != rival.status:
            raise RuntimeError(
                f'{rival.name} ended with status {status}: {" ".join(rival.command)[:200]}\n'
                f'{stderr.read_text(errors="replace")[-1000:]}'
            )
        output = stdout.read_bytes()
    rival.after()
    return Sample(float(wall), float(cpu), int(kibibytes) * 1024, len(output)), output


def differences(results: Mapping[str, Result], one: str, other: str) -> list[float]:
    """Return the difference in CPU seconds between two rivals in each turn, sorted."""
    pairs = itertools.zip_longest(results[one].samples, results[other].samples)
    return sorted(more.cpu - less.cpu for more, less in pairs)


def _first(rival: Rival) -> Result:
    sample, output = run(rival)
    return Result([sample], output)


def _turns(rival: Rival, first: Result, runs: int) -> int:
    if rival.cold:
        return 0
    return min(runs, FEW) if first.wall > SLOW else runs
