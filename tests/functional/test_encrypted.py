# SPDX-License-Identifier: Apache-2.0
"""Backups of encrypted volumes: each refusal comes before the target loses its data."""

import json
from typing import Any

from tests.functional.base import FunctionalTest

#: The ID of every key in Cinder's own ConfKeyManager, which the API never shows.
FIXED_KEY_ID = '00000000-0000-0000-0000-000000000000'


class RestoreTest(FunctionalTest):
    """A test that restores backups of encrypted volumes."""

    def make_secret(self, type_: str = 'secret', **attributes: Any) -> tuple[str, str]:
        """Return a volume of an encrypted type with the text "secret", and its backup."""
        volume = self.make_volume(volume_type=type_)
        self.write_volume(volume, 'secret')
        return volume, self.make_backup(volume, **attributes)

    def make_orphan(self) -> str:
        """Return a backup of an encrypted volume that is gone."""
        volume, backup = self.make_secret()
        self.project.member.block_storage('DELETE', f'/volumes/{volume}')
        self.wait_for('volume', volume, 'deleted')
        return backup

    def make_target(self, type_: str) -> str:
        """Return a volume with data that somebody needs."""
        volume = self.make_volume(volume_type=type_)
        self.write_volume(volume, 'precious')
        return volume

    def restore(self, arguments: str) -> str:
        """Restore, wait, and return the volume's ID."""
        restored = json.loads(self.backup(f'restore {arguments} --wait -f json'))
        return str(restored['volume_id'])

    def assert_restored(self, volume: str, type_: str = 'secret') -> None:
        """Expect the backup's data on a volume of a type."""
        self.assertEqual(self.status('volume', volume), 'available')
        self.assertEqual(self.read_volume(volume), 'secret')
        self.assertEqual(self.type_of(volume), type_)

    def assert_unharmed(self, volume: str) -> None:
        """Expect that a target still has its own data."""
        self.assertEqual(self.status('volume', volume), 'available')
        self.assertEqual(self.read_volume(volume), 'precious')

    def type_of(self, volume: str) -> str:
        answer = self.project.member.block_storage('GET', f'/volumes/{volume}')
        return str(answer['volume']['volume_type'])

    def volumes(self) -> set[str]:
        """Return the IDs of the project's volumes."""
        statement = 'SELECT id FROM volumes WHERE project_id = ? AND NOT deleted'
        return {row[0] for row in self.sql(statement, self.project.id)}

    def refuses(self, arguments: str, *words: str) -> None:
        """Expect that a restore is refused before a volume is made."""
        before = self.volumes()
        self.assert_has(self.fails(f'volume backup restore {arguments}'), *words)
        self.assertEqual(self.volumes(), before)

    def type_id(self, name: str) -> str:
        types = self.project.member.block_storage('GET', '/types')['volume_types']
        (found,) = (each['id'] for each in types if each['name'] == name)
        return str(found)


class TargetTest(RestoreTest):
    """Restores over an existing volume."""

    def test_target_of_another_type_is_refused_and_unharmed(self) -> None:
        _, backup = self.make_secret()
        for type_ in ('secret-2', '__DEFAULT__'):
            target = self.make_target(type_)
            for options in ('--force', '--force --wait'):
                with self.subTest(type=type_, options=options):
                    self.refuses(f'{backup} {target} {options}', backup, f"'{type_}'", "'secret'")
                    self.assert_unharmed(target)

    def test_target_of_the_same_type_gets_the_data(self) -> None:
        _, backup = self.make_secret()
        target = self.make_target('secret')
        self.assertEqual(self.restore(f'{backup} {target} --force'), target)
        self.assert_restored(target)

    def test_source_gets_its_data_back(self) -> None:
        volume, backup = self.make_secret()
        self.write_volume(volume, 'later')
        self.restore(f'{backup} {volume} --force')
        self.assert_restored(volume)

    def test_encrypted_target_of_an_unencrypted_backup_is_refused_and_unharmed(self) -> None:
        backup = self.make_backup(self.make_volume())
        target = self.make_target('secret')
        self.refuses(f'{backup} {target} --force', backup, target, "'secret'", "'__DEFAULT__'")
        self.assert_unharmed(target)

    def test_target_is_refused_and_unharmed_if_the_source_was_deleted(self) -> None:
        backup = self.make_orphan()
        for type_ in ('secret', '__DEFAULT__'):
            with self.subTest(type=type_):
                target = self.make_target(type_)
                self.refuses(f'{backup} {target} --force', backup, '--type')
                self.assert_unharmed(target)


