# SPDX-License-Identifier: Apache-2.0
"""One night of many volumes: `rotate` against the loop that it replaces.

Run `python -m tests.benchmark.night`. The loop costs the same for each volume, and takes an hour
for many. So it runs for a few volumes, and its figures are multiplied.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from tests.benchmark import cases, environments, measure
from tests.benchmark.measure import Rival, Sample
from tests.functional import api
from tests.functional.api import Account
from tests.functional.client import ROOT
from tests.functional.faults import Proxy
from tests.sandbox import Sandbox

#: Each volume gets a full backup, and loses the one of the night before.
ROTATE = [
    *('volume', 'backup', 'rotate', '--all-volumes', '--max-chain', '1'),
    *('--keep-last', '1', '--auto-approve', '-f', 'value', '-c', 'Result'),
]
#: What people write, with the errors that `rotate` does not make: here nothing fails.
LOOP = """
set -e
for volume in "$@"; do
    made=$($OPENSTACK volume backup create --name nightly -f value -c id "$volume")
    while [ "$($OPENSTACK volume backup show -f value -c status "$made")" != available ]; do
        sleep 5
    done
    for old in $($OPENSTACK volume backup list --volume "$volume" -f value -c ID); do
        [ "$old" = "$made" ] || $OPENSTACK volume backup delete "$old"
    done
done
"""


class Cost(NamedTuple):
    """What a night of some volumes costs the client and the cloud."""

    name: str
    cpu: float
    wall: float
    memory: int
    requests: int

    def of_more(self, factor: float) -> 'Cost':
        """Return the cost of so many times the volumes, one after another."""
        return self._replace(
            cpu=self.cpu * factor,
            wall=self.wall * factor,
            requests=round(self.requests * factor),
        )

    @property
    def line(self) -> str:
        """The figures for people."""
        return (
            f'{self.name:<24}{self.cpu:>10.1f} s CPU{self.wall:>10.1f} s wall'
            f'{self.memory / 2**20:>8.0f} MiB{self.requests:>8} requests to Block Storage'
        )


class Night:
    """A project of volumes that have a backup of the night before, behind a counting proxy."""

    def __init__(self, box: Sandbox, proxy: Proxy, folder: Path, volumes: int) -> None:
        api.make_project(box, 'night')
        self._account = Account(box, 'night', 'night')
        self._proxy = proxy
        self._openstack = str(environments.osc().with_name('openstack'))
        paths = environments.place_plugin(ROOT, folder)
        home = folder / 'home'
        home.mkdir()
        account = self._proxy.environment(self._account)
        self._with_plugin = {**cases.environment(home, paths.with_plugin), **account}
        self._without = {**cases.environment(home, paths.without), **account}
        self.volumes = [self._make_volume() for _ in range(volumes)]
        with box.clock.set_to(datetime.now(timezone.utc) - timedelta(days=1)):
            self.rotate()

    def _make_volume(self) -> str:
        wanted = {'volume': {'size': 1}}
        made = self._account.block_storage('POST', '/volumes', wanted)
        path = f'/volumes/{made["volume"]["id"]}'
        while self._account.block_storage('GET', path)['volume']['status'] != 'available':
            time.sleep(0.05)
        return str(made['volume']['id'])

    def rotate(self) -> Cost:
        """Run a night with the plugin."""
        return self._measure('rotate', [self._openstack, *ROTATE], self._with_plugin)

    def loop(self, volumes: Sequence[str]) -> Cost:
        """Run a night of some volumes with the loop."""
        environment = {**self._without, 'OPENSTACK': self._openstack}
        command = ['/bin/sh', '-c', LOOP, 'loop', *volumes]
        return self._measure('loop', command, environment)

    def _measure(self, name: str, command: list[str], environment: Mapping[str, str]) -> Cost:
        self._proxy.forget()
        sample: Sample = measure.run(Rival(name, command, environment))[0]
        requests = len(self._proxy.requests)
        return Cost(name, sample.cpu, sample.wall, sample.memory, requests)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(
        prog='python -m tests.benchmark.night', description=__doc__.partition('\n')[0]
    )
    parser.add_argument('--volumes', type=int, default=500, help='default: %(default)s')
    parser.add_argument(
        '--sample', type=int, default=10, help='Volumes of the loop (default: %(default)s)'
    )
    parsed = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix='backupext-benchmark-') as folder,
        Sandbox.start() as box,
        contextlib.closing(Proxy(box.volume_url)) as proxy,
    ):
        night = Night(box, proxy, Path(folder), parsed.volumes)
        ours = night.rotate()
        sample = night.loop(night.volumes[: parsed.sample])
    theirs = sample.of_more(parsed.volumes / parsed.sample)
    factors = f'{theirs.cpu / ours.cpu:.0f} times the CPU'
    factors += f', {theirs.requests / ours.requests:.1f} times the requests'
    text = [
        f'One night of {parsed.volumes} volumes',
        ours.line,
        theirs._replace(name=f'loop ({parsed.sample} measured)').line,
        f'The loop takes {factors}.',
    ]
    sys.stdout.write('\n'.join(text) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
