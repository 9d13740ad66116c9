# SPDX-License-Identifier: Apache-2.0
"""A simulated Block Storage that restores backups to new volumes, and deletes volumes."""

import re
import urllib.parse
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.unit.clock import FakeClock
from tests.unit.living import LivingCloud
from tests.unit.rows import VOLUME_ID, volume
from tests.unit.shell import CommandTest
from tests.unit.stub import OWN_PROJECT, Answer, Asked

#: When the clock of the cloud starts.
NOW = datetime(2026, 12, 1, 3, tzinfo=timezone.utc)
TENANT = 'os-vol-tenant-attr:tenant_id'
KEY = 'own-key'
UNDELETABLE = 'Invalid volume: Volume status must be available or error or error_restoring.'
_DELETABLE = ('available', 'error', 'error_restoring')
_ONE = re.compile(r'(GET|DELETE) /volumes/([^/?]+)')
_ENCRYPTED_TYPE = 'secret'


class RestoringCloud(LivingCloud):
    """A cloud that restores as Cinder does: the backup is busy, and only the volume shows the end.

    :param takes: how many seconds a restore takes, and a deletion.
    """

    def __init__(self, clock: FakeClock, *, takes: float = 2.0, **kwargs: Any) -> None:
        super().__init__(clock, takes=takes, **kwargs)
        self._restores_in = takes
        self.volumes: dict[str, dict[str, Any]] = {}
        #: The IDs of backups whose restore fails.
        self.broken: set[str] = set()
        #: The largest number of restores at once.
        self.most_restores = 0
        #: The ID of the key that a failed restore leaves on an encrypted volume.
        self.key_after_failure = KEY
        #: What somebody else changes in a volume as soon as it is restored.
        self.after_restore: dict[str, Any] = {}
        self._restores = 0
        self.date = self._now

    def keep_volume(self, id_: str = VOLUME_ID, **fields: Any) -> str:
        """Create a volume at once, and return its ID."""
        shown = {
            **volume(id_),
            'description': None,
            'metadata': {},
            'attachments': [],
            'encrypted': False,
            'volume_type': 'fast',
            'availability_zone': 'nova',
            TENANT: OWN_PROJECT,
            'updated_at': self._written(),
        }
        self.volumes[id_] = {**shown, **fields}
        return id_

    @property
    def restores(self) -> list[Any]:
        """The bodies of the requests to create a volume from a backup."""
        return [each.body['volume'] for each in self.asked if each.line == 'POST /volumes']

    @property
    def deleted(self) -> list[str]:
        """The IDs of the volumes whose deletion was requested."""
        lines = [line for line in self.lines if line.startswith('DELETE /volumes/')]
        return [line.split('/')[-1] for line in lines]

    @property
    def scratch(self) -> dict[str, dict[str, Any]]:
        """The volumes that were created from backups and exist."""
        return {id_: row for id_, row in self.volumes.items() if id_.startswith('44444444')}

    def _now(self) -> datetime:
        return NOW + timedelta(seconds=self._clock.passed)

    def _written(self) -> str:
        return self._now().replace(tzinfo=None).isoformat(timespec='microseconds')

    def _unprepared(self, asked: Asked) -> Answer:
        path, _, query = asked.line.partition('?')
        if path == 'GET /volumes/detail':
            wanted = dict(urllib.parse.parse_qsl(query))
            wanted.pop('all_tenants', None)
            rows = [
                row
                for row in self.volumes.values()
                if all(row[key] == value for key, value in wanted.items())
            ]
            return Answer(body={'volumes': rows})
        if path == 'POST /volumes':
            return self._create(asked.body['volume'])
        one = _ONE.fullmatch(path)
        if one:
            method, id_ = one.groups()
            return self._show_volume(id_) if method == 'GET' else self._delete_volume(id_)
        return super()._unprepared(asked)

    def _create(self, asked: dict[str, Any]) -> Answer:
        backup = self._rows[asked['backup_id']]
        if backup['status'] != 'available':
            message = "Invalid backup: Originating backup status must be one of 'available' values"
            return _refusal(400, message)
        self._restores += 1
        is_encrypted = asked.get('volume_type') == _ENCRYPTED_TYPE
        id_ = self.keep_volume(
            f'44444444-aaaa-4bbb-8ccc-{self._restores:012}',
            status='creating',
            encrypted=is_encrypted,
            **({'encryption_key_id': KEY} if is_encrypted else {}),
            **{key: value for key, value in asked.items() if key != 'backup_id'},
        )
        backup['status'] = 'restoring'
        running = sum(row['status'] == 'creating' for row in self.volumes.values())
        self.most_restores = max(self.most_restores, running)
        self.after(self._restores_in, lambda: self._end(id_, asked['backup_id']))
        return Answer(202, {'volume': dict(self.volumes[id_])})

    def _end(self, id_: str, backup_id: str) -> None:
        self._rows[backup_id]['status'] = 'available'
        row = self.volumes[id_]
        if backup_id not in self.broken:
            metadata = {'src_backup_id': backup_id}
            row.update(status='available', metadata=metadata, updated_at=self._written())
            row.update(self.after_restore)
            return
        row.update(status='error_restoring', updated_at=self._written())
        if row['encrypted']:
            row['encryption_key_id'] = self.key_after_failure

    def _show_volume(self, id_: str) -> Answer:
        if id_ not in self.volumes:
            return _refusal(404, f'Volume {id_} could not be found.')
        return Answer(body={'volume': dict(self.volumes[id_])})

    def _delete_volume(self, id_: str) -> Answer:
        row = self.volumes.get(id_)
        if row is None:
            return _refusal(404, f'Volume {id_} could not be found.')
        if row['status'] not in _DELETABLE or row['attachments']:
            return _refusal(400, UNDELETABLE)
        row['status'] = 'deleting'
        self.after(1, lambda: self.volumes.pop(id_, None))
        return Answer(202)


def _refusal(status: int, message: str) -> Answer:
    return Answer(status, {'fault': {'code': status, 'message': message}})


class RestoringTest(CommandTest):
    """A test of commands against a simulated cloud that restores."""

    cloud: RestoringCloud

    def setUp(self) -> None:
        self.use_restoring()

    def use_restoring(self, **kwargs: Any) -> RestoringCloud:
        """Start a simulated cloud with one volume."""
        self.clock = FakeClock()
        self.cloud = RestoringCloud(self.clock, **kwargs)
        self.cloud.keep_volume()
        self.cloud.start()
        self.addCleanup(self.cloud.stop)
        return self.cloud

    def at(self, seconds: float, happens: Callable[[], object]) -> None:
        """Run a function in the middle of the first sleep that passes a time."""
        pending = [happens]

        def during() -> None:
            if pending and self.clock.passed + self.clock.sleeps[-1] >= seconds:
                pending.pop()()

        self.clock.during = during
