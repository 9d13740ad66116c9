# SPDX-License-Identifier: Apache-2.0
"""A simulated Block Storage that restores backups to new volumes, with the rotation's labels."""

from datetime import timedelta
from typing import Any

import requests_mock
from requests_mock.request import _RequestObjectProxy as Request

from backupext.core import labels
from tests.unit.clock import FakeClock
from tests.unit.living import FIRST, LivingCloud, LivingTest
from tests.unit.rows import volume
from tests.unit.stub import Answer, Asked, _service

SERVER = '99999999-aaaa-4bbb-8ccc-000000000001'
OTHER_SERVER = '99999999-aaaa-4bbb-8ccc-000000000002'
NOVA = 'http://compute.test/v2.1'

UNLIMITED = {'maxTotalVolumes': -1, 'maxTotalVolumeGigabytes': -1}


def volume_id(number: int) -> str:
    """Return the ID of the volume with a number."""
    return f'22222222-aaaa-4bbb-8ccc-{number:012}'


class RecoveringCloud(LivingCloud):
    """A cloud that creates volumes from backups as Cinder does.

    The properties of the request last until the data is there. Then come those of the source
    volume, and the ID of the backup.

    :param restores_in: how many seconds a restore takes.
    """

    def __init__(self, clock: FakeClock, *, restores_in: float = 3.0, **kwargs: Any) -> None:
        super().__init__(clock, **kwargs)
        self.restores_in = restores_in
        #: The volumes, by ID.
        self.volumes: dict[str, dict[str, Any]] = {}
        #: The quota of volumes.
        self.limits: dict[str, int] = dict(UNLIMITED)
        #: The IDs of backups whose restore fails.
        self.spoiled: set[str] = set()
        #: The servers that Compute has; None if the cloud has no Compute service.
        self.servers: list[dict[str, str]] | None = None
        #: The bodies of the requests for new volumes.
        self.wanted: list[dict[str, Any]] = []
        #: The largest number of restores at once.
        self.most_restoring = 0
        self._restoring: dict[str, tuple[float, str]] = {}

    def start(self) -> None:
        super().start()
        self._adapter.register_uri(
            requests_mock.ANY, requests_mock.ANY, additional_matcher=_is_nova, json=self._nova
        )

    def add_volume(self, number: int, **changes: Any) -> str:
        """Add a volume that exists."""
        id_ = volume_id(number)
        self.volumes[id_] = volume(
            id_, **{'name': f'v{number}', 'metadata': {}, 'attachments': [], **changes}
        )
        return id_

    def back_up(
        self,
        day: int,
        volumes: int = 3,
        *,
        label: str = 'rotation',
        parents: bool = False,
        **changes: Any,
    ) -> list[str]:
        """Add the backups of a night: of the volumes from 1 on, attached to the server in order."""
        made = []
        for number in range(1, volumes + 1):
            origin = labels.Origin(
                volume_name=f'v{number}',
                volume_type='fast',
                availability_zone='nova',
                bootable='true' if number == 1 else 'false',
                server=SERVER,
                server_name='web',
                device=f'/dev/vd{"abcdefgh"[number - 1]}',
            )
            properties = labels.properties(label, f'run-{day}', origin)
            taken = {
                'name': f'v{number}-{day}',
                'volume_id': volume_id(number),
                'metadata': properties,
                **changes,
            }
            time = (FIRST + timedelta(days=day, seconds=number)).isoformat(timespec='microseconds')
            times = {'created_at': time, 'data_timestamp': time, 'updated_at': time}
            parent = backup_id(day - 1, number) if parents else None
            made.append(self.keep(100 * day + number, parent, **{**times, **taken}))
        return made

    @property
    def made(self) -> list[dict[str, Any]]:
        """The volumes that were created from backups, in order."""
        return [each for each in self.volumes.values() if 'from' in each]

    def _live(self) -> None:
        super()._live()
        now = self._clock.passed
        for id_, (when, backup) in list(self._restoring.items()):
            if when <= now:
                del self._restoring[id_]
                self._end_restore(self.volumes[id_], backup)

    def _end_restore(self, row: dict[str, Any], backup: str) -> None:
        self.change(backup, status='available')
        if backup in self.spoiled:
            row['status'] = 'error_restoring'
        else:
            row.update(status='available', metadata={'src_backup_id': backup})

    def _unprepared(self, asked: Asked) -> Answer:
        path = asked.line.partition('?')[0]
        if path == 'GET /volumes/detail':
            rows = list(self.volumes.values())
            return Answer(body={'volumes': rows})
        if path == 'GET /limits':
            return Answer(body={'limits': {'absolute': self.limits}})
        if path == 'POST /volumes':
            return self._create(asked.body['volume'])
        if path.startswith('GET /volumes/'):
            return self._show_volume(path.rpartition('/')[2])
        return super()._unprepared(asked)

    def _show_volume(self, id_: str) -> Answer:
        if id_ not in self.volumes:
            return Answer(404, {'itemNotFound': {'code': 404, 'message': 'not found'}})
        return Answer(body={'volume': self.volumes[id_]})

    def _create(self, wanted: dict[str, Any]) -> Answer:
        backup = self._rows[wanted['backup_id']]
        if backup['status'] != 'available':
            message = "Originating backup status must be one of 'available' values"
            return Answer(400, {'badRequest': {'code': 400, 'message': message}})
        self.wanted.append(wanted)
        id_ = volume_id(900 + len(self.wanted))
        taken = {'size': backup['size'], **wanted, 'from': wanted['backup_id']}
        self.volumes[id_] = volume(id_, status='creating', **taken)
        backup['status'] = 'restoring'
        self._restoring[id_] = self._clock.passed + self.restores_in, backup['id']
        self.most_restoring = max(self.most_restoring, len(self._restoring))
        return Answer(202, {'volume': dict(self.volumes[id_])})

    # Compute

    def _token(self) -> dict[str, Any]:
        token = super()._token()
        if self.servers is not None:
            token['catalog'].append(_service('compute', NOVA))
        return token

    def _nova(self, request: Request, context: Any) -> Any:
        url = str(request.url)
        if '/servers?' in url:
            self.before_answer(f'GET /servers?{url.partition("?")[2]}')
            return {'servers': self.servers}
        context.status_code = 200
        version = {'id': 'v2.1', 'status': 'CURRENT', 'version': '2.95', 'min_version': '2.1'}
        return {'version': {**version, 'links': [{'rel': 'self', 'href': f'{NOVA}/'}]}}


def backup_id(day: int, number: int) -> str:
    """Return the ID of the backup of a volume in a night."""
    return f'11111111-aaaa-4bbb-8ccc-{100 * day + number:012}'


def _is_nova(request: Request) -> bool:
    return str(request.url).startswith(NOVA)


class RecoveringTest(LivingTest):
    """A test of commands that restore to new volumes."""

    cloud: RecoveringCloud

    def setUp(self) -> None:
        self.use_recovering()

    def use_recovering(self, **kwargs: Any) -> RecoveringCloud:
        """Start a simulated cloud that ends with the test."""
        self.clock = FakeClock()
        self.cloud = RecoveringCloud(self.clock, **kwargs)
        self.cloud.start()
        self.addCleanup(self.cloud.stop)
        return self.cloud
