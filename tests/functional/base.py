# SPDX-License-Identifier: Apache-2.0
"""The base of the functional tests: one sandbox per run, one project per class."""

import atexit
import functools
import itertools
import os
import re
import sqlite3
import time
import unittest
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests import releases
from tests.functional import api
from tests.functional.api import Account
from tests.functional.client import OpenStack, Result, osc_alone, with_plugin
from tests.sandbox import Sandbox

_numbers = itertools.count()

# core.releases.VERSION_3_0
_OSCS_WARNING = re.compile(r'^volume .*version 3\.0 is not in supported versions: .*\n')


@functools.cache
def sandbox() -> Sandbox:
    """Start the sandbox of this run, or use the one that SANDBOX_STATE names."""
    state = os.environ.get('SANDBOX_STATE')
    if state:
        return Sandbox.attach(Path(state))
    running = Sandbox.start()
    atexit.register(running.stop)
    return running


@functools.cache
def ceph_sandbox() -> Sandbox:
    """Start, once in a run, a sandbox that stores backups as Ceph does."""
    running = Sandbox.start(ceph=True)
    atexit.register(running.stop)
    return running


@functools.cache
def old_parent_rule_sandbox() -> Sandbox:
    """Start, once in a run, a sandbox that chooses parents as Cinder 21 does."""
    running = Sandbox.start(old_parent_rule=True)
    atexit.register(running.stop)
    return running


@functools.cache
def no_backup_service_sandbox() -> Sandbox:
    """Start, once in a run, a sandbox without a backup service."""
    running = Sandbox.start(backup_service=False)
    atexit.register(running.stop)
    return running


class Project(NamedTuple):
    """A project of its own, with a member and an administrator."""

    id: str
    name: str
    member: Account
    admin: Account


def make_project(box: Sandbox) -> Project:
    """Create a project whose name is unique in all processes of the run."""
    name = f'project-{os.getpid()}-{next(_numbers)}'
    id_ = api.make_project(box, name)
    return Project(id_, name, Account(box, name, name), Account(box, 'admin', name))


