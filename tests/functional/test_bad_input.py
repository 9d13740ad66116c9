# SPDX-License-Identifier: Apache-2.0
"""Bad input: one sentence says what is wrong, and nothing is changed or lost."""

import uuid
from typing import Any

from tests.functional.api import Account
from tests.functional.base import FunctionalTest, make_project, no_backup_service_sandbox

NOBODY = str(uuid.UUID(int=1))


class ReferenceTest(FunctionalTest):
    """References that are unknown, ambiguous, or look like something else."""

    def commands(self, reference: str) -> list[list[str]]:
        """Return every command that takes a backup, with a reference."""
        words = (
            ['show'],
            ['delete'],
            ['delete', '--force'],
            ['restore'],
            ['set', '--name', 'x'],
            ['unset', '--property', 'x'],
            ['record', 'export'],
        )
        return [['volume', 'backup', *command, '--', reference] for command in words]

    def test_unknown_reference_is_not_found(self) -> None:
        for reference in ('nosuch', NOBODY, '..', 'detail', f'../volumes/{NOBODY}', 'a?b', 'a#b'):
            for command in self.commands(reference):
                with self.subTest(command=command):
                    sentence = self.fails(command, self.admin_here)
                    self.assertEqual(sentence, f"No backup has the name or ID '{reference}'.")

    def test_long_and_unprintable_references_are_not_found(self) -> None:
        for reference in ('x' * 256, 'a\x1bb', 'a\nb', 'a\tb', '\u202egnp'):
            for command in self.commands(reference):
                with self.subTest(command=command):
                    self.assertIn('No backup has', self.fails(command))

    def test_empty_reference_is_a_usage_error(self) -> None:
        for reference in ('', ' ', '\t'):
            for command in self.commands(reference):
                with self.subTest(command=command):
                    result = self.run_openstack(command)
                    self.assertEqual((result.status, result.stdout), (2, ''))
                    self.assertIn('must not be empty', result.stderr)

    def test_ambiguous_name_is_refused_with_ids(self) -> None:
        volume, name = self.make_volume(), self.unique('twin')
        twins = [self.make_backup(volume, name=name) for _ in range(2)]
        for command in self.commands(name):
            with self.subTest(command=command):
                sentence = self.fails(command)
                for id_ in twins:
                    self.assertIn(f'{id_} (created 20', sentence)
        self.assertEqual([self.status('backup', id_) for id_ in twins], ['available'] * 2)

    def test_unusual_names_are_found(self) -> None:
        volume = self.make_volume()
        names = (
            'größer 备份',
            '--x',
            '-f',
            NOBODY,
            'a/b',
            'a?b',
            'a#b',
            '..',
            'detail',
            "it's",
            '%',
        )
        for name in names:
            with self.subTest(name=name):
                id_ = self.make_backup(volume, name=name)
                show = ['volume', 'backup', 'show', '-f', 'value', '-c', 'id', '--', name]
                self.assertEqual(self.openstack(show), id_)
                self.openstack(['volume', 'backup', 'delete', '--', name])
                self.wait_for('backup', id_, 'deleted')

    def test_id_takes_precedence_over_name(self) -> None:
        volume = self.make_volume()
        meant = self.make_backup(volume, name='meant')
        self.make_backup(volume, name=meant)
        self.assertEqual(self.backup(f'show {meant} -f value -c name'), 'meant')

    def test_backup_of_another_project_is_not_found(self) -> None:
        stranger = make_project(self.box)
        theirs = self.make_backup(
            self.make_volume(owner=stranger.member), owner=stranger.member, name='theirs'
        )
        for reference in (theirs, 'theirs'):
            for command in self.commands(reference):
                with self.subTest(command=command):
                    self.assertIn('No backup has', self.fails(command))
        self.assertEqual(self.status('backup', theirs), 'available')

    def test_administrator_finds_names_only_in_the_requested_scope(self) -> None:
        name = self.unique('hidden')
        backup = self.make_backup(self.make_volume(), name=name)
        show = f'volume backup show {name} -f value -c id'
        self.fails(show, self.admin)
        for scope in (
            '--all-projects',
            f'--project {self.project.id}',
            f'--project {self.project.name}',
        ):
            self.assertEqual(self.openstack(f'{show} {scope}', self.admin), backup)
        self.assertIn('Only an administrator', self.fails('volume backup show x --all-projects'))

    def test_unknown_volumes_and_snapshots_are_not_found(self) -> None:
        volume = self.make_volume()
        for reference in ('nosuch', NOBODY):
            with self.subTest(reference=reference):
                sentence = self.fails(f'volume backup create {reference}')
                self.assertEqual(sentence, f"No volume has the name or ID '{reference}'.")
                sentence = self.fails(f'volume backup create {volume} --snapshot {reference}')
                self.assertEqual(sentence, f"No snapshot has the name or ID '{reference}'.")
        self.assertIn("'nosuch'", self.fails('volume backup list --volume nosuch'))


