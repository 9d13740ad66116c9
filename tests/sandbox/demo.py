# SPDX-License-Identifier: Apache-2.0
"""Shows the main task, command by command: back up, restore, compare, clean up, and rotate.

Every command is printed with its real output, from a real Keystone and a real Cinder; the demo ends
with status 1 at the first command that fails, and if the restored bytes are not those written.
"""

from __future__ import annotations

import hashlib
import os
import random
import shlex
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sandbox.control import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

OPENSTACK = Path(sys.executable).parent / 'openstack'
PATIENCE = 60
PAUSE = 0.2
MEBIBYTE = 2**20

NIGHTS = 3
ROTATE = 'volume backup rotate data --max-chain 2 --keep-full 1'
NEWEST = 'volume backup list --volume data --max-items 1'
# What Cinder writes: SQLite compares these times as text.
OLDER = "strftime('%Y-%m-%d %H:%M:%f000', {}, '-1 day')"
COLUMNS = ('created_at', 'updated_at', 'data_timestamp')


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


def main() -> int:
    """Run the demo in a sandbox of its own; return the exit status."""
    if not OPENSTACK.exists():
        sys.stderr.write(f'There is no {OPENSTACK}: install python-openstackclient beside it.\n')
        return 1
    _say('Starting a Keystone and a Cinder on loopback ...')
    sandbox = Sandbox.start()
    try:
        _Demo(sandbox).run()
    except DemoError as error:
        _say(f'The demo failed: {error}')
        return 1
    finally:
        sandbox.stop()
    _say('The sandbox is stopped and removed.')
    return 0


class _Demo:
    """One user, alice in the project alpha, and one volume."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        ours = {name: value for name, value in os.environ.items() if not name.startswith('OS_')}
        self._environment = ours | sandbox.environment('alpha')

    def run(self) -> None:
        self._create_volume()
        monday = self._write_all()
        self._openstack('volume backup create --name monday data')
        self._wait_for('volume backup', 'monday')
        tuesday = self._change_some()
        self._openstack('volume backup create --incremental --name tuesday data')
        self._wait_for('volume backup', 'tuesday')
        self._look()
        self._openstack('volume backup restore tuesday data-of-tuesday')
        self._openstack('volume backup restore monday data-of-monday')
        self._compare('data-of-tuesday', tuesday)
        self._compare('data-of-monday', monday)
        self._clean_up()
        self._rotate()

    def _create_volume(self) -> None:
        _say('A volume, as user alice in project alpha:')
        self._openstack('volume create --size 1 data')
        self._wait_for('volume', 'data')

    def _write_all(self) -> str:
        """Fill the volume; return the checksum of its contents."""
        file = self._file('data')
        size = file.stat().st_size
        file.write_bytes(random.Random(1).randbytes(size))
        _say(
            'The sandbox has no server that could attach the volume, so the demo writes\n'
            f'{size // MEBIBYTE} MiB directly to its file. sha256: {_sum(file)}',
        )
        return _sum(file)

    def _change_some(self, place: int = 3) -> str:
        """Change a part of the volume; return the checksum of its contents."""
        file = self._file('data')
        with file.open('r+b') as volume:
            volume.seek(place * MEBIBYTE)
            volume.write(random.Random(2).randbytes(MEBIBYTE))
        _say(f'One MiB of the volume changes. sha256 of the whole volume: {_sum(file)}')
        return _sum(file)

    def _look(self) -> None:
        self._openstack('volume backup list')
        self._openstack('volume backup set --property keep=yes --property why=demo tuesday')
        self._openstack('volume backup show tuesday')
        self._openstack('volume backup unset --property why tuesday')
        self._openstack('volume backup show tuesday -c properties -c metadata')

    def _compare(self, volume: str, written: str) -> None:
        self._wait_for('volume', volume)
        restored = _sum(self._file(volume))
        _say(
            f'sha256 before the backup: {written}\nsha256 after the restore: {restored} ({volume})'
        )
        if restored != written:
            raise DemoError(f'the restored data of {volume} differs from the data backed up.')
        _say('The checksums are equal.')

    def _clean_up(self) -> None:
        for name in ('tuesday', 'monday'):
            self._openstack(f'volume backup delete {name}')
            self._wait_until_gone(name)
        self._openstack('volume backup list')

    def _rotate(self) -> None:
        """Go through three nights; what must be right at the end is the newest backup."""
        _say('Three nights of a rotation: full backups every two nights, and one chain is kept.')
        written = ''
        for night in range(1, NIGHTS + 1):
            written = self._change_some(3 + night)
            _say(f'Night {night}:')
            self._openstack(f'{ROTATE} --auto-approve')
            self._openstack('volume backup tree --volume data')
            if night < NIGHTS:
                self._let_a_day_pass()
        _say('A second run in the same night has nothing to do:')
        self._openstack(f'{ROTATE} --auto-approve --skip-newer-than 12h')
        newest = self._ask(*shlex.split(f'{NEWEST} -f value -c ID'))
        self._openstack(f'volume backup restore {newest} data-of-last-night')
        self._compare('data-of-last-night', written)

    def _let_a_day_pass(self) -> None:
        """Make all backups a day older."""
        _say('(a day passes: in the database, all backups become a day older)')
        times = ', '.join(f'{column} = {OLDER.format(column)}' for column in COLUMNS)
        with closing(sqlite3.connect(self._sandbox.database, timeout=PATIENCE)) as database:
            database.execute(f'UPDATE backups SET {times}')
            database.commit()

    def _file(self, volume: str) -> Path:
        identity = self._ask('volume', 'show', '-f', 'value', '-c', 'id', volume)
        return self._sandbox.volume_file(identity)

    def _wait_for(self, kind: str, name: str) -> None:
        """Wait until a volume or backup is available."""
        _say(f'(waiting until the {kind} {name} is available)')

        def is_available() -> bool:
            status = self._ask(*kind.split(), 'show', '-f', 'value', '-c', 'status', name)
            if status.startswith('error'):
                raise DemoError(f'the {kind} {name} is in status {status}.')
            return status == 'available'

        _poll(is_available, f'the {kind} {name} is not available')

    def _wait_until_gone(self, name: str) -> None:
        _say(f'(waiting until the volume backup {name} is gone)')

        def is_gone() -> bool:
            names = self._ask('volume', 'backup', 'list', '-f', 'value', '-c', 'Name')
            return name not in names.split()

        _poll(is_gone, f'the volume backup {name} is still there')

    def _openstack(self, arguments: str) -> None:
        """Run a command and show it with its output."""
        _say(f'$ openstack {arguments}')
        result = self._run(shlex.split(arguments))
        sys.stdout.write(result.stdout)
        sys.stdout.flush()
        if result.returncode:
            raise DemoError(f'the command above failed with exit status {result.returncode}.')

    def _ask(self, *arguments: str) -> str:
        """Run a command and return its output without showing it."""
        result = self._run(arguments)
        if result.returncode:
            raise DemoError(f'openstack {shlex.join(arguments)} failed: {result.stdout}')
        return result.stdout.strip()

    def _run(self, arguments: tuple[str, ...] | list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(OPENSTACK), *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def _poll(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise DemoError(f'{complaint} after {PATIENCE} seconds.')
        time.sleep(PAUSE)


def _sum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _say(sentence: str) -> None:
    sys.stdout.write(f'\n{sentence}\n')
    sys.stdout.flush()
