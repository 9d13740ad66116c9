# SPDX-License-Identifier: Apache-2.0
"""Verifying: lost data is found, and no scratch volume remains, whatever happens."""

import json
import re
import signal
import subprocess
from typing import Any

from tests.functional.base import (
    CephTest,
    FunctionalTest,
    make_project,
    no_backup_service_sandbox,
)
from tests.functional.faults import answer, lose_answer
from tests.functional.test_encrypted import RestoreTest
from tests.functional.test_faults import RunningTest

_PATIENCE = 60
_VOLUMES = 'SELECT id FROM volumes WHERE project_id = ? AND NOT deleted'
_DAILY = {'backup': 'daily'}


class VerifyingTest(FunctionalTest):
    """A test that verifies."""

    def verify(
        self, arguments: str, status: int = 0, environment: dict[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """Verify without progress, and return the rows."""
        rows, _ = self.verify_and_read(arguments, status, environment)
        return rows

    def verify_and_read(
        self, arguments: str, status: int, environment: dict[str, str] | None = None
    ) -> tuple[list[dict[str, Any]], str]:
        """Verify, and return the rows and the messages."""
        result = self.run_openstack(f'-q volume backup verify {arguments} -f json', environment)
        self.assertEqual(result.status, status, result)
        return json.loads(result.stdout), result.stderr

    def results(self, arguments: str, status: int = 0) -> dict[str, str]:
        """Verify, and return the result of each backup."""
        return {row['Backup']: row['Result'] for row in self.verify(arguments, status)}

    def scratch(self, backup: str = '') -> list[str]:
        """Return the IDs of the project's scratch volumes, of one backup or of all."""
        statement = f'{_VOLUMES} AND display_name LIKE ?'
        rows = self.sql(statement, self.project.id, f'backupext-verif%{backup}')
        return [row[0] for row in rows]

    def wait_for_scratch(self, backup: str) -> None:
        """Wait until a backup is being restored to a scratch volume."""
        self.wait_until(lambda: len(self.scratch(backup)), 1)
        self.wait_for('backup', backup, 'restoring')

    def make_old(self, volume: str) -> None:
        """Let a volume look as if nothing had changed it for an hour."""
        older = "strftime('%Y-%m-%d %H:%M:%f000', updated_at, '-1 hour')"
        self.sql(f'UPDATE volumes SET updated_at = {older} WHERE id = ?', volume)

    def lose_objects(self, backup: str) -> None:
        """Remove the data of a backup from the store, but not its description."""
        objects = [*self.box.state.rglob(f'volume_*_backup_{backup}-0*')]
        self.assertNotEqual(objects, [])
        for each in objects:
            each.unlink()

    def make_chain(self, **attributes: Any) -> tuple[str, str, str]:
        """Return a volume, its full backup and an incremental one with other data."""
        volume = self.make_volume(**attributes)
        self.write_volume(volume, 'first')
        full = self.make_backup(volume)
        self.write_volume(volume, 'second')
        return volume, full, self.make_backup(volume, incremental=True)


class ResultTest(VerifyingTest):
    """What the command finds out."""

    def test_good_backups_are_verified_and_nothing_remains(self) -> None:
        volume, full, incremental = self.make_chain(metadata=_DAILY)
        rows = self.verify(f'{full} {incremental}')
        self.assertEqual(
            [(row['Volume'], row['Backup'], row['Result']) for row in rows],
            [(volume, full, 'verified'), (volume, incremental, 'verified')],
        )
        self.assertEqual(self.scratch(), [])
        self.assertEqual(self.read_volume(volume), 'second')

    def test_kept_volume_has_the_data(self) -> None:
        _, full, incremental = self.make_chain()
        for backup, text in ((full, 'first'), (incremental, 'second')):
            (row,) = self.verify(f'{backup} --keep')
            self.assertEqual(self.scratch(), [row['New Volume']])
            self.assertEqual(self.read_volume(row['New Volume']), text)
            self.make_old(row['New Volume'])
            self.verify(backup)
            self.assertEqual(self.status('volume', row['New Volume']), 'available')
            self.openstack(f'volume delete {row["New Volume"]}')
            self.wait_for('volume', row['New Volume'], 'deleted')

    def test_lost_data_is_found(self) -> None:
        good = self.make_backup(self.make_volume())
        bad = self.make_backup(self.make_volume(metadata=_DAILY))
        self.box.lose_backup(bad)
        self.assertEqual(self.results(f'{bad} {good}', 4), {bad: 'failed', good: 'verified'})
        self.assertEqual(self.scratch(), [])
        # Cinder does not notice.
        self.assertEqual(self.status('backup', bad), 'available')

    def test_lost_data_of_the_parent_is_found(self) -> None:
        _, full, incremental = self.make_chain()
        self.lose_objects(full)
        self.assertEqual(self.results(incremental, 1), {incremental: 'failed'})
        self.assertEqual(self.scratch(), [])

    def test_reason_of_a_failure_is_shown(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.box.faults.fail_next('restore', backup, 'no space left')
        (row,) = self.verify(backup, 1)
        self.assert_has(row['Error'], 'The restore failed.', 'error_restoring')
        self.assertEqual(self.scratch(), [])

    def test_newest_backup_of_each_selected_volume_is_verified(self) -> None:
        project = {'tier': self.unique('tier')}
        _, _, first = self.make_chain(metadata=project)
        second = self.make_backup(self.make_volume(metadata=project))
        found = self.results(f'--volume-property tier={project["tier"]}')
        self.assertEqual(found, {first: 'verified', second: 'verified'})

    def test_label_selects_the_backups_of_a_rotation(self) -> None:
        volume = self.make_volume()
        labelled = self.make_backup(volume, metadata={'backupext:rotation': 'nightly'})
        self.make_backup(volume)
        self.assertEqual(self.results(f'--volume {volume} --label nightly'), {labelled: 'verified'})

    def test_busy_backup_is_not_restored_twice(self) -> None:
        backup, target = self.make_backup(self.make_volume()), self.make_volume()
        with self.box.faults.hold('restore', backup):
            self.begin_restore(backup, target)
            self.wait_for('backup', backup, 'restoring')
            self.assertEqual(self.results(backup, 1), {backup: 'busy'})
            self.assertEqual(self.scratch(), [])
        self.wait_for('volume', target)

    def test_quota_of_volumes_is_a_failure(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.limit_volumes(len(self.sql(_VOLUMES, self.project.id)))
        self.addCleanup(self.limit_volumes, -1)
        (row,) = self.verify(backup, 1)
        self.assert_has(row['Error'], 'quota', 'volumes')
        self.assertEqual(self.scratch(), [])

    def limit_volumes(self, number: int) -> None:
        body = {'quota_set': {'volumes': number}}
        self.project.admin.block_storage('PUT', f'/os-quota-sets/{self.project.id}', body)

    def test_administrator_verifies_a_backup_of_another_project(self) -> None:
        backup = self.make_backup(self.make_volume())
        (row,) = self.verify(backup, environment=self.admin)
        self.assertEqual(row['Result'], 'verified')
        made = self.sql(
            "SELECT deleted FROM volumes WHERE display_name LIKE 'backupext-verify-%' || ?", backup
        )
        self.assertEqual([bool(each) for (each,) in made], [True])


class CoexistenceTest(VerifyingTest):
    """A drill and a rotation at the same time."""

    def test_incremental_backup_during_a_drill_builds_on_the_backup_before(self) -> None:
        volume, full, incremental = self.make_chain()
        with self.box.faults.hold('restore', incremental):
            running = self.begin(f'-q volume backup verify {incremental} -f value -c Result')
            self.wait_for_scratch(incremental)
            made = self.make_backup(volume, incremental=True)
        self.assertEqual(running.result(_PATIENCE).stdout, 'verified\n')
        ((parent,),) = self.sql('SELECT parent_id FROM backups WHERE id = ?', made)
        self.assertEqual(parent, full)
        self.assertEqual(self.results(made), {made: 'verified'})

    def test_scratch_volume_is_not_selected_for_backups(self) -> None:
        """Cinder copies the property that selects the source to the scratch volume."""
        tier = self.unique('tier')
        volume = self.make_volume(metadata={'tier': tier})
        backup = self.make_backup(volume)
        (row,) = self.verify(f'{backup} --keep')
        scratch = row['New Volume']
        metadata = self.project.member.block_storage('GET', f'/volumes/{scratch}')['volume']
        self.assertEqual(metadata['metadata']['tier'], tier)
        self.make_scratch(scratch, backup)
        self.make_busy(scratch)
        self.addCleanup(self.make_busy, scratch, 'available')
        self.assertEqual(self.results(f'--volume-property tier={tier}'), {backup: 'verified'})

    def make_scratch(self, volume: str, backup: str) -> None:
        """Give a kept volume the name and the description of a scratch volume."""
        self.sql(
            'UPDATE volumes SET display_name = ?, display_description = ? WHERE id = ?',
            f'backupext-verify-0badcafe-{backup}',
            "Scratch volume of 'openstack volume backup verify' for backup "
            f'{backup}. It will be deleted.',
            volume,
        )

    def make_busy(self, volume: str, status: str = 'creating') -> None:
        self.sql('UPDATE volumes SET status = ? WHERE id = ?', status, volume)


class StoppingTest(RunningTest, VerifyingTest):
    """A test that ends a running drill."""

    def finish(self, process: subprocess.Popen[str], status: int) -> str:
        """Wait until a command ends, and return its messages."""
        _, messages = process.communicate(timeout=_PATIENCE)
        self.assertEqual(process.returncode, status, messages)
        return messages

    def begin_verifying(self, backup: str) -> subprocess.Popen[str]:
        process = self.start(f'volume backup verify {backup}')
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.wait_for_scratch(backup)
        return process

    def read_until(self, process: subprocess.Popen[str], words: str) -> None:
        """Read the messages until one has some words."""
        assert process.stderr is not None
        for line in process.stderr:
            if words in line:
                return
        self.fail(f'the command does not say {words!r}')

    def remove(self, volume: str) -> None:
        """Delete a volume that is not busy, and wait until it is gone."""
        self.wait_for('volume', volume)
        self.project.member.block_storage('DELETE', f'/volumes/{volume}')
        self.wait_for('volume', volume, 'deleted')


class StopTest(StoppingTest):
    """Drills that end early."""

    def test_scratch_volume_is_gone_after_each_signal(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                backup = self.make_backup(self.make_volume())
                with self.box.faults.hold('restore', backup):
                    process = self.begin_verifying(backup)
                    process.send_signal(number)
                    self.read_until(process, 'Press Ctrl-C again')
                self.assert_has(self.finish(process, 130), '0 of 1 backup verified, 1 interrupted')
                self.assertEqual(self.scratch(), [])

    def test_second_ctrl_c_ends_at_once_and_names_the_volume(self) -> None:
        backup = self.make_backup(self.make_volume())
        with self.box.faults.hold('restore', backup):
            process = self.begin_verifying(backup)
            process.send_signal(signal.SIGINT)
            self.read_until(process, 'Press Ctrl-C again')
            process.send_signal(signal.SIGINT)
            (left,) = self.scratch(backup)
            self.assert_has(self.finish(process, 130), f'openstack volume delete {left}\n')
        self.remove(left)

    def test_next_run_deletes_what_a_killed_run_left(self) -> None:
        backup = self.make_backup(self.make_volume(metadata=_DAILY))
        with self.box.faults.hold('restore', backup):
            process = self.begin_verifying(backup)
            process.kill()
            self.finish(process, -signal.SIGKILL)
        (left,) = self.scratch(backup)
        self.wait_for('volume', left)
        self.wait_for('backup', backup)
        self.make_old(left)
        self.assertEqual(self.results(backup), {backup: 'verified'})
        self.assertEqual(self.status('volume', left), 'deleted')

    def test_next_run_deletes_the_failed_restore_of_a_killed_run(self) -> None:
        backup = self.make_backup(self.make_volume())
        with self.box.faults.hold('restore', backup):
            self.begin_verifying(backup).kill()
            self.box.faults.fail_next('restore', backup, 'no space left')
        (left,) = self.scratch(backup)
        self.wait_for('volume', left, 'error_restoring')
        self.wait_for('backup', backup)
        self.make_old(left)
        self.assertEqual(self.results(backup), {backup: 'verified'})
        self.assertEqual(self.status('volume', left), 'deleted')

    def test_next_run_names_what_is_still_being_restored(self) -> None:
        backup, other = (self.make_backup(self.make_volume()) for _ in range(2))
        with self.box.faults.hold('restore', backup):
            self.begin_verifying(backup).kill()
            (left,) = self.scratch(backup)
            result = self.run_openstack(f'volume backup verify {backup} {other} -f value')
            self.assertEqual(result.status, 4)
            self.assert_has(result.stderr, f'openstack volume delete {left}\n')
            self.assertEqual(self.status('volume', left), 'creating')
        self.remove(left)

    def test_scratch_volume_is_deleted_after_the_time_limit(self) -> None:
        backup = self.make_backup(self.make_volume())
        with self.box.faults.hold('restore', backup):
            process = self.start(f'volume backup verify {backup} --timeout 1s')
            self.read_until(process, 'The time limit has passed.')
        self.assert_has(self.finish(process, 3), '0 of 1 backup verified, 1 timed out.')
        self.assertEqual(self.scratch(), [])


class DangerTest(StoppingTest):
    """Volumes of killed runs that somebody uses now."""

    def leave_behind(self) -> tuple[str, str]:
        """Return a backup, and the volume to which a killed run restored it."""
        backup = self.make_backup(self.make_volume())
        with self.box.faults.hold('restore', backup):
            self.begin_verifying(backup).kill()
        (left,) = self.scratch(backup)
        self.wait_for('volume', left)
        self.wait_for('backup', backup)
        self.make_old(left)
        return backup, left

    def assert_kept(self, backup: str, left: str, *words: str) -> None:
        result = self.run_openstack(f'volume backup verify {backup}')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertNotIn(self.status('volume', left), {'deleted', 'deleting'})
        if words:
            self.assert_has(result.stderr, left, 'was not deleted', *words)
        else:
            self.assertNotIn(left, result.stderr)

    def test_attached_volume_is_kept(self) -> None:
        backup, left = self.leave_behind()
        attachment = {'volume_uuid': left, 'instance_uuid': left}
        made = self.project.member.block_storage('POST', '/attachments', {'attachment': attachment})
        self.wait_for('volume', left, 'reserved')
        self.assert_kept(backup, left, 'reserved')
        id_ = made['attachment']['id']
        connector = {'ip': '127.0.0.1', 'host': 'here', 'mountpoint': '/dev/vdb'}
        for method, path, body in (
            ('PUT', f'/attachments/{id_}', {'attachment': {'connector': connector}}),
            ('POST', f'/attachments/{id_}/action', {'os-complete': {}}),
        ):
            self.project.member.block_storage(method, path, body)
        self.make_old(left)
        self.assert_kept(backup, left, 'it is attached')

    def test_renamed_and_described_volumes_are_kept(self) -> None:
        for changes in ({'name': 'precious'}, {'description': 'precious'}):
            with self.subTest(changes):
                backup, left = self.leave_behind()
                self.project.member.block_storage('PUT', f'/volumes/{left}', {'volume': changes})
                self.make_old(left)
                self.assert_kept(backup, left)
                self.remove(left)

    def test_volume_with_a_snapshot_is_kept(self) -> None:
        backup, left = self.leave_behind()
        snapshot = self.make_snapshot(left)
        self.make_old(left)
        result = self.run_openstack(f'volume backup verify {backup}')
        self.assertEqual(result.status, 0, result.stderr)
        self.assert_has(result.stderr, left, 'snapshots')
        self.assertEqual(self.status('volume', left), 'available')
        self.project.member.block_storage('DELETE', f'/snapshots/{snapshot}')
        self.wait_for('snapshot', snapshot, 'deleted')
        self.remove(left)

    def test_volume_with_the_name_only_is_kept(self) -> None:
        backup = self.make_backup(self.make_volume())
        volume = self.make_volume(f'backupext-verify-0badcafe-{backup}')
        self.make_old(volume)
        self.assert_kept(backup, volume)
        self.remove(volume)


class FaultTest(RunningTest, VerifyingTest):
    """Faults between client and cloud."""

    def test_lost_answer_makes_no_second_volume(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('POST /volumes', lose_answer)
        self.assertEqual(self.results(backup), {backup: 'verified'})
        self.assertEqual((len(self.proxy.lines('POST /volumes')), self.scratch()), (1, []))

    def test_unavailable_service_is_asked_again(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('POST /volumes', answer(503))
        self.proxy.script('DELETE /volumes/.+', answer(503), answer(503, done=True))
        self.assertEqual(self.results(backup), {backup: 'verified'})
        self.assertEqual(self.scratch(), [])


class EncryptedTest(VerifyingTest, RestoreTest):
    """Backups of encrypted volumes: no scratch volume takes the key of its source with it."""

    def key(self, volume: str) -> str:
        rows = self.sql('SELECT encryption_key_id FROM volumes WHERE id = ?', volume)
        return str(rows[0][0])

    def test_encrypted_backup_is_verified_on_the_type_of_its_source(self) -> None:
        _, backup = self.make_secret('secret-2')
        (row,) = self.verify(f'{backup} --keep')
        self.assert_restored(row['New Volume'], 'secret-2')
        self.assertEqual(self.results(backup), {backup: 'verified'})
        self.assertEqual(self.scratch(), [row['New Volume']])

    def test_volume_with_the_key_of_the_source_is_kept(self) -> None:
        volume, full, incremental = self.make_chain(volume_type='secret')
        before = set(self.scratch())
        self.lose_objects(incremental)
        rows, messages = self.verify_and_read(incremental, 1)
        self.assertEqual([row['Result'] for row in rows], ['failed'])
        (left,) = set(self.scratch()) - before
        self.assertEqual(self.key(left), self.key(volume))
        self.assert_has(messages, left, 'encryption key')
        self.assertNotIn('openstack volume delete', messages)
        self.make_old(left)
        result = self.run_openstack(f'volume backup verify {full}')
        self.assert_has(result.stderr, left, 'encryption key')
        self.assertEqual(self.status('volume', left), 'error_restoring')

    def test_failed_volume_with_its_own_key_is_deleted(self) -> None:
        _, backup = self.make_secret()
        before = self.scratch()
        self.box.faults.fail_next('restore', backup, 'no space left')
        self.assertEqual(self.results(backup, 1), {backup: 'failed'})
        self.assertEqual(self.scratch(), before)


class CephVerifyingTest(CephTest, VerifyingTest):
    """Backups on Ceph."""

    def test_lost_image_is_found(self) -> None:
        good, bad = (self.make_backup(self.make_volume()) for _ in range(2))
        self.box.lose_backup(bad)
        self.assertEqual(self.results(f'{good} {bad}', 4), {good: 'verified', bad: 'failed'})
        self.assertEqual(self.scratch(), [])


class NoServiceTest(VerifyingTest):
    """A cloud without a backup service."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.box = no_backup_service_sandbox()
        cls.project = make_project(cls.box)

    def test_restore_fails_and_nothing_remains(self) -> None:
        volume = self.make_volume()
        backup = self.begin_backup(volume)
        self.wait_for('backup', backup, 'error')
        self.sql("UPDATE backups SET status = 'available' WHERE id = ?", backup)
        (row,) = self.verify(backup, 1)
        self.assertEqual(row['Result'], 'failed')
        self.assertRegex(row['Error'], re.compile('status error|could not be found'))
        self.assertEqual(self.scratch(), [])
