# SPDX-License-Identifier: Apache-2.0
"""Restoring: the right data on the right volume, and refusals before any change."""

import json
import os

from tests.functional.faults import ProxyTest

# The size of a volume's file in the sandbox, and of the blocks of an incremental backup.
_FILE, _BLOCK = 8 * 2**20, 32768


class RestoringTest(ProxyTest):
    """A test that restores."""

    def make_source(self) -> tuple[str, bytes]:
        """Create a volume full of random bytes."""
        volume, content = self.make_volume(), os.urandom(_FILE)
        self.box.volume_file(volume).write_bytes(content)
        return volume, content

    def restore(self, arguments: str) -> str:
        """Restore and wait; return the volume's ID."""
        restored = json.loads(self.backup(f'restore {arguments} --wait -f json'))
        return str(restored['volume_id'])

    def assert_content(self, volume: str, content: bytes) -> None:
        self.assertEqual(self.status('volume', volume), 'available')
        # Not assertEqual: it would print 8 MiB.
        self.assertTrue(self.box.volume_file(volume).read_bytes() == content)

    def volume_row(self, volume: str) -> tuple[str, str, str]:
        """Return a volume's name, the name of its type, and its zone."""
        ((name, type_, zone),) = self.sql(
            'SELECT display_name, volume_types.name, availability_zone FROM volumes '
            'JOIN volume_types ON volume_types.id = volume_type_id WHERE volumes.id = ?',
            volume,
        )
        return name, type_, zone


class ContentTest(RestoringTest):
    """Restored data and its target."""

    def test_full_backup_restores_to_a_new_volume(self) -> None:
        source, content = self.make_source()
        backup, name = self.make_backup(source), self.unique('new')
        volume = self.restore(f'{backup} --name {name}')
        self.assert_content(volume, content)
        self.assertEqual(self.volume_row(volume)[0], name)

    def test_incremental_backup_restores(self) -> None:
        source, old = self.make_source()
        full = self.make_backup(source)
        new = bytes(_BLOCK) + old[_BLOCK:-_BLOCK] + b'\xff' * _BLOCK
        self.box.volume_file(source).write_bytes(new)
        incremental = self.make_backup(source, incremental=True)
        self.assert_content(self.restore(f'{incremental} --name {self.unique("new")}'), new)
        self.wait_for('backup', incremental)
        self.assert_content(self.restore(f'{full} --name {self.unique("old")}'), old)

    def test_force_overwrites_an_existing_volume(self) -> None:
        source, content = self.make_source()
        backup = self.make_backup(source)
        self.box.volume_file(source).write_bytes(bytes(_FILE))
        self.assertEqual(self.restore(f'{backup} {source} --force'), source)
        self.assert_content(source, content)

    def test_restore_without_a_name_uses_the_source_name(self) -> None:
        name = self.unique('source')
        source = self.make_volume(name)
        content = os.urandom(_FILE)
        self.box.volume_file(source).write_bytes(content)
        restored = json.loads(self.backup(f'restore {self.make_backup(source)} --wait -f json'))
        volume = restored['volume_id']
        self.assertNotEqual(volume, source)
        self.assert_content(volume, content)
        # Cinder names it after the source when it has the data, and that is what is printed.
        self.assertEqual((restored['volume_name'], self.volume_row(volume)[0]), (name, name))

    def test_type_is_that_of_the_new_volume(self) -> None:
        source, content = self.make_source()
        backup, name = self.make_backup(source), self.unique('typed')
        self.sql(
            'INSERT INTO volume_types (id, name, is_public, deleted, created_at) '
            "VALUES (?, ?, 1, 0, '2026-01-01 00:00:00.000000')",
            name,
            name,
        )
        volume = self.restore(f'{backup} --name {name} --type {name}')
        self.assert_content(volume, content)
        self.assertEqual(self.volume_row(volume)[:2], (name, name))

    def test_availability_zone_is_that_of_the_new_volume(self) -> None:
        source, content = self.make_source()
        backup, name = self.make_backup(source), self.unique('zoned')
        volume = self.restore(f'{backup} {name} --availability-zone nova')
        self.assert_content(volume, content)
        self.assertEqual(self.volume_row(volume)[::2], (name, 'nova'))

    def test_name_creates_a_volume_even_if_the_name_exists(self) -> None:
        name = self.unique('twin')
        existing = self.make_volume(name)
        source, content = self.make_source()
        volume = self.restore(f'{self.make_backup(source)} --name {name}')
        self.assertNotEqual(volume, existing)
        self.assert_content(volume, content)


