# SPDX-License-Identifier: Apache-2.0
"""Recovering the volumes of a server with a real Cinder: the right bytes, types and devices."""

import json
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from backupext.core import labels
from tests.functional.base import FunctionalTest

_DEVICES = ('/dev/vda', '/dev/vdb', '/dev/vdc')
# What Cinder wants to know about the host of a server.
_CONNECTOR = {
    'host': 'h',
    'initiator': 'i',
    'ip': '192.0.2.1',
    'platform': 'x86_64',
    'os_type': 'linux',
    'multipath': False,
    'mode': 'rw',
}


class Machine(NamedTuple):
    """A server that only Cinder knows, and its volumes in the order of their devices."""

    id: str
    name: str
    volumes: list[str]


class RecoveringTest(FunctionalTest):
    """A test of servers with attached volumes, and of nights of rotation."""

    def make_server(self, *types: str) -> Machine:
        """Return a server with a volume of each type, attached as Nova does it."""
        server = str(uuid.uuid4())
        volumes = [
            self.make_volume(volume_type=type_, metadata={'origin': device})
            for type_, device in zip(types, _DEVICES, strict=False)
        ]
        # The order of the list must not matter.
        for volume, device in reversed(list(zip(volumes, _DEVICES, strict=False))):
            self.attach(volume, server, device)
        return Machine(server, self.unique('web'), volumes)

    def attach(self, volume: str, server: str, device: str) -> None:
        attachment = {
            'volume_uuid': volume,
            'instance_uuid': server,
            'connector': {'mountpoint': device, **_CONNECTOR},
        }
        member = self.project.member
        id_ = member.block_storage('POST', '/attachments', {'attachment': attachment})
        path = f'/attachments/{id_["attachment"]["id"]}/action'
        member.block_storage('POST', path, {'os-complete': {}})

    def delete_volumes(self, machine: Machine) -> None:
        """Delete a server's volumes; Cinder would ask Nova before it detaches them."""
        for volume in machine.volumes:
            self.sql('UPDATE volume_attachment SET deleted = 1 WHERE volume_id = ?', volume)
            self.sql(
                "UPDATE volumes SET status = 'available', attach_status = 'detached' WHERE id = ?",
                volume,
            )
            self.project.member.block_storage('DELETE', f'/volumes/{volume}')
            self.wait_for('volume', volume, 'deleted')

    def back_up(self, machine: Machine, run: str, *, incremental: bool = False) -> list[str]:
        """Back up a server's volumes in one run of a rotation, and return the backups' IDs."""
        options = '--incremental' if incremental else ''
        return [self.back_up_one(machine, volume, run, options) for volume in machine.volumes]

    def back_up_one(self, machine: Machine, volume: str, run: str, options: str = '') -> str:
        row = self.project.member.block_storage('GET', f'/volumes/{volume}')['volume']
        (attachment,) = row['attachments']
        origin = labels.Origin(
            *(row['name'], row['volume_type'], row['availability_zone'], row['bootable']),
            *(attachment['server_id'], machine.name, attachment['device']),
        )
        properties = labels.properties('nightly', run, origin)
        given = ' '.join(f"--property '{key}={value}'" for key, value in properties.items())
        name = f'{row["name"]}-{run}'
        return self.backup(
            f'create {volume} --force --wait -f value -c id --name {name} {options} {given}'
        )

    def nights(self, machine: Machine, count: int = 3) -> list[list[str]]:
        """Write and back up another text every night; the first is full, the last was today."""
        made = []
        for night in range(count):
            for volume in machine.volumes:
                if night:
                    self.make_older(volume)
                self.write_volume(volume, self.text(volume, night))
            made.append(self.back_up(machine, f'run-{night}', incremental=night > 0))
        for volume in machine.volumes:
            self.write_volume(volume, 'after the last night')
        return made

    @staticmethod
    def text(volume: str, night: int) -> str:
        return f'{volume} in night {night}'

    def recover(self, arguments: str, *, status: int = 0) -> tuple[list[dict[str, Any]], str]:
        """Recover, and return the rows and the messages."""
        result = self.run_openstack(f'volume backup recover {arguments} -f json')
        self.assertEqual(result.status, status, result.stderr)
        return json.loads(result.stdout), result.stderr

    def assert_restored(self, row: dict[str, Any], volume: str, night: int) -> None:
        """Expect that a new volume has all the bytes of a night."""
        made = row['New Volume']
        self.assertEqual((row['Status'], self.status('volume', made)), ('available', 'available'))
        self.assertEqual(self.read_volume(made), self.text(volume, night))

    def setUp(self) -> None:
        super().setUp()
        self._before = self._volumes()

    def new_volumes(self) -> set[str]:
        """Return the IDs of the volumes of this test that exist."""
        return self._volumes() - self._before

    def _volumes(self) -> set[str]:
        statement = 'SELECT id FROM volumes WHERE project_id = ? AND NOT deleted'
        return {row[0] for row in self.sql(statement, self.project.id)}

    def row(self, volume: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.project.member.block_storage('GET', f'/volumes/{volume}')
        return dict(answer['volume'])


def ago(**span: float) -> str:
    """Return a time for ``--at``."""
    return f'{datetime.now(timezone.utc) - timedelta(**span):%Y-%m-%dT%H:%M:%S}'


class StoryTest(RecoveringTest):
    """A server is lost with all of its volumes."""

    def test_second_night_comes_back_byte_for_byte(self) -> None:
        machine = self.make_server('__DEFAULT__', 'secret', '__DEFAULT__')
        sources = [self.row(volume) for volume in machine.volumes]
        nights = self.nights(machine)
        self.delete_volumes(machine)
        arguments = f'--server {machine.id} --at {ago(hours=23)}'

        plan, _ = self.recover(f'{arguments} --dry-run')
        self.assertEqual([row['Backup'] for row in plan], nights[1])
        self.assertEqual(self.new_volumes(), set())

        rows, told = self.recover(f'{arguments} --wait')
        self.assertEqual([row['Device'] for row in rows], list(_DEVICES))
        self.assertEqual([row['Backup'] for row in rows], nights[1])
        for row, volume, source in zip(rows, machine.volumes, sources, strict=True):
            self.assertEqual(row['Volume'], volume)
            self.assert_restored(row, volume, 1)
            made = self.row(row['New Volume'])
            for key in ('volume_type', 'availability_zone', 'size', 'encrypted'):
                self.assertEqual(made[key], source[key], key)
            self.assertTrue(made['name'].startswith(f'{source["name"]}-as-of-'), made['name'])
            self.assertEqual(made['metadata']['origin'], row['Device'])
        self.assert_has(told, 'run-1', f"'{machine.name}' ({machine.id})")
        commands = [
            f'  openstack server add volume --device {row["Device"]} {machine.name} '
            f'{row["New Volume"]}'
            for row in rows
        ]
        self.assertEqual(told.splitlines()[-3:], commands)

    def test_name_of_the_server_is_enough(self) -> None:
        # The sandbox has no Nova.
        machine = self.make_server('__DEFAULT__', '__DEFAULT__')
        self.nights(machine, 2)
        self.delete_volumes(machine)
        rows, _ = self.recover(f'--server {machine.name} --wait --concurrency 1')
        for row, volume in zip(rows, machine.volumes, strict=True):
            self.assert_restored(row, volume, 1)

    def test_volumes_of_a_running_server_are_untouched(self) -> None:
        machine = self.make_server('__DEFAULT__')
        self.nights(machine, 2)
        (volume,) = machine.volumes
        before = self.row(volume)
        rows, _ = self.recover(f'--server {machine.id} --at {ago(hours=23)} --wait')
        self.assert_restored(rows[0], volume, 0)
        self.assertEqual(self.row(volume), before)
        self.assertEqual(self.read_volume(volume), 'after the last night')

    def test_replaced_volume_is_that_of_the_time(self) -> None:
        machine = self.make_server('__DEFAULT__')
        old = machine.volumes[0]
        self.nights(machine, 1)
        self.make_older(old)
        self.delete_volumes(machine)
        new = self.make_volume()
        self.attach(new, machine.id, '/dev/vda')
        self.nights(machine._replace(volumes=[new]), 1)
        for options, volume in ((f'--at {ago(hours=1)}', old), ('', new)):
            with self.subTest(options=options):
                rows, _ = self.recover(f'--server {machine.id} {options} --wait')
                self.assertEqual([row['Volume'] for row in rows], [volume])
                self.assert_restored(rows[0], volume, 0)


class SelectionTest(RecoveringTest):
    """Volumes, labels and types."""

    def test_volume_by_hand_and_volume_of_a_rotation(self) -> None:
        machine = self.make_server('__DEFAULT__')
        self.nights(machine, 1)
        name = self.row(machine.volumes[0])['name']
        other = self.make_volume()
        self.write_volume(other, self.text(other, 7))
        by_hand = self.make_backup(other)
        self.delete_volumes(machine)
        rows, _ = self.recover(f'--volume {other} --volume {name} --wait')
        self.assertEqual([row['Volume'] for row in rows], [other, machine.volumes[0]])
        self.assertEqual(rows[0]['Backup'], by_hand)
        self.assert_restored(rows[0], other, 7)
        self.assert_restored(rows[1], machine.volumes[0], 0)

    def test_type_and_name_can_be_chosen(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume, name='monday')
        rows, _ = self.recover(f'--volume {volume} --type secret-2 --name-format x-{{backup}}')
        self.wait_for('backup', backup)
        made = self.row(rows[0]['New Volume'])
        self.assertEqual((made['name'], made['volume_type']), ('x-monday', 'secret-2'))

    def test_encrypted_volume_is_refused_another_type(self) -> None:
        machine = self.make_server('__DEFAULT__', 'secret')
        self.nights(machine, 1)
        self.delete_volumes(machine)
        result = self.run_openstack(
            f'volume backup recover --server {machine.id} --type secret-2 --wait'
        )
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assert_has(result.stderr, 'encrypted', "'secret'", "'secret-2'")
        self.assertEqual(self.new_volumes(), set())

    def test_restore_of_one_encrypted_backup_takes_the_type_from_its_labels(self) -> None:
        machine = self.make_server('secret')
        ((backup,),) = self.nights(machine, 1)
        self.delete_volumes(machine)
        made = self.backup(f'restore {backup} --wait -f value -c volume_id')
        self.assertEqual(self.row(made)['volume_type'], 'secret')
        self.assertEqual(self.read_volume(made), self.text(machine.volumes[0], 0))

    def test_quota_is_checked_before_anything_is_requested(self) -> None:
        machine = self.make_server('__DEFAULT__', '__DEFAULT__')
        self.nights(machine, 1)
        self.delete_volumes(machine)
        for resource, words in (
            ('volumes', '2 new volumes'),
            ('gigabytes', 'need 2 GiB'),
        ):
            with self.subTest(resource=resource):
                self.set_quota(resource, 1)
                result = self.run_openstack(f'volume backup recover --server {machine.id}')
                self.set_quota(resource, -1)
                self.assertEqual((result.status, result.stdout), (1, ''))
                self.assertIn(words, result.stderr)
                self.assertEqual(self.new_volumes(), set())

    def set_quota(self, resource: str, limit: int) -> None:
        path = f'/os-quota-sets/{self.project.id}'
        self.project.admin.block_storage('PUT', path, {'quota_set': {resource: limit}})


class FailureTest(RecoveringTest):
    """Failures, interruptions and second runs."""

    def make_lost(self) -> Machine:
        """Return a server whose two volumes are deleted after a night."""
        machine = self.make_server('__DEFAULT__', '__DEFAULT__')
        self.last = self.nights(machine, 1)[0]
        self.delete_volumes(machine)
        return machine

    def test_failure_of_one_volume_does_not_stop_the_other(self) -> None:
        machine = self.make_lost()
        self.box.faults.fail_next('restore', self.last[0], 'no space left')
        rows, told = self.recover(f'--server {machine.id} --wait --concurrency 1', status=4)
        self.assertEqual([row['Status'] for row in rows], ['failed', 'available'])
        failed = rows[0]['New Volume']
        self.assert_has(told, f'openstack volume delete {failed}', '1 of 2 volumes')
        self.assert_restored(rows[1], machine.volumes[1], 0)
        rows, told = self.recover(f'--server {machine.id} --wait --continue')
        self.assert_restored(rows[0], machine.volumes[0], 0)
        self.assert_has(told, f'To delete it: openstack volume delete {failed}')
        self.assertEqual(len(self.new_volumes()), 3)

    def test_lost_object_fails_only_its_volume(self) -> None:
        machine = self.make_lost()
        self.box.lose_backup(self.last[1])
        rows, _ = self.recover(f'--server {machine.id} --wait', status=4)
        self.assertEqual([row['Status'] for row in rows], ['available', 'failed'])

    def test_second_run_goes_on_with_what_the_first_began(self) -> None:
        machine = self.make_lost()
        with self.box.faults.hold('restore', self.last[0]):
            first, told = self.recover(
                f'--server {machine.id} --wait --concurrency 1 --timeout 3s', status=3
            )
            self.assertEqual([row['Status'] for row in first], ['creating', 'not requested'])
            self.assert_has(told, f'openstack volume show {first[0]["New Volume"]}', '--continue')
            running = self.begin(f'volume backup recover --server {machine.id} --wait -f json')
            self.wait_until(lambda: len(self.new_volumes()), 2)
        result = running.result(60)
        self.assertEqual(result.status, 0, result.stderr)
        rows = json.loads(result.stdout)
        self.assertEqual(rows[0]['New Volume'], first[0]['New Volume'])
        for row, volume in zip(rows, machine.volumes, strict=True):
            self.assert_restored(row, volume, 0)
        self.assertEqual(len(self.new_volumes()), 2)

    def test_finished_volumes_are_not_created_again_in_silence(self) -> None:
        machine = self.make_lost()
        rows, _ = self.recover(f'--server {machine.id} --wait')
        result = self.run_openstack(f'volume backup recover --server {machine.id}')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assert_has(result.stderr, '--continue', *(row['New Volume'] for row in rows))
        again, _ = self.recover(f'--server {machine.id} --continue')
        self.assertEqual(again, rows)
        self.assertEqual(len(self.new_volumes()), 2)

    def test_volume_whose_chain_is_broken_gets_an_older_backup(self) -> None:
        machine = self.make_server('__DEFAULT__')
        nights = self.nights(machine)
        self.delete_volumes(machine)
        self.sql("UPDATE backups SET status = 'error' WHERE id = ?", nights[1][0])
        rows, _ = self.recover(f'--server {machine.id} --wait')
        self.assertEqual(rows[0]['Backup'], nights[0][0])
        self.assert_restored(rows[0], machine.volumes[0], 0)