class RefusalTest(FunctionalTest):
    """Requests that the cloud refuses."""

    def test_values_that_cinder_rejects_are_explained(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume)
        for options in (
            ['--name', 'x' * 256],
            ['--description', 'x' * 256],
            ['--description', 'a\x01b'],
            ['--property', f'{"k" * 256}=v'],
            ['--property', 'k!=v'],
            ['--property', f'k={"v" * 256}'],
        ):
            for command in (['create', volume], ['set', backup]):
                with self.subTest(command=command, options=options):
                    self.assertLess(len(self.fails(['volume', 'backup', *command, *options])), 700)

    def test_wrong_status_is_explained(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume)
        for status in ('creating', 'deleting', 'restoring', 'error_deleting'):
            self.sql('UPDATE backups SET status = ? WHERE id = ?', status, backup)
            with self.subTest(status=status):
                self.assertIn(f'in status {status}', self.fails(f'volume backup delete {backup}'))
                self.assertIn(f'in status {status}', self.fails(f'volume backup restore {backup}'))
        self.sql("UPDATE volumes SET status = 'in-use' WHERE id = ?", volume)
        self.assertIn('in-use', self.fails(f'volume backup create {volume}'))

    def test_backup_with_dependents_is_not_deleted(self) -> None:
        volume = self.make_volume()
        full = self.make_backup(volume)
        child = self.make_backup(volume, incremental=True)
        sentence = self.fails(f'volume backup delete {full}')
        self.assertIn(child, sentence)
        self.assertIn('Delete them first, or delete all of them with --cascade', sentence)

    def test_incremental_without_full_backup_is_refused(self) -> None:
        volume = self.make_volume()
        sentence = self.fails(f'volume backup create {volume} --incremental')
        self.assertIn('Create a full backup, or use --incremental with --allow-full.', sentence)

    def test_target_volume_that_is_too_small_is_refused(self) -> None:
        volume, small = self.make_volume(), self.make_volume()
        backup = self.make_backup(volume)
        self.sql('UPDATE backups SET size = 2 WHERE id = ?', backup)
        self.fails(f'volume backup restore {backup} {small} --force')

    def test_missing_permission_is_explained(self) -> None:
        backup = self.make_backup(self.make_volume())
        for command in (
            f'set --state error {backup}',
            f'delete --force {backup}',
            f'record export {backup}',
        ):
            with self.subTest(command=command):
                sentence = self.fails(f'volume backup {command}')
                self.assertIn('your roles in this project do not allow it', sentence)
        self.assertIn('your roles', self.fails('volume backup record import service cmVjb3Jk'))
        self.assertEqual(self.status('backup', backup), 'available')

    def test_only_administrators_see_other_projects(self) -> None:
        other = make_project(self.box)
        self.make_backup(self.make_volume())
        for project in (other.id, other.name):
            self.fails(f'volume backup list --project {project}')

    def test_exceeded_quota_is_explained(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume)
        limits: dict[str, Any] = {'quota_set': {'backups': 1, 'volumes': 1}}
        Account(self.box, 'admin', 'admin').block_storage(
            'PUT', f'/os-quota-sets/{self.project.id}', limits
        )
        try:
            for command, quota, helps_to_delete in (
                (f'create {volume}', 'backups', True),
                (f'restore {backup}', 'volumes', False),
            ):
                with self.subTest(command=command):
                    sentence = self.fails(f'volume backup {command}')
                    self.assertIn(f"it would exceed the quota '{quota}'", sentence)
                    self.assertEqual('Delete backups' in sentence, helps_to_delete)
        finally:
            limits = {'quota_set': {'backups': -1, 'volumes': -1}}
            Account(self.box, 'admin', 'admin').block_storage(
                'PUT', f'/os-quota-sets/{self.project.id}', limits
            )

    def test_invalid_record_is_refused(self) -> None:
        sentence = self.fails('volume backup record import service rubbish', self.admin)
        self.assertIn('Cannot import the record', sentence)


class MissingTest(FunctionalTest):
    """Clouds without Block Storage."""

    def test_missing_catalogue_entry_is_explained(self) -> None:
        environment = {**self.member, 'OS_REGION_NAME': 'NoStorage'}
        for command in ('list', 'show x', 'create x', 'delete x', 'restore x y'):
            with self.subTest(command=command):
                sentence = self.fails(f'volume backup {command}', environment)
                self.assertIn('no Block Storage service in its catalogue', sentence)

    def test_unreachable_endpoint_is_explained(self) -> None:
        environment = {**self.member, 'OS_REGION_NAME': 'Unreachable'}
        for command in ('list', 'show x', 'create x', 'delete x', 'restore x y'):
            with self.subTest(command=command):
                sentence = self.fails(f'volume backup {command}', environment)
                self.assertIn('Block Storage cannot be reached', sentence)


class NoBackupServiceTest(FunctionalTest):
    """A cloud with Block Storage but without a backup service."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.box = no_backup_service_sandbox()
        cls.project = make_project(cls.box)

    def test_create_explains_that_no_backup_service_runs(self) -> None:
        volume = self.make_volume()
        backup = self.backup(f'create {volume} -f value -c id')
        self.wait_for('backup', backup, 'error')
        self.sql("UPDATE backups SET status = 'available' WHERE id = ?", backup)
        for command in (
            f'delete {backup}',
            f'restore {backup} {volume} --force',
            f'record export {backup}',
            f'set {backup} --state error',
        ):
            with self.subTest(command=command):
                sentence = self.fails(f'volume backup {command}', self.admin_here)
                self.assertIn('no backup service is running', sentence)

    def test_wait_explains_that_no_backup_service_runs(self) -> None:
        result = self.run_openstack(f'volume backup create {self.make_volume()} --wait')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('Service not found for creating backup', result.stderr.splitlines()[-1])