class NewVolumeTest(RestoreTest):
    """Restores to a new volume."""

    def test_new_volume_takes_the_type_of_the_source(self) -> None:
        _, backup = self.make_secret('secret-2')
        for target in ('', self.unique('new'), f'--name {self.unique("new")}'):
            with self.subTest(target=target):
                self.assert_restored(self.restore(f'{backup} {target}'), 'secret-2')

    def test_new_volume_takes_the_type_without_a_wait(self) -> None:
        _, backup = self.make_secret()
        volume = self.backup(f'restore {backup} -f value -c volume_id')
        self.wait_for('volume', volume)
        self.assert_restored(volume)

    def test_type_of_the_source_is_accepted_by_name_and_by_id(self) -> None:
        _, backup = self.make_secret()
        for type_ in ('secret', self.type_id('secret')):
            with self.subTest(type=type_):
                self.assert_restored(self.restore(f'{backup} --type {type_}'))

    def test_another_type_is_refused_by_name_and_by_id(self) -> None:
        _, backup = self.make_secret()
        for type_ in ('secret-2', self.type_id('secret-2'), '__DEFAULT__', 'nosuch'):
            with self.subTest(type=type_):
                self.refuses(f'{backup} new --type {type_}', backup, f"'{type_}'", "'secret'")

    def test_unencrypted_backup_on_an_encrypted_volume_is_noted(self) -> None:
        backup = self.make_backup(self.make_volume())
        command = f'volume backup restore {backup} -f value -c volume_id --type'
        result = self.run_openstack(f'{command} secret')
        self.assertEqual(result.status, 0, result.stderr)
        made = result.stdout.strip()
        self.assert_has(result.stderr, backup, 'encrypted', f'openstack volume delete {made}')
        self.wait_for('volume', made)
        result = self.run_openstack(f'{command} __DEFAULT__')
        self.assertEqual((result.status, result.stderr), (0, ''))

    def test_type_is_required_if_the_source_was_deleted(self) -> None:
        backup = self.make_orphan()
        for target in ('', 'new', '--name new', '--size 2'):
            with self.subTest(target=target):
                self.refuses(f'{backup} {target}', backup, '--type')

    def test_given_type_is_used_if_the_source_was_deleted(self) -> None:
        backup = self.make_orphan()
        for type_ in ('secret', self.type_id('secret')):
            with self.subTest(type=type_):
                self.assert_restored(self.restore(f'{backup} --type {type_}'))


class HiddenKeyTest(RestoreTest):
    """Clouds whose API does not show that a backup is encrypted; its source volume does."""

    def make_hidden(self) -> tuple[str, str]:
        """Return a volume and its backup with the key that ConfKeyManager has for all."""
        volume, backup = self.make_secret()
        for table, id_ in (('volumes', volume), ('backups', backup)):
            self.sql(f'UPDATE {table} SET encryption_key_id = ? WHERE id = ?', FIXED_KEY_ID, id_)
        shown = self.project.member.block_storage('GET', f'/backups/{backup}')['backup']
        self.assertNotIn('encryption_key_id', shown)
        return volume, backup

    def test_target_of_another_type_is_refused_and_unharmed(self) -> None:
        _, backup = self.make_hidden()
        for type_ in ('secret-2', '__DEFAULT__'):
            with self.subTest(type=type_):
                target = self.make_target(type_)
                self.refuses(f'{backup} {target} --force', backup, f"'{type_}'", "'secret'")
                self.assert_unharmed(target)

    def test_new_volume_takes_the_type_of_the_source(self) -> None:
        _, backup = self.make_hidden()
        self.assert_restored(self.restore(f'{backup} {self.unique("new")}'))
        self.refuses(f'{backup} --type __DEFAULT__', backup, "'secret'")

    def test_encrypted_target_is_refused_if_the_source_was_deleted(self) -> None:
        volume, backup = self.make_hidden()
        self.project.member.block_storage('DELETE', f'/volumes/{volume}')
        self.wait_for('volume', volume, 'deleted')
        target = self.make_target('secret')
        self.refuses(f'{backup} {target} --force', backup, '--type')
        self.assert_unharmed(target)
        self.assert_restored(self.restore(f'{backup} --type secret'))


