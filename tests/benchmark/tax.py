# SPDX-License-Identifier: Apache-2.0
"""What the plugin costs those who run another command: about one hundredth, so it takes care.

Two ways: processes with and without it, in turns, as pairs; and Python's own account of imports,
which counts ours and what only ours made it load.
"""

import re
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.benchmark import measure
from tests.benchmark.cases import OSC, OURS, Clients
from tests.benchmark.measure import Rival

#: `--version` loads plugin modules only; `help` of a command loads every command, asks no cloud.
COMMANDS = {'version': ['--version'], 'help': ['help', 'token', 'issue']}
_IMPORT = re.compile(r'import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)')


class Tax(NamedTuple):
    """CPU seconds of a command without the plugin, and how much more it takes with it."""

    without: float
    more: float
    #: Half of the pairs differ by something between these.
    low: float
    high: float
    pairs: int

    @property
    def share(self) -> float:
        """The tax as a part of the command's CPU time."""
        return self.more / self.without


class Imports(NamedTuple):
    """Seconds that Python spends in imports, medians: in all, and because of the plugin."""

    total: float
    ours: float
    modules: list[str]

    @property
    def share(self) -> float:
        """The part of the imports that is due to the plugin."""
        return self.ours / (self.total - self.ours)


def pairs(
    arguments: Sequence[str], clients: Clients, account: Mapping[str, str], runs: int
) -> dict[str, measure.Result]:
    """Run a command of OSC's that has nothing to do with backups, with the plugin and without."""
    command = [str(clients.osc.with_name('openstack')), *arguments]
    rivals = [
        Rival(OURS, command, {**clients.with_plugin, **account}),
        Rival(OSC, command, {**clients.without, **account}),
    ]
    return measure.compare(rivals, runs)


def judge(results: Mapping[str, measure.Result]) -> Tax:
    """Take the median of the differences of pairs: what disturbs one pair does not count."""
    more = measure.differences(results, OURS, OSC)
    low, middle, high = statistics.quantiles(more, n=4) if len(more) > 1 else more * 3
    return Tax(results[OSC].cpu, middle, low, high, len(more))


def imports(clients: Clients, runs: int) -> Imports:
    """Let Python account for the imports of `openstack help`."""
    command = [str(clients.osc.with_name('openstack')), *COMMANDS['help']]
    without = set(_account(command, clients.without))
    accounts = [_account(command, clients.with_plugin) for _ in range(runs)]
    modules = sorted(set(accounts[0]) - without)
    return Imports(
        statistics.median(sum(each.values()) for each in accounts),
        statistics.median(sum(each.get(name, 0) for name in modules) for each in accounts),
        modules,
    )


def _account(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, float]:
    """Give the seconds that each module took itself, without what it imports."""
    answer = subprocess.run(
        command,
        env={**environment, 'PYTHONPROFILEIMPORTTIME': '1'},
        capture_output=True,
        text=True,
        check=True,
    )
    found = _IMPORT.findall(answer.stderr)
    return {name: int(microseconds) / 1e6 for microseconds, name in found}