class FunctionalTest(unittest.TestCase):
    """A test of commands in a project that nobody else uses."""

    box: Sandbox
    project: Project
    #: The ``openstack`` that the test runs instead of the plugin's, set by :func:`fixes`.
    client: OpenStack | None = None
    #: The seconds before the plugin looks at a status for the first time; None is the usual time.
    pause: float | None = None

    @classmethod
    def setUpClass(cls) -> None:
        cls.box = sandbox()
        cls.project = make_project(cls.box)

    @property
    def member(self) -> dict[str, str]:
        """The member of the class's project."""
        return self.project.member.environment

    @property
    def admin(self) -> dict[str, str]:
        """The administrator, in the project ``admin``."""
        return Account(self.box, 'admin', 'admin').environment

    @property
    def admin_here(self) -> dict[str, str]:
        """The administrator, in the class's project."""
        return self.project.admin.environment

    def run_openstack(
        self, arguments: str | list[str], environment: dict[str, str] | None = None
    ) -> Result:
        """Run a command, by default as the member."""
        client = self.client or with_plugin()
        return client.run(arguments, environment or self.member, pause=self.pause)

    def openstack(
        self, arguments: str | list[str], environment: dict[str, str] | None = None
    ) -> str:
        """Run a command that must succeed, and return its output without the last newline."""
        result = self.run_openstack(arguments, environment)
        self.assertEqual(result.status, 0, result.stderr)
        return result.stdout.removesuffix('\n')

    def backup(self, arguments: str, environment: dict[str, str] | None = None) -> str:
        """Run a ``volume backup`` command that must succeed."""
        return self.openstack(f'volume backup {arguments}', environment)

    def fails(
        self,
        arguments: str | list[str],
        environment: dict[str, str] | None = None,
        *,
        status: int = 1,
    ) -> str:
        """Run a command that must fail with one sentence, and return it."""
        result = self.run_openstack(arguments, environment)
        self.assertEqual((result.status, result.stdout), (status, ''), result.stderr)
        sentence = _OSCS_WARNING.sub('', result.stderr)
        self.assert_is_a_sentence(sentence)
        return sentence.removesuffix('\n')

    def begin(
        self, arguments: str | list[str], environment: dict[str, str] | None = None
    ) -> Future[Result]:
        """Run a command in the background: one at a time, while the test only uses the API."""
        thread = ThreadPoolExecutor(1)
        self.addCleanup(thread.shutdown)
        return thread.submit(self.run_openstack, arguments, environment)

    def assert_has(self, text: str, *words: str) -> None:
        """Expect that a message has some essential words."""
        for each in words:
            self.assertIn(each, text)

    def assert_is_a_sentence(self, text: str) -> None:
        """Expect a sentence for people: no traceback, no HTML, no missing value."""
        self.assertRegex(text, r'\A[^\n]+\n\Z')
        for unwanted in ('Traceback', '<', 'None', 'Exception'):
            self.assertNotIn(unwanted, text)

    def make_volume(self, name: str = '', owner: Account | None = None, **attributes: Any) -> str:
        """Make a volume of 1 GiB, with attributes of the API, and return its ID."""
        volume = {'size': 1, 'name': name or self.unique('volume'), **attributes}
        answer = (owner or self.project.member).block_storage(
            'POST', '/volumes', {'volume': volume}
        )
        id_ = str(answer['volume']['id'])
        self.wait_for('volume', id_)
        return id_

    def make_backup(self, volume: str, owner: Account | None = None, **attributes: Any) -> str:
        """Create a backup with attributes of the API, wait for it, and return its ID."""
        id_ = self.begin_backup(volume, owner, **attributes)
        self.wait_for('backup', id_)
        return id_

    def begin_backup(self, volume: str, owner: Account | None = None, **attributes: Any) -> str:
        """Request a backup, with attributes of the API, and return its ID at once."""
        answer = (owner or self.project.member).block_storage(
            'POST', '/backups', {'backup': {'volume_id': volume, **attributes}}
        )
        return str(answer['backup']['id'])

    def make_failed_backup(self, volume: str, **attributes: Any) -> str:
        """Request a backup that must fail, wait until it has failed, and return its ID."""
        id_ = self.begin_backup(volume, **attributes)
        self.wait_for('backup', id_, 'error')
        return id_

    def fail_reason(self, backup: str) -> str:
        """Return the reason why a backup failed."""
        return str(self.sql('SELECT fail_reason FROM backups WHERE id = ?', backup)[0][0])

    def make_older(self, volume: str) -> None:
        """Make all backups of a volume a day older."""
        older = "strftime('%Y-%m-%d %H:%M:%f000', {0}, '-1 day')"
        times = ', '.join(
            f'{column} = {older.format(column)}'
            for column in ('created_at', 'updated_at', 'data_timestamp')
        )
        self.sql(f'UPDATE backups SET {times} WHERE volume_id = ?', volume)

    def remove_backup(self, backup: str, owner: Account | None = None) -> None:
        """Delete a backup and wait until it is gone."""
        (owner or self.project.member).block_storage('DELETE', f'/backups/{backup}')
        self.wait_for('backup', backup, 'deleted')

    def begin_restore(self, backup: str, volume: str) -> None:
        """Request a restore to a volume, and do not wait."""
        self.project.member.block_storage(
            'POST', f'/backups/{backup}/restore', {'restore': {'volume_id': volume}}
        )

    def make_restored(
        self, backup: str, volume: str | None = None, *, status: str = 'available'
    ) -> str:
        """Restore to a volume (default: a new one), wait for its status, and return its ID."""
        volume = volume or self.make_volume()
        self.begin_restore(backup, volume)
        self.wait_for('volume', volume, status)
        self.wait_for('backup', backup)
        return volume

    def write_volume(self, volume: str, text: str) -> None:
        """Replace what is on a volume with text and zeros."""
        file = self.box.volume_file(volume)
        file.write_bytes(text.encode().ljust(file.stat().st_size, b'\0'))

    def read_volume(self, volume: str) -> str:
        """Return the text that is on a volume, without the zeros after it."""
        return self.box.volume_file(volume).read_bytes().rstrip(b'\0').decode()

    def make_snapshot(self, volume: str) -> str:
        """Create a snapshot, wait until it is available, and return its ID."""
        snapshot = {'volume_id': volume, 'name': self.unique('snapshot')}
        answer = self.project.member.block_storage('POST', '/snapshots', {'snapshot': snapshot})
        id_ = str(answer['snapshot']['id'])
        self.wait_for('snapshot', id_)
        return id_

    def unique(self, word: str) -> str:
        """Return a name that is not used yet."""
        return f'{word}-{os.getpid()}-{next(_numbers):04}'

    def wait_for(self, kind: str, id_: str, status: str = 'available') -> None:
        """Wait until a row of Cinder's database has a status, ``deleted`` when it is gone."""
        self.wait_until(lambda: self.status(kind, id_), status)

    def wait_until(self, look: Callable[[], Any], wanted: Any) -> None:
        """Wait until a value changes in the cloud."""
        deadline = time.monotonic() + 20
        while (seen := look()) != wanted:
            if time.monotonic() > deadline:
                self.fail(f'after 20 s it is still {seen!r}, not {wanted!r}')
            time.sleep(0.05)

    def status(self, kind: str, id_: str) -> str:
        """Return a status from the database, independent of any client."""
        rows = self.sql(f'SELECT status, deleted FROM {kind}s WHERE id = ?', id_)
        return 'deleted' if not rows or rows[0][1] else str(rows[0][0])

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement on Cinder's database."""
        with closing(sqlite3.connect(self.box.database, timeout=30)) as database, database:
            return database.execute(statement, values).fetchall()

    def sql_named(self, statement: str, values: dict[str, Any]) -> None:
        """Run a statement with named values."""
        with closing(sqlite3.connect(self.box.database, timeout=30)) as database, database:
            database.execute(statement, values)


class CephTest(FunctionalTest):
    """A test in a cloud that stores backups as Ceph does."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.box = ceph_sandbox()
        cls.project = make_project(cls.box)


def fixes(test: Callable[[Any], None]) -> Callable[[Any], None]:
    """Expect that a test fails with the built-in command and passes with the plugin.

    Other releases of OSC may not have the defect.
    """
    if not releases.is_newest():
        return test

    @functools.wraps(test)
    def run_with_both(self: FunctionalTest) -> None:
        self.client = osc_alone()
        try:
            test(self)
        except AssertionError:
            pass
        else:
            self.fail('The built-in command passes: it does not have the defect any more')
        finally:
            self.client = None
        test(self)

    return run_with_both
