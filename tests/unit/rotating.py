# SPDX-License-Identifier: Apache-2.0
"""A simulated Block Storage that also backs up volumes, as Cinder does, with a fake clock."""

import re
import urllib.parse
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.unit.clock import FakeClock
from tests.unit.living import LivingCloud, LivingTest
from tests.unit.rows import volume
from tests.unit.stub import OWN_PROJECT, Answer, Asked

#: The beginning of the first run.
NIGHT = datetime(2026, 10, 20, 2, tzinfo=timezone.utc)

TENANT = 'os-vol-tenant-attr:tenant_id'
OVER_QUOTA = (
    "BackupLimitExceeded: Maximum number of backups allowed (1) exceeded for quota 'backups'."
)

NO_PARENT = 'Invalid backup: No backups available to do an incremental backup.'

_VOLUME = re.compile(r'GET /volumes/([^/?]+)')


class RotatingCloud(LivingCloud):
    """A cloud whose backups take some seconds, during which their volume is ``backing-up``.

    :param backs_up_in: how many seconds a backup takes.
    """

    def __init__(self, clock: FakeClock, *, backs_up_in: float = 5.0, **kwargs: Any) -> None:
        super().__init__(clock, **kwargs)
        self.most = 100_000
        self._backs_up_in = backs_up_in
        self._volumes: dict[str, dict[str, Any]] = {}
        self._tries = 0
        #: The limit of the number of backups; -1 means no limit.
        self.quota = -1
        #: IDs of volumes whose backups fail.
        self.failing: set[str] = set()
        #: How long after a backup is available it is counted in its parent.
        self.counts_late = 0.0
        self.night = NIGHT
        self.date = self.now

    def now(self) -> datetime:
        """Return the time of the cloud."""
        return self.night + timedelta(seconds=self._clock.passed)

    def hold(self, number: int, **changes: Any) -> str:
        """Create the volume with this number; return its ID."""
        id_ = f'22222222-aaaa-4bbb-8ccc-{number:012}'
        said = {'name': f'v{number}', 'availability_zone': 'nova', 'attachments': [], **changes}
        self._volumes[id_] = volume(id_, **{TENANT: OWN_PROJECT, 'metadata': {}, **said})
        return id_

    def change_volume(self, id_: str, **fields: Any) -> None:
        """Change a volume now."""
        self._volumes[id_].update(fields)

    def drop(self, id_: str) -> None:
        """Delete a volume now."""
        del self._volumes[id_]

    def of(self, volume_id: str) -> list[dict[str, Any]]:
        """Return the backups of a volume, the oldest first."""
        return [dict(row) for row in self._rows.values() if row['volume_id'] == volume_id]

    def parent_of(self, backup_id: str) -> str | None:
        """Return the ID of a backup's parent."""
        return self._parents.get(backup_id)

    @property
    def created(self) -> list[dict[str, Any]]:
        """The bodies of the requests for backups, in order."""
        return [each.body['backup'] for each in self.asked if each.line == 'POST /backups']

    def _unprepared(self, asked: Asked) -> Answer:
        path, _, query = asked.line.partition('?')
        if path == 'GET /volumes/detail':
            return self._list_volumes(dict(urllib.parse.parse_qsl(query)))
        if path == 'GET /limits':
            used = {'totalBackupsUsed': len(self._rows), 'totalBackupGigabytesUsed': 0}
            limits = {'maxTotalBackups': self.quota, 'maxTotalBackupGigabytes': -1}
            return Answer(body={'limits': {'absolute': {**limits, **used}}})
        one = _VOLUME.fullmatch(path)
        if one:
            row = self._volumes.get(one[1])
            return Answer(body={'volume': row}) if row else _refusal(404, 'No such volume.')
        if path == 'POST /backups':
            return self._back_up(asked.body['backup'])
        return super()._unprepared(asked)

    def _list_volumes(self, query: dict[str, str]) -> Answer:
        named, everybody = query.get('name'), query.get('all_tenants')
        rows = [
            row
            for row in self._volumes.values()
            if (everybody or row[TENANT] == OWN_PROJECT) and (named is None or row['name'] == named)
        ]
        return Answer(body={'volumes': rows})

    def _back_up(self, wanted: dict[str, Any]) -> Answer:
        source = self._volumes.get(wanted['volume_id'])
        if source is None:
            return _refusal(404, f'Volume {wanted["volume_id"]} could not be found.')
        if source['status'] not in {'available', *({'in-use'} if wanted.get('force') else ())}:
            return _refusal(400, f'Invalid volume: the current status is {source["status"]}.')
        if 0 <= self.quota <= len(self._rows):
            return _refusal(413, OVER_QUOTA)
        parent = self._parent(source['id']) if wanted.get('incremental') else None
        if wanted.get('incremental') and parent is None:
            return _refusal(400, NO_PARENT)
        return self._begin(source, wanted, parent)

    def _parent(self, volume_id: str) -> str | None:
        able = [row for row in self.of(volume_id) if row['status'] == 'available']
        return max(able, key=lambda row: row['data_timestamp'])['id'] if able else None

    def _begin(self, source: dict[str, Any], wanted: dict[str, Any], parent: str | None) -> Answer:
        time = self.now().replace(tzinfo=None).isoformat(timespec='microseconds')
        self._tries += 1
        updated = self._rows[parent]['updated_at'] if parent else None
        id_ = self.keep(
            90_000 + self._tries,
            parent,
            name=wanted.get('name'),
            description=wanted.get('description'),
            metadata=wanted.get('metadata') or {},
            volume_id=source['id'],
            size=source['size'],
            status='creating',
            created_at=time,
            updated_at=time,
            data_timestamp=time,
        )
        if parent:
            # It is counted only when it is complete.
            self.change(parent, updated_at=updated)
        before = source['status']
        source['status'] = 'backing-up'
        self.after(self._backs_up_in, lambda: self._finish(id_, source, before))
        return Answer(202, {'backup': {'id': id_, 'name': wanted.get('name'), 'links': []}})

    def _finish(self, id_: str, source: dict[str, Any], before: str) -> None:
        source['status'] = before
        failed = source['id'] in self.failing
        status = (
            {'status': 'error', 'fail_reason': 'disk full'} if failed else {'status': 'available'}
        )
        time = self.now().replace(tzinfo=None).isoformat(timespec='microseconds')
        if id_ in self._rows:
            self.change(id_, updated_at=time, **status)
            parent = self._parents.get(id_)
            if parent and not failed:
                self.after(self.counts_late, lambda: self._count(parent))

    def _count(self, parent: str) -> None:
        time = self.now().replace(tzinfo=None).isoformat(timespec='microseconds')
        if parent in self._rows:
            self.change(parent, updated_at=time)


def _refusal(status: int, message: str) -> Answer:
    return Answer(status, {'fault': {'code': status, 'message': message}})


class RotatingTest(LivingTest):
    """A test of commands against a simulated cloud that backs up volumes."""

    cloud: RotatingCloud

    def setUp(self) -> None:
        self.use_rotating()

    def use_rotating(self, **kwargs: Any) -> RotatingCloud:
        """Start a simulated cloud that ends with the test."""
        self.clock = FakeClock()
        self.cloud = RotatingCloud(self.clock, **kwargs)
        self.cloud.start()
        self.addCleanup(self.cloud.stop)
        return self.cloud