class RefusalTest(RestoringTest):
    """Refusals that only read from the cloud."""

    def refused(self, arguments: str, *, status: int = 1) -> str:
        """Expect a refusal before anything is changed, and return its message."""
        before = self.rows('volumes')
        sentence = self.fails(f'volume backup restore {arguments}', status=status)
        self.assertEqual(self.proxy.lines('(POST|PUT|DELETE) .*'), [])
        self.assertEqual(self.rows('volumes'), before)
        return sentence

    def test_volume_that_is_too_small_is_refused(self) -> None:
        backup, volume = self.make_backup(self.make_volume()), self.make_volume()
        self.sql('UPDATE backups SET size = 2 WHERE id = ?', backup)
        sentence = self.refused(f'{backup} {volume} --force')
        self.assertIn('2 GiB', sentence)
        self.assertIn('too small', sentence)

    def test_larger_volume_is_accepted(self) -> None:
        backup, volume = self.make_backup(self.make_volume()), self.make_volume()
        self.sql('UPDATE volumes SET size = 2 WHERE id = ?', volume)
        self.assertEqual(self.restore(f'{backup} {volume} --force'), volume)

    def test_volume_in_use_is_refused(self) -> None:
        backup, volume = self.make_backup(self.make_volume()), self.make_volume()
        self.sql("UPDATE volumes SET status = 'in-use' WHERE id = ?", volume)
        self.assertIn('in-use', self.refused(f'{backup} {volume} --force'))

    def test_unavailable_backup_is_refused(self) -> None:
        backup = self.make_backup(self.make_volume())
        for status in ('error', 'creating', 'restoring'):
            self.set_status(backup, status)
            for target in ('', 'new', '--name new', '--name new --type __DEFAULT__'):
                with self.subTest(status=status, target=target):
                    self.assertIn(f'in status {status}', self.refused(f'{backup} {target}'))

    def test_existing_volume_requires_force(self) -> None:
        name = self.unique('existing')
        backup, volume = self.make_backup(self.make_volume()), self.make_volume(name)
        for reference in (name, volume):
            with self.subTest(reference=reference):
                self.assertIn('--force', self.refused(f'{backup} {reference}'))

    def test_volume_and_name_are_a_usage_error(self) -> None:
        for arguments in ('volume --name new', '--name new volume', '--volume volume --name new'):
            with self.subTest(arguments=arguments):
                self.refused(f'backup {arguments}', status=2)
        self.assertEqual(self.proxy.lines(), [])

    def test_type_is_refused_for_an_existing_volume(self) -> None:
        backup, volume = self.make_backup(self.make_volume()), self.make_volume()
        for options in ('--type __DEFAULT__', '--availability-zone nova'):
            with self.subTest(options=options):
                self.refused(f'{backup} {volume} --force {options}', status=2)

    def test_empty_values_are_usage_errors(self) -> None:
        for option in ('--name', '--type', '--availability-zone'):
            with self.subTest(option=option):
                result = self.run_openstack(['volume', 'backup', 'restore', 'x', option, ''])
                self.assertEqual((result.status, result.stdout), (2, ''))
        self.assertEqual(self.proxy.lines(), [])

    def test_unknown_type_is_refused(self) -> None:
        backup = self.make_backup(self.make_volume())
        before = self.rows('volumes')
        sentence = self.fails(f'volume backup restore {backup} --name new --type nosuch')
        self.assertIn('nosuch', sentence)
        self.assertEqual(self.rows('volumes'), before)

    def test_unknown_zone_is_refused(self) -> None:
        backup = self.make_backup(self.make_volume())
        before = self.rows('volumes')
        sentence = self.fails(
            f'volume backup restore {backup} --name new --availability-zone nosuch'
        )
        self.assertIn('nosuch', sentence)
        self.assertEqual(self.rows('volumes'), before)


class AllowFullTest(ProxyTest):
    """``create --incremental --allow-full``."""

    def make(self, volume: str, options: str = '') -> tuple[bool, str]:
        """Create a backup; return whether it is incremental, and the message."""
        command = f'volume backup create {volume} --incremental --allow-full'
        result = self.run_openstack(f'{command} -f value -c id {options}')
        self.assertEqual(result.status, 0, result.stderr)
        backup = result.stdout.strip()
        self.wait_for('backup', backup)
        self.assertIn(backup, result.stderr)
        ((parent,),) = self.sql('SELECT parent_id FROM backups WHERE id = ?', backup)
        return parent is not None, result.stderr

    def test_first_backup_is_full_and_second_incremental(self) -> None:
        volume = self.make_volume()
        is_incremental, said = self.make(volume)
        self.assertFalse(is_incremental)
        self.assertIn('Requested a full backup', said)
        is_incremental, said = self.make(volume)
        self.assertTrue(is_incremental)
        self.assertIn('Requested an incremental backup', said)

    def test_grown_volume_gets_a_full_backup(self) -> None:
        volume = self.make_volume()
        self.make_backup(volume)
        self.sql('UPDATE volumes SET size = 2 WHERE id = ?', volume)
        is_incremental, said = self.make(volume)
        self.assertFalse(is_incremental)
        self.assertIn('from 1 to 2 GiB', said)

    def test_volume_without_available_backup_gets_a_full_backup(self) -> None:
        volume = self.make_volume()
        self.set_status(self.make_backup(volume), 'error')
        self.assertFalse(self.make(volume)[0])

    def test_incremental_where_a_snapshot_is_older_than_every_backup(self) -> None:
        volume = self.make_volume()
        snapshot = self.make_snapshot(volume)
        self.make_backup(volume)
        is_incremental, said = self.make(volume, f'--snapshot {snapshot}')
        # Cinder builds on the newest one then.
        self.assertTrue(is_incremental)
        self.assertIn('Requested an incremental backup', said)

    def test_quiet_does_not_report_the_kind(self) -> None:
        command = f'-q volume backup create {self.make_volume()} --incremental --allow-full'
        result = self.run_openstack(command)
        self.assertEqual((result.status, result.stderr), (0, ''))

    def test_allow_full_requires_incremental(self) -> None:
        sentence = self.fails('volume backup create x --allow-full', status=2)
        self.assertIn('--incremental', sentence)
        self.assertEqual(self.proxy.lines(), [])
