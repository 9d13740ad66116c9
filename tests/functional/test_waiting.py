# SPDX-License-Identifier: Apache-2.0
"""Waiting: every outcome has its own exit status and message."""

import shutil
import uuid

from tests.functional.client import Result
from tests.functional.faults import ProxyTest, before_arrival, pass_on
from tests.functional.masks import masked

NOBODY = str(uuid.UUID(int=1))


class CreateTest(ProxyTest):
    """``create --wait``."""

    def test_stdout_is_the_same_with_and_without_wait(self) -> None:
        volume = self.make_volume()
        for format_ in ('table', 'json', 'value'):
            with self.subTest(format=format_):
                plain = self.backup(f'create {volume} --name same -f {format_}')
                self.wait_until(lambda: self.unfinished(volume), [])
                waited = self.backup(f'create {volume} --name same -f {format_} --wait')
                self.assertEqual(masked(waited), masked(plain))

    def test_wait_ends_when_the_backup_is_available(self) -> None:
        volume = self.make_volume()
        backup = self.backup(f'create {volume} --wait -f value -c id')
        self.assertEqual(self.status('backup', backup), 'available')

    def test_each_change_has_a_line(self) -> None:
        volume, name = self.make_volume(), self.unique('backup')
        unchanged = self.finished_as(volume, 'creating')
        changed = before_arrival(lambda: self.set_all(volume, 'available'))
        self.proxy.script('GET /backups/.+', unchanged, pass_on, changed)
        result = self.run_openstack(f'volume backup create {volume} --name {name} --wait')
        self.assertEqual(result.status, 0, result.stderr)
        lines = masked(result.stderr).splitlines()
        title = f"Backup '{name}' (<id>)"
        self.assertEqual(lines, [f'{title}: creating', f'{title}: available'])

    def test_id_is_printed_before_the_wait(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', self.finished_as(volume, 'error'))
        result = self.run_openstack(f'volume backup create {volume} --wait')
        self.assertEqual(result.status, 1)
        self.assertEqual(
            result.stderr.splitlines()[0], f'Backup {self.rows("backups")[-1]}: creating'
        )

    def test_quiet_prints_nothing(self) -> None:
        volume = self.make_volume()
        result = self.run_openstack(f'-q volume backup create {volume} --wait')
        self.assertEqual((result.status, result.stderr), (0, ''))

    def test_quiet_reports_failures(self) -> None:
        volume = self.make_volume()
        self.box.volume_file(volume).unlink()
        sentence = self.fails(f'-q volume backup create {volume} --wait')
        self.assertIn('is in status error', sentence)

    def test_failure_is_reported_with_its_reason(self) -> None:
        volume, name = self.make_volume(), self.unique('backup')
        self.box.volume_file(volume).unlink()
        result = self.run_openstack(f'volume backup create {volume} --name {name} --wait')
        self.assertEqual((result.status, result.stdout), (1, ''))
        ((id_, reason),) = self.sql(
            'SELECT id, fail_reason FROM backups WHERE display_name = ?', name
        )
        self.assertIn('No such file', reason)
        told = result.stderr.splitlines()[-1]
        self.assertIn(f"Backup '{name}' ({id_}) is in status error (the server said: ", told)
        self.assertIn(reason[:60], told)
        self.assert_is_a_sentence(f'{told}\n')

    def test_vanished_backup_is_a_failure(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', before_arrival(lambda: self.delete_rows(volume)))
        result = self.run_openstack(f'volume backup create {volume} --wait')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertRegex(result.stderr.splitlines()[-1], r'\ABackup \S+ no longer exists\.\Z')

    def delete_rows(self, volume: str) -> None:
        self.wait_until(lambda: self.unfinished(volume), [])
        self.sql('DELETE FROM backups WHERE volume_id = ?', volume)

    def test_time_limit_has_exit_status_3(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', self.finished_as(volume, 'creating'))
        result = self.run_openstack(f'volume backup create {volume} --wait --timeout 2s')
        self.assertEqual((result.status, result.stdout), (3, ''))
        (id_,) = self.unfinished(volume)
        told = result.stderr.splitlines()[-1]
        self.assertIn('Timed out after 2s', told)
        self.assertIn(f'openstack volume backup show {id_}', told)

    def test_timeout_requires_wait(self) -> None:
        volume = self.make_volume()
        sentence = self.fails(f'volume backup create {volume} --timeout 2s', status=2)
        self.assertIn('--wait', sentence)
        self.assertEqual(self.proxy.lines(), [])

    def test_invalid_duration_is_a_usage_error(self) -> None:
        for text in ('', '5', '-1s', 'soon', '1.5h'):
            with self.subTest(text=text):
                create = ['volume', 'backup', 'create', 'x', '--wait', '--timeout', text]
                result = self.run_openstack(create)
                self.assertEqual((result.status, result.stdout), (2, ''))
        self.assertEqual(self.proxy.lines(), [])


class RestoreTest(ProxyTest):
    """``restore --wait``."""

    def test_stdout_is_the_same_with_and_without_wait(self) -> None:
        backup = self.make_backup(self.make_volume())
        for format_ in ('table', 'json'):
            with self.subTest(format=format_):
                plain = self.backup(f'restore {backup} --name same -f {format_}')
                self.wait_for('backup', backup)
                waited = self.backup(f'restore {backup} --name same -f {format_} --wait')
                self.assertEqual(masked(waited), masked(plain))
                self.wait_for('backup', backup)

    def test_wait_ends_when_the_volume_is_available(self) -> None:
        backup, name = self.make_backup(self.make_volume()), self.unique('restored')
        result = self.run_openstack(
            f'volume backup restore {backup} {name} --wait -f value -c volume_id'
        )
        self.assertEqual(result.status, 0, result.stderr)
        volume = result.stdout.strip()
        self.assertEqual(self.status('volume', volume), 'available')
        title = f"Volume '{name}' ({volume})"
        self.assertEqual(
            result.stderr.splitlines(), [f'{title}: restoring-backup', f'{title}: available']
        )

    def test_a_volume_that_somebody_attaches_at_once_counts_as_restored(self) -> None:
        backup, volume = self.make_backup(self.make_volume()), self.make_volume()

        def attach() -> None:
            self.wait_for('volume', volume)
            self.sql("UPDATE volumes SET status = 'in-use' WHERE id = ?", volume)

        # The first request checks whether the volume may be overwritten.
        self.proxy.script(f'GET /volumes/{volume}', pass_on, before_arrival(attach))
        self.backup(f'restore {backup} {volume} --force --wait')
        self.assertEqual(self.status('volume', volume), 'in-use')

    def damaged(self) -> str:
        """Create a backup whose data is lost."""
        backup = self.make_backup(self.make_volume())
        ((container,),) = self.sql('SELECT container FROM backups WHERE id = ?', backup)
        shutil.rmtree(self.box.state / 'backups' / container)
        return backup

    def assert_failed(self, result: Result) -> None:
        self.assertEqual((result.status, result.stdout), (1, ''))
        told = result.stderr.splitlines()[-1]
        self.assertRegex(told, r'\AVolume .+ is in status error_restoring')
        self.assert_is_a_sentence(f'{told}\n')

    def test_failed_restore_is_noticed_although_the_backup_is_available(self) -> None:
        backup = self.damaged()
        self.assert_failed(self.run_openstack(f'volume backup restore {backup} --name new --wait'))
        self.wait_for('backup', backup)

    def test_failed_restore_to_a_volume_type_is_noticed(self) -> None:
        backup = self.damaged()
        result = self.run_openstack(
            f'volume backup restore {backup} --name new --type __DEFAULT__ --wait'
        )
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertRegex(result.stderr.splitlines()[-1], r'\AVolume .+ is in status error')

    def test_failed_restore_to_an_existing_volume_is_noticed(self) -> None:
        backup, volume = self.damaged(), self.make_volume()
        self.assert_failed(
            self.run_openstack(f'volume backup restore {backup} {volume} --force --wait')
        )
        self.assertEqual(self.status('volume', volume), 'error_restoring')

    def test_time_limit_has_exit_status_3(self) -> None:
        backup, volume = self.make_backup(self.make_volume()), self.make_volume()
        statement = "UPDATE volumes SET status = 'restoring-backup' WHERE id = ?"
        stuck = before_arrival(lambda: self.sql(statement, volume))
        # The first request checks whether the volume may be overwritten.
        self.proxy.script(f'GET /volumes/{volume}', pass_on, forever=stuck)
        command = f'restore {backup} {volume} --force --wait --timeout 2s'
        result = self.run_openstack(f'volume backup {command}')
        self.assertEqual((result.status, result.stdout), (3, ''))
        self.assertIn(f'openstack volume show {volume}', result.stderr.splitlines()[-1])
        self.assertEqual(self.status('volume', volume), 'restoring-backup')


class DeleteTest(ProxyTest):
    """``delete --wait``."""

    def test_wait_ends_when_the_backup_is_gone(self) -> None:
        name = self.unique('backup')
        backup = self.make_backup(self.make_volume(), name=name)
        result = self.run_openstack(f'volume backup delete {name} --wait')
        self.assertEqual((result.status, result.stdout), (0, ''), result.stderr)
        self.assertEqual(self.status('backup', backup), 'deleted')
        title = f"Backup '{name}' ({backup})"
        self.assertEqual(result.stderr.splitlines(), [f'{title}: deleting', f'{title}: deleted'])

    def test_quiet_prints_nothing(self) -> None:
        backup = self.make_backup(self.make_volume())
        result = self.run_openstack(f'-q volume backup delete {backup} --wait')
        self.assertEqual((result.status, result.stdout, result.stderr), (0, '', ''))

    def test_failure_is_reported_with_its_reason(self) -> None:
        backup, other = (self.make_backup(self.make_volume()) for _ in range(2))
        self.sql("UPDATE backups SET service = 'cinder.backup.drivers.none' WHERE id = ?", backup)
        result = self.run_openstack(f'volume backup delete {backup} {other} --wait')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertRegex(result.stderr, f'Backup {backup} is in status error .*not the backup')
        self.assertEqual(result.stderr.splitlines()[-1], '1 of 2 backups failed to delete.')
        self.assertEqual(self.status('backup', other), 'deleted')

    def test_time_limit_has_exit_status_3(self) -> None:
        backup = self.make_backup(self.make_volume())
        # A backup marked as deleting remains so until its service handles it.
        self.proxy.script('DELETE .*', lambda exchange: exchange.send(202, [], b''))
        self.proxy.script(
            f'GET /backups/{backup}',
            pass_on,
            forever=before_arrival(lambda: self.set_status(backup, 'deleting')),
        )
        result = self.run_openstack(f'volume backup delete {backup} --wait --timeout 2s')
        self.assertEqual((result.status, result.stdout), (3, ''))
        self.assertIn(f'openstack volume backup show {backup}', result.stderr.splitlines()[-1])


class WaitTest(ProxyTest):
    """``volume backup wait``."""

    def test_available_backup_needs_one_request(self) -> None:
        name = self.unique('backup')
        backup = self.make_backup(self.make_volume(), name=name)
        for reference in (backup, name):
            with self.subTest(reference=reference):
                before = len(self.proxy.requests)
                result = self.run_openstack(f'volume backup wait {reference}')
                told = f"Backup '{name}' ({backup}): available\n"
                self.assertEqual((result.status, result.stdout, result.stderr), (0, '', told))
                self.assertEqual(len(self.proxy.requests) - before, 1)

    def test_wait_for_available(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        changed = before_arrival(lambda: self.set_status(backup, 'available'))
        self.proxy.script(f'GET /backups/{backup}', pass_on, pass_on, changed)
        result = self.run_openstack(f'volume backup wait {backup}')
        self.assertEqual((result.status, result.stdout), (0, ''))
        lines = [f'Backup {backup}: creating', f'Backup {backup}: available']
        self.assertEqual(result.stderr.splitlines(), lines)

    def test_wait_for_another_status(self) -> None:
        backup = self.make_backup(self.make_volume())
        changed = before_arrival(lambda: self.set_status(backup, 'error'))
        self.proxy.script(f'GET /backups/{backup}', pass_on, changed)
        result = self.run_openstack(f'volume backup wait {backup} --status error')
        self.assertEqual((result.status, result.stdout), (0, ''), result.stderr)
        lines = [f'Backup {backup}: available', f'Backup {backup}: error']
        self.assertEqual(result.stderr.splitlines(), lines)

    def test_wait_until_deleted(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.backup(f'delete {backup}')
        self.backup(f'wait {backup} --deleted')
        self.assertEqual(self.status('backup', backup), 'deleted')

    def test_wait_until_deleted_shows_the_status(self) -> None:
        backup = self.make_backup(self.make_volume())

        def vanish() -> None:
            self.sql('DELETE FROM backups WHERE id = ?', backup)

        self.proxy.script(f'GET /backups/{backup}', pass_on, pass_on, before_arrival(vanish))
        result = self.run_openstack(f'volume backup wait {backup} --deleted')
        self.assertEqual((result.status, result.stdout), (0, ''), result.stderr)
        lines = [f'Backup {backup}: available', f'Backup {backup}: deleted']
        self.assertEqual(result.stderr.splitlines(), lines)

    def test_until_gone_ends_where_the_deletion_is_undone(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'deleting')
        undo = before_arrival(lambda: self.set_status(backup, 'available'))
        self.proxy.script(f'GET /backups/{backup}', pass_on, pass_on, undo)
        sentence = self.fails(f'-q volume backup wait {backup} --deleted')
        self.assertEqual(sentence, f'Backup {backup} is in status available.')

    def test_missing_backup_counts_as_deleted(self) -> None:
        for reference in ('nosuch', NOBODY, f'nosuch {NOBODY}'):
            with self.subTest(reference=reference):
                result = self.run_openstack(f'volume backup wait {reference} --deleted')
                self.assertEqual((result.status, result.stdout, result.stderr), (0, '', ''))

    def test_missing_backup_is_not_found(self) -> None:
        for reference in ('nosuch', NOBODY):
            with self.subTest(reference=reference):
                sentence = self.fails(f'volume backup wait {reference}')
                self.assertEqual(sentence, f"No backup has the name or ID '{reference}'.")

    def test_failure_is_reported_with_its_reason(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.sql("UPDATE backups SET status = 'error', fail_reason = 'disk' WHERE id = ?", backup)
        sentence = self.fails(f'-q volume backup wait {backup}')
        self.assertEqual(sentence, f'Backup {backup} is in status error (the server said: disk).')

    def test_vanished_backup_is_a_failure(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')

        def vanish() -> None:
            self.sql('DELETE FROM backups WHERE id = ?', backup)

        self.proxy.script(f'GET /backups/{backup}', pass_on, before_arrival(vanish))
        result = self.run_openstack(f'volume backup wait {backup}')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertEqual(result.stderr.splitlines()[-1], f'Backup {backup} no longer exists.')

    def test_time_limit_names_only_unfinished_backups(self) -> None:
        volume = self.make_volume()
        done, stuck = (self.make_backup(volume) for _ in range(2))
        self.set_status(stuck, 'creating')
        result = self.run_openstack(f'volume backup wait {done} {stuck} --timeout 1s')
        self.assertEqual((result.status, result.stdout), (3, ''))
        told = result.stderr.splitlines()[-1]
        self.assertIn(f'openstack volume backup show {stuck}', told)
        self.assertNotIn(done, told)
        self.assertEqual(self.status('backup', stuck), 'creating')

    def test_wait_continues_after_one_failure(self) -> None:
        volume = self.make_volume()
        good, bad = (self.make_backup(volume) for _ in range(2))
        self.set_status(bad, 'error')
        self.set_status(good, 'creating')
        changed = before_arrival(lambda: self.set_status(good, 'available'))
        self.proxy.script(f'GET /backups/({good}|detail)', pass_on, changed)
        result = self.run_openstack(f'volume backup wait {bad} {good} nosuch')
        self.assertEqual((result.status, result.stdout), (1, ''))
        lines = result.stderr.splitlines()
        self.assertIn(f'Backup {bad} is in status error.', lines)
        self.assertIn(f'Backup {good}: available', lines)
        self.assertIn("No backup has the name or ID 'nosuch'.", lines)
        self.assertEqual(lines[-1], 'Waiting failed for 2 of 3 backups.')

    def test_many_backups_are_read_in_one_list(self) -> None:
        volume = self.make_volume()
        backups = [self.make_backup(volume) for _ in range(4)]
        for backup in backups:
            self.set_status(backup, 'creating')

        def finish() -> None:
            for backup in backups:
                self.set_status(backup, 'available')

        self.proxy.script('GET /backups/detail', pass_on, pass_on, before_arrival(finish))
        result = self.run_openstack(f'volume backup wait {" ".join(backups)}')
        self.assertEqual((result.status, result.stdout), (0, ''), result.stderr)
        self.assertEqual(self.proxy.lines(), ['GET /backups/detail'] * 3)
