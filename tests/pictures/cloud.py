# SPDX-License-Identifier: Apache-2.0
"""A small cloud with a history: real backups of the sandbox, with their dates moved.

Cinder makes each of them. Then their times are changed in its database, since nobody wants to wait
for weeks; `updated_at` becomes what Cinder would have written: the end of the backup, or that of
its last child.
"""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backupext.core.labels import DEFAULT_LABEL, ROTATION
from tests.functional.api import Account
from tests.sandbox import Sandbox

FULL, INCREMENTAL = False, True
MEBIBYTE = 2**20

_PATIENCE = 60
_TOOK = timedelta(minutes=4, seconds=12)
_MONTH = '2026-11'
# At different times, so that the order of a list does not depend on the IDs.
_AT_NIGHT = {'ledger': '02:00:07', 'mail': '02:30:04', 'wiki': '03:00:05'}
_REASON = 'Service not found for creating backup.'

#: Each volume and its size in GiB. The volume scratch has no backups.
VOLUMES = {'ledger': 20, 'mail': 50, 'wiki': 5, 'scratch': 1}


@dataclass(frozen=True)
class Night:
    """A backup of one night."""

    volume: str
    day: int
    incremental: bool
    properties: tuple[tuple[str, str], ...] = ()
    status: str = 'available'
    #: A night whose backup was being restored at that time, so that it could not be the parent.
    passed_over: int | None = None
    #: The time when a user set a property.
    touched: str = ''

    @property
    def name(self) -> str:
        return backup_name(self.volume, self.day)


def backup_name(volume: str, day: int) -> str:
    """Name a backup after its volume and its night."""
    return f'{volume}-{_MONTH.removeprefix("2026-")}-{day:02}'


def _ledger() -> list[Night]:
    """Back up every night: a full backup on Sundays, incremental ones on the other days."""
    nights = [Night('ledger', day, day not in {8, 15, 22}) for day in range(8, 24)]
    nights[10] = Night('ledger', 18, INCREMENTAL, passed_over=17)
    return nights


HISTORY = (
    *_ledger(),
    Night('mail', 1, FULL),
    Night('mail', 4, INCREMENTAL),
    Night('mail', 8, INCREMENTAL),
    Night('mail', 15, FULL, (('protected', 'true'),), touched=f'{_MONTH}-23 09:30:00.000000'),
    Night('mail', 18, INCREMENTAL, (('ticket', '4711'), ('why', 'upgrade'))),
    Night('mail', 22, INCREMENTAL),
    Night('wiki', 8, FULL),
    Night('wiki', 15, FULL, status='error'),
    Night('wiki', 22, FULL),
)


class Cloud:
    """The project alpha of a sandbox, in which the history takes place."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._account = Account(sandbox, 'alice', 'alpha')
        #: The ID of each volume and backup by its name.
        self.ids: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a client of this cloud."""
        return self._sandbox.environment('alpha')

    def live_through(self) -> None:
        """Make the volumes and their backups."""
        self._make_volumes()
        for night in HISTORY:
            self._make_backup(night)
        for night in HISTORY:
            self._move(night)

    def prepare_rotation(self) -> None:
        """Make three volumes of a rotation: with a chain, with a full backup, and with none."""
        for name in ('db', 'files', 'shop'):
            self.ids[name] = self._make('volume', name, {'size': 1, 'metadata': {'backup': 'gold'}})
        for volume, incremental in (
            ('db', FULL),
            ('db', INCREMENTAL),
            ('db', INCREMENTAL),
            ('files', FULL),
        ):
            self._make_of_rotation(volume, incremental=incremental)
        self._sandbox.faults.fail_next('create', self.ids['files'], 'No space left on device.')

    def _make_of_rotation(self, volume: str, *, incremental: bool) -> None:
        number = sum(name.startswith(f'{volume}-') for name in self.ids) + 1
        attributes = {
            'volume_id': self.ids[volume],
            'incremental': incremental,
            'metadata': {ROTATION: DEFAULT_LABEL},
        }
        name = f'{volume}-11-{20 + number}'
        self.ids[name] = self._make('backup', name, attributes)

    def enlarge(self, volume: str, mebibytes: int) -> None:
        """Fill a volume with data whose backup takes some seconds."""
        with self._sandbox.volume_file(self.ids[volume]).open('r+b') as file:
            file.truncate(mebibytes * MEBIBYTE)

    def _make_volumes(self) -> None:
        """Create the volumes so that their IDs have the same order as their names."""
        made = sorted(self._make('volume', name, {'size': 1}) for name in VOLUMES)
        for id_, (name, size) in zip(made, VOLUMES.items(), strict=True):
            self._sql('UPDATE volumes SET display_name = ?, size = ? WHERE id = ?', name, size, id_)
            self.ids[name] = id_

    def _make_backup(self, night: Night) -> None:
        passed_over = self.ids.get(backup_name(night.volume, night.passed_over or 0))
        self._set_status(passed_over, 'restoring')
        attributes = {
            'volume_id': self.ids[night.volume],
            'incremental': night.incremental,
            'metadata': dict(night.properties),
        }
        self.ids[night.name] = self._make('backup', night.name, attributes)
        self._set_status(passed_over, 'available')

    def _set_status(self, backup: Any, status: str) -> None:
        self._sql('UPDATE backups SET status = ? WHERE id = ?', status, backup)

    def _make(self, kind: str, name: str, attributes: dict[str, Any]) -> str:
        """Create a volume or backup, wait until it is available, and return its ID."""
        body = {kind: {'name': name, **attributes}}
        id_ = str(self._account.block_storage('POST', f'/{kind}s', body)[kind]['id'])
        deadline = time.monotonic() + _PATIENCE
        while (status := self._status(kind, id_)) != 'available':
            if status == 'error' or time.monotonic() > deadline:
                raise SystemExit(f'The {kind} {name} is in status {status}.')
            time.sleep(0.05)
        return id_

    def _status(self, kind: str, id_: str) -> str:
        ((status,),) = self._sql(f'SELECT status FROM {kind}s WHERE id = ?', id_)
        return str(status)

    def _move(self, night: Night) -> None:
        """Move a backup to its night."""
        created = datetime.fromisoformat(f'{_MONTH}-{night.day:02} {_AT_NIGHT[night.volume]}')
        self._sql(
            'UPDATE backups SET created_at = ?1, data_timestamp = ?1, updated_at = ?2, status = ?3,'
            ' fail_reason = ?4 WHERE id = ?5',
            _text(created),
            night.touched or self._finished(night, created),
            night.status,
            _REASON if night.status == 'error' else None,
            self.ids[night.name],
        )

    def _finished(self, night: Night, created: datetime) -> str:
        """Return the last update of a backup; its children were created in order."""
        names = {id_: name for name, id_ in self.ids.items()}
        children = self._sql('SELECT id FROM backups WHERE parent_id = ?', self.ids[night.name])
        days = [int(names[id_].rpartition('-')[2]) for (id_,) in children]
        last = max(days, default=night.day)
        return _text(created + timedelta(days=last - night.day) + _TOOK)

    def _sql(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self._sandbox.database, timeout=30)) as database, database:
            return database.execute(statement, values).fetchall()


def _text(moment: datetime) -> str:
    """Write a time as Cinder does; SQLite compares text."""
    return moment.strftime('%Y-%m-%d %H:%M:%S.%f')
