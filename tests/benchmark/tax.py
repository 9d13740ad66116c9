# SPDX-License-Identifier: Apache-2.0
"""What the plugin costs other commands: about one hundredth, which needs a careful measurement.

Two ways: processes with and without it, in turns, as pairs; and in one process, what it takes to
import the plugin when OSC has loaded its own. That is most of it, and not lost in noise.
"""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.benchmark import measure
from tests.benchmark.cases import OSC, OURS, Clients
from tests.benchmark.measure import Rival
from tests.imports import import_plugin

#: `--version` loads plugin modules only; `help` of a command loads every command but no cloud.
COMMANDS = {'version': ['--version'], 'help': ['help', 'token', 'issue']}


class Tax(NamedTuple):
    """CPU seconds of a command without the plugin, and the difference with it."""

    without: float
    more: float
    #: The difference in the middle half of the pairs.
    low: float
    high: float
    pairs: int

    @property
    def share(self) -> float:
        """The tax as a share of the command's CPU time."""
        return self.more / self.without


class Imports(NamedTuple):
    """CPU seconds of importing the plugin in a process, and the modules that it loads."""

    seconds: float
    #: The time of the middle half of the processes.
    low: float
    high: float
    processes: int
    modules: list[str]


def pairs(
    arguments: Sequence[str], clients: Clients, account: Mapping[str, str], runs: int
) -> dict[str, measure.Result]:
    """Run a command unrelated to backups, with the plugin and without."""
    command = [str(clients.osc.with_name('openstack')), *arguments]
    rivals = [
        Rival(OURS, command, {**clients.with_plugin, **account}),
        Rival(OSC, command, {**clients.without, **account}),
    ]
    return measure.compare(rivals, runs)


def judge(results: Mapping[str, measure.Result]) -> Tax:
    """Take the median of the differences of pairs, so that a disturbed pair does not count."""
    more = measure.differences(results, OURS, OSC)
    low, middle, high = statistics.quantiles(more, n=4) if len(more) > 1 else more * 3
    return Tax(results[OSC].cpu, middle, low, high, len(more))


def imports(clients: Clients, runs: int) -> Imports:
    """Import the plugin in a number of processes, after one that does not count."""
    folder = Path(clients.with_plugin['PYTHONPATH'])
    measured = [import_plugin(clients.osc, clients.with_plugin, folder) for _ in range(runs + 1)]
    seconds = [each.seconds for each in measured[1:]]
    low, middle, high = statistics.quantiles(seconds, n=4) if runs > 1 else seconds * 3
    return Imports(middle, low, high, runs, sorted(measured[0].new))
