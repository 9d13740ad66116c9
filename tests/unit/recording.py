# SPDX-License-Identifier: Apache-2.0
"""Records, and a simulated Block Storage that exports and imports them."""

import base64
import json
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from backupext.core.importing import NO_VOLUME
from backupext.core.records import Document, Record, Source, parse
from tests.unit.clock import FakeClock
from tests.unit.living import PROJECT, LivingCloud, LivingTest
from tests.unit.rows import ID, VOLUME_ID, backup
from tests.unit.shell import Result
from tests.unit.stub import OWN_PROJECT, Answer, Asked

SOURCE = Source('https://cloud.test:5000/v3', 'RegionOne', 'p' * 32, 'alpha')
WHEN = '2026-11-25T02:00:00Z'


def url(fields: object) -> str:
    return base64.b64encode(json.dumps(fields).encode()).decode()


def record(id_: str = ID, parent: str | None = None, **changes: Any) -> Record:
    """Return the record of a backup."""
    known = Record(
        id_,
        'nightly',
        None,
        'available',
        VOLUME_ID,
        parent,
        1,
        '2026-11-01T02:00:00.000000',
        '2026-11-01T02:00:00.000000',
        'backups',
        {},
        'posix',
        url({'id': id_, 'parent_id': parent}),
    )
    return known._replace(**changes)


def document(*known: Record, when: str = WHEN) -> Document:
    return Document(SOURCE, when, known)


def _limits(**absolute: int) -> dict[str, Any]:
    known = {'maxTotalBackups': -1, 'maxTotalBackupGigabytes': -1, **absolute}
    return {'limits': {'absolute': known}}


class RecordCloud(LivingCloud):
    """A cloud that exports and imports records as Cinder does: 201, and available or error later.

    :param imports_in: how many seconds an import takes.
    """

    def __init__(self, clock: FakeClock, *, imports_in: float = 2.0, **kwargs: Any) -> None:
        super().__init__(clock, **{'roles': ('admin',), **kwargs})
        self._imports_in = imports_in
        #: IDs of backups whose import fails, with the reason.
        self.broken: dict[str, str] = {}
        #: Quotas, by the name in ``/limits``.
        self.quota: dict[str, int] = {}
        #: IDs of imported backups, in the order of the requests.
        self.imports: list[str] = []

    def row(self, id_: str) -> dict[str, Any]:
        """Return what the cloud has of a backup."""
        return self._rows[id_]

    def lose_everything(self) -> None:
        """Lose the database."""
        self._rows.clear()
        self._parents.clear()

    @property
    def exports(self) -> list[str]:
        """The IDs of requested exports, in order."""
        return [line.split('/')[2] for line in self.lines if line.endswith('/export_record')]

    def _unprepared(self, asked: Asked) -> Answer:
        method, _, path = asked.line.partition(' ')
        if asked.line == 'GET /limits':
            return Answer(body=_limits(**self.quota))
        if path.endswith('/export_record'):
            return self._export(path.split('/')[2])
        if path == '/backups/import_record':
            return self._import(asked.body['backup-record'])
        if method == 'PUT':
            id_ = path.split('/')[2]
            self._rows[id_].update(asked.body['backup'])
            return Answer(body={'backup': {'id': id_}})
        return super()._unprepared(asked)

    def _export(self, id_: str) -> Answer:
        row = self._rows[id_]
        fields = {**row, 'parent_id': self._parents.get(id_)}
        record = {'backup_service': 'posix', 'backup_url': url(fields)}
        return Answer(body={'backup-record': record})

    def _import(self, imported: dict[str, str]) -> Answer:
        fields = json.loads(base64.b64decode(imported['backup_url']))
        id_ = fields['id']
        if id_ in self._rows:
            message = 'Invalid backup: Backup already exists in database.'
            return Answer(400, {'badRequest': {'code': 400, 'message': message}})
        self.imports.append(id_)
        blank = {'status': 'creating', 'volume_id': NO_VOLUME, 'container': None, 'name': None}
        self._rows[id_] = {**backup(id_), PROJECT: OWN_PROJECT, **blank, 'object_count': 0}
        self.after(self._imports_in, lambda: self._finish(fields))
        return Answer(201, {'backup': {'id': id_, 'name': None}})

    def _finish(self, fields: dict[str, Any]) -> None:
        id_, parent = fields['id'], fields.get('parent_id')
        if id_ in self.broken:
            self._rows[id_].update(status='error', fail_reason=self.broken[id_])
            return
        self._rows[id_].update(fields, **{PROJECT: OWN_PROJECT, 'status': 'available'})
        if parent:
            self._parents[id_] = parent


class RecordTest(LivingTest):
    """A test of commands that read and write files of records."""

    cloud: RecordCloud

    def setUp(self) -> None:
        self.use_records()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / 'records.json'

    def use_records(self, **kwargs: Any) -> RecordCloud:
        """Start a simulated cloud that ends with the test."""
        self.clock = FakeClock()
        self.cloud = RecordCloud(self.clock, **kwargs)
        self.cloud.date = lambda: datetime(2026, 11, 25, 2, tzinfo=timezone.utc)
        self.cloud.start()
        self.addCleanup(self.cloud.stop)
        return self.cloud

    def export(self, what: str = '--all') -> Result:
        """Export to the file."""
        return self.openstack(f'volume backup record export {what} --output-file {self.file}')

    def read(self) -> Document:
        """Read the file, which must be whole."""
        return parse(self.file.read_text('utf-8'))

    @property
    def exported(self) -> list[str]:
        """The IDs in the file, in order."""
        return [each.id for each in self.read().records]
