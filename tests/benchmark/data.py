# SPDX-License-Identifier: Apache-2.0
"""Projects with many backups, written directly to Cinder's database."""

import random
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from tests.functional import api
from tests.functional.api import Account
from tests.sandbox import Sandbox

BACKUPS_PER_VOLUME = 5
#: Number of backups that `delete` deletes, in addition to the backups of the project.
DOOMED = 200
#: An empty folder of the backup store. Cinder's driver deletes a backup without data, but fails
#: without the folder.
CONTAINER = 'benchmark'
PATIENCE = 300

#: The project of the stub's backups.
STUB_PROJECT = '0123456789abcdef0123456789abcdef'

Row = dict[str, Any]


class Project(NamedTuple):
    """A project with a number of backups, and examples for the arguments of commands.

    ``environment`` has the environment variables of a client.
    """

    id: str
    backups: int
    environment: dict[str, str]
    backup_name: str
    volume_id: str


class Facts(NamedTuple):
    """IDs and names of this sandbox that the rows refer to."""

    volume_type: str
    volume_service: str
    project: str
    user: str


def make_project(box: Sandbox, backups: int) -> Project:
    """Create a project with a number of backups and a fifth as many volumes."""
    name = f'benchmark-{backups}'
    id_ = api.make_project(box, name)
    account = Account(box, name, name)
    user = str(uuid.UUID(int=backups).hex)
    with closing(_connect(box)) as database, database:
        facts = _facts(database, id_, user)
        # The same rows in every run, but different IDs in each project.
        chance = random.Random(backups)
        volumes = [_volume(number, chance, facts) for number in range(_volumes(backups))]
        rows = list(_backups(backups, volumes, chance, facts))
        _insert(database, 'volumes', volumes)
        _insert(database, 'backups', rows)
        _insert(database, 'backup_metadata', _metadata(rows))
        database.execute('ANALYZE')
    middle = rows[backups // 2]
    return Project(id_, backups, account.environment, middle['display_name'], middle['volume_id'])


def put_doomed(box: Sandbox, project: Project) -> list[str]:
    """Create the backups that will be deleted; return their names."""
    store = box.state / 'backups' / CONTAINER
    store.mkdir(parents=True, exist_ok=True)
    with closing(_connect(box)) as database, database:
        _remove_doomed(database, project)
        facts = _facts(database, project.id, 'nobody')
        rows = [_doomed(number, project.volume_id, facts) for number in range(DOOMED)]
        _insert(database, 'backups', rows)
    return [row['display_name'] for row in rows]


def wait_until_deleted(box: Sandbox, project: Project) -> None:
    """Wait until the deletions have finished, so that they do not disturb the next measurement."""
    deadline = time.monotonic() + PATIENCE
    while left := _count_doomed(box, project):
        if time.monotonic() > deadline:
            raise RuntimeError(f'{left} backups are still there after {PATIENCE} seconds')
        time.sleep(0.2)
    with closing(_connect(box)) as database, database:
        _remove_doomed(database, project)
    shutil.rmtree(box.state / 'backups' / CONTAINER)


def _connect(box: Sandbox) -> sqlite3.Connection:
    return sqlite3.connect(box.database, timeout=60)


def _count_doomed(box: Sandbox, project: Project) -> int:
    statement = (
        'SELECT count(*) FROM backups WHERE project_id = ? AND container = ? AND NOT deleted'
    )
    with closing(_connect(box)) as database:
        return int(database.execute(statement, (project.id, CONTAINER)).fetchone()[0])


def _remove_doomed(database: sqlite3.Connection, project: Project) -> None:
    statement = 'DELETE FROM backups WHERE project_id = ? AND container = ?'
    database.execute(statement, (project.id, CONTAINER))


def _facts(database: sqlite3.Connection, project: str, user: str) -> Facts:
    [volume_type] = database.execute('SELECT id FROM volume_types').fetchone()
    service = "SELECT uuid FROM services WHERE binary = 'cinder-volume'"
    return Facts(volume_type, database.execute(service).fetchone()[0], project, user)


def _insert(database: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    rows = list(rows)
    names = ', '.join(f'"{name}"' for name in rows[0])
    places = ', '.join(f':{name}' for name in rows[0])
    database.executemany(f'INSERT INTO {table} ({names}) VALUES ({places})', rows)


def _volumes(backups: int) -> int:
    return -(-backups // BACKUPS_PER_VOLUME)


def _time(minutes: int) -> str:
    """Write a time as Cinder does. SQLite compares text, so the microseconds must be there."""
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=minutes)
    return moment.strftime('%Y-%m-%d %H:%M:%S.%f')


def _id(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _volume(number: int, chance: random.Random, facts: Facts) -> Row:
    return {
        **_row(number),
        'id': _id(chance),
        'user_id': facts.user,
        'project_id': facts.project,
        'host': 'sandbox@files#files',
        'size': chance.choice((1, 10, 20, 100, 500)),
        'availability_zone': 'nova',
        'status': 'in-use' if number % 3 else 'available',
        'attach_status': 'attached' if number % 3 else 'detached',
        'launched_at': _time(number),
        'display_name': f'server-{number:05}-data',
        'volume_type_id': facts.volume_type,
        'service_uuid': facts.volume_service,
        'bootable': False,
        'multiattach': False,
        'shared_targets': False,
        'use_quota': True,
    }


def _backups(count: int, volumes: list[Row], chance: random.Random, facts: Facts) -> Iterator[Row]:
    """Create one generation after another, so that a volume's backups are far apart in a list."""
    newest: dict[str, Row] = {}
    for number in range(count):
        volume = volumes[number % len(volumes)]
        backup = _backup(number, volume, chance, facts)
        parent = newest.get(volume['id'])
        # Every fourth volume has full backups only.
        if parent and number % len(volumes) % 4:
            backup['parent_id'] = parent['id']
            parent['num_dependent_backups'] = 1
        newest[volume['id']] = backup
        yield backup


def _backup(number: int, volume: Row, chance: random.Random, facts: Facts) -> Row:
    id_ = _id(chance)
    status = chance.choices(('available', 'error', 'creating', 'deleting'), (960, 20, 15, 5))[0]
    generation = number // BACKUPS_PER_VOLUME
    return {
        **_row(number),
        'id': id_,
        'volume_id': volume['id'],
        'user_id': facts.user,
        'project_id': facts.project,
        'host': 'sandbox',
        'availability_zone': 'nova',
        'display_name': f'nightly-{number:06}',
        'display_description': f'Before the update of week {generation % 52}'
        if number % 3 == 0
        else None,
        'container': f'{id_[:2]}/{id_[2:4]}/{id_}',
        'status': status,
        'fail_reason': 'Connection to the backup store timed out' if status == 'error' else None,
        'service_metadata': f'volume_{volume["id"]}_backup_{id_}',
        'service': 'cinder.backup.drivers.posix.PosixBackupDriver',
        'size': volume['size'],
        'object_count': chance.randrange(1, 200),
        'parent_id': None,
        'num_dependent_backups': 0,
        'data_timestamp': _time(number),
    }


def _doomed(number: int, volume_id: str, facts: Facts) -> Row:
    # IDs that no earlier run used: the server may have cached a deleted row.
    volume = {'id': volume_id, 'size': 1}
    backup = _backup(number, volume, random.Random(), facts)
    return {
        **backup,
        'display_name': f'doomed-{number:03}',
        'status': 'available',
        'fail_reason': None,
        'container': CONTAINER,
    }


def _row(number: int) -> Row:
    time_ = _time(number)
    return {'created_at': time_, 'updated_at': time_, 'deleted': False}


def _metadata(backups: list[Row]) -> Iterator[Row]:
    for number, backup in enumerate(backups):
        if number % 4:
            continue
        common = {'created_at': backup['created_at'], 'deleted': False, 'backup_id': backup['id']}
        yield {**common, 'key': 'policy', 'value': 'nightly'}
        yield {**common, 'key': 'keep', 'value': f'{number % 30}d'}


class StubRows(NamedTuple):
    """Rows as the API shows them by ID, the newest first, with the places of both in their lists.

    :param parents: the parent's ID by the child's.
    """

    backups: dict[str, Row]
    volumes: dict[str, Row]
    parents: dict[str, str]
    places: dict[str, int]


def stub_rows(backups: int, doomed: int) -> StubRows:
    """Return the rows of a project with a number of backups, and doomed ones of one more volume."""
    facts = Facts('', '', STUB_PROJECT, 'user')
    chance = random.Random(backups)
    volumes = [_volume(number, chance, facts) for number in range(_volumes(backups) + 1)]
    rows = list(_backups(backups, volumes[:-1], chance, facts))
    rows += [_doomed(number, volumes[-1]['id'], facts) for number in range(doomed)]
    return StubRows(
        {row['id']: _shown_backup(row) for row in reversed(rows)},
        {row['id']: _shown_volume(row) for row in reversed(volumes)},
        {row['id']: row['parent_id'] for row in rows if row['parent_id']},
        {
            row['id']: place
            for table in (rows, volumes)
            for place, row in enumerate(reversed(table))
        },
    )


def _shown_backup(row: Row) -> Row:
    return {
        **{
            key: row[key]
            for key in ('id', 'volume_id', 'status', 'size', 'object_count', 'fail_reason')
        },
        **{key: row[key] for key in ('availability_zone', 'container', 'user_id')},
        **{key: _shown_time(row[key]) for key in ('created_at', 'updated_at', 'data_timestamp')},
        'name': row['display_name'],
        'description': row['display_description'],
        'snapshot_id': None,
        'is_incremental': row['parent_id'] is not None,
        'has_dependent_backups': row['num_dependent_backups'] > 0,
        'os-backup-project-attr:project_id': row['project_id'],
        'metadata': {},
        'links': [],
    }


def _shown_volume(row: Row) -> Row:
    return {
        **{key: row[key] for key in ('id', 'status', 'size', 'availability_zone')},
        'name': row['display_name'],
        'created_at': _shown_time(row['created_at']),
        'volume_type': 'standard',
        'bootable': 'false',
        'encrypted': False,
        'attachments': [],
        'metadata': {},
        'os-vol-tenant-attr:tenant_id': row['project_id'],
    }


def _shown_time(time_: str) -> str:
    return time_.replace(' ', 'T')