class OlderMicroversionTest(RestoreTest):
    """Pins below the microversions that the command would like."""

    def restores_pinned(self, version: str, arguments: str) -> str:
        """Restore at a microversion, wait, and return the volume's ID."""
        command = f'volume backup restore {arguments} --wait -f value -c volume_id'
        return self.openstack(f'--os-volume-api-version {version} {command}')

    def test_source_shows_encryption_below_3_64(self) -> None:
        _, backup = self.make_secret()
        target = self.make_target('__DEFAULT__')
        command = f'volume backup restore {backup} {target} --force'
        sentence = self.fails(f'--os-volume-api-version 3.63 {command}')
        self.assert_has(sentence, backup, "'secret'")
        self.assert_unharmed(target)
        self.assert_restored(self.restores_pinned('3.63', backup))

    def test_new_volume_is_refused_below_3_47(self) -> None:
        _, backup = self.make_secret()
        before = self.volumes()
        for target in ('', 'new'):
            with self.subTest(target=target):
                command = f'volume backup restore {backup} {target}'
                sentence = self.fails(f'--os-volume-api-version 3.46 {command}')
                self.assert_has(sentence, backup, "'secret'", '3.47', '--force')
        self.assertEqual(self.volumes(), before)

    def test_advice_works_below_3_47(self) -> None:
        _, backup = self.make_secret()
        target = self.make_target('secret')
        self.restores_pinned('3.46', f'{backup} {target} --force')
        self.assert_restored(target)


class FailureTest(RestoreTest):
    """Restores that the cloud begins and does not finish."""

    def fails_later(self, arguments: str) -> str:
        """Expect that a restore fails after it has begun, and return its last line."""
        result = self.run_openstack(f'volume backup restore {arguments} --wait')
        self.assertEqual((result.status, result.stdout), (1, ''), result.stderr)
        last = result.stderr.splitlines()[-1]
        self.assert_is_a_sentence(f'{last}\n')
        return last

    def test_failed_restore_to_a_new_volume_has_advice(self) -> None:
        _, backup = self.make_secret()
        self.box.faults.fail_next('restore', backup, 'no space left')
        before = self.volumes()
        sentence = self.fails_later(backup)
        (made,) = self.volumes() - before
        self.assertEqual(self.status('volume', made), 'error_restoring')
        self.assert_has(
            sentence,
            'error_restoring',
            'it may have the encryption key of the source volume',
            f'openstack volume backup restore {backup}',
        )
        self.assertNotIn('volume delete', sentence)
        self.openstack(f'volume delete {made}')
        self.assert_restored(self.restore(backup))

    def test_failed_restore_to_an_existing_volume_does_not_advise_deleting_it(self) -> None:
        _, backup = self.make_secret()
        target = self.make_target('secret')
        self.box.faults.fail_next('restore', backup, 'no space left')
        sentence = self.fails_later(f'{backup} {target} --force')
        self.assert_has(sentence, 'error_restoring', f'openstack volume backup restore {backup}')
        self.assertNotIn('volume delete', sentence)

    def test_wrong_type_without_the_source_has_advice(self) -> None:
        sentence = self.fails_later(f'{self.make_orphan()} --type secret-2')
        self.assert_has(sentence, 'error_restoring', 'it may have the encryption key')
        self.assertNotIn('volume delete', sentence)

    def test_aborted_restore_reports_the_status_of_the_backup(self) -> None:
        _, backup = self.make_secret()
        with self.box.faults.hold('restore', backup):
            running = self.begin(f'volume backup restore {backup} --wait')
            self.wait_for('backup', backup, 'restoring')
            self.abort(backup)
        result = running.result(60)
        self.assertEqual(result.status, 1, result.stderr)
        self.assert_has(result.stderr, 'status error', 'reset', 'it may have the encryption key')
        self.assertNotIn('volume delete', result.stderr)

    def test_aborted_restore_to_an_existing_volume_is_reported(self) -> None:
        _, backup = self.make_secret()
        target = self.make_target('secret')
        with self.box.faults.hold('restore', backup):
            running = self.begin(f'volume backup restore {backup} {target} --force --wait')
            self.wait_for('backup', backup, 'restoring')
            self.abort(backup)
        result = running.result(60)
        self.assertEqual(result.status, 1, result.stderr)
        self.assert_has(result.stderr, target, 'status error', 'aborted', 'reset')
        self.assertNotIn('volume delete', result.stderr)

    def abort(self, backup: str) -> None:
        """Reset a backup's status while it is being restored."""
        self.project.admin.block_storage(
            'POST', f'/backups/{backup}/action', {'os-reset_status': {'status': 'error'}}
        )
        self.wait_for('backup', backup, 'error')
