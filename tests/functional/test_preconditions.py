# SPDX-License-Identifier: Apache-2.0
"""What can be known before a request is sent, or said after one was refused, is known and said."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import releases
from tests.functional.api import Account, Restricted
from tests.functional.base import FunctionalTest, make_project, no_backup_service_sandbox
from tests.functional.client import osc_alone
from tests.functional.faults import ProxyTest
from tests.unit.project import inventory

LONE_BYTE = 'a\udcff'
#: Nothing listens there: a command that asks a server fails otherwise than with a usage error.
NO_CLOUD = {'OS_AUTH_TYPE': 'none', 'OS_ENDPOINT': 'http://127.0.0.1:1/v3'}


class LoneByteTest(FunctionalTest):
    """Text that is not UTF-8."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start no sandbox."""

    def test_no_command_takes_it(self) -> None:
        for command, action in self.places():
            with self.subTest(command=command, action=action.dest):
                self.assert_refused([*command, *action.option_strings[-1:], LONE_BYTE])

    def test_no_text_around_it_helps(self) -> None:
        for arguments in (
            ['create', 'volume', '--property', f'key={LONE_BYTE}'],
            ['create', 'volume', f'--name={LONE_BYTE}'],
            ['create', 'volume', '--na', LONE_BYTE],
            ['delete', 'good', LONE_BYTE],
            ['delete', '--', LONE_BYTE],
            ['restore', 'backup', '--force', LONE_BYTE],
            ['set', 'backup', '--name', f'größer {LONE_BYTE}'],
        ):
            with self.subTest(arguments=arguments):
                self.assert_refused(['volume', 'backup', *arguments])

    def places(self) -> Iterator[tuple[list[str], argparse.Action]]:
        """Yield every command with one of its options or arguments that take a value."""
        for name, class_ in inventory.commands().items():
            actions = inventory.actions(inventory.parser_of(class_))
            yield name.split('_'), next(each for each in actions if each.nargs != 0)

    def assert_refused(self, command: list[str]) -> None:
        result = self.run_openstack(command, NO_CLOUD)
        if 'check' in command:
            # For a monitoring plugin, a usage error is an unknown state, and goes to stdout.
            status, said = 3, result.stdout
        else:
            status, said = 2, result.stderr
            self.assertEqual(result.stdout, '')
        self.assertEqual(result.status, status, result.stderr)
        self.assert_has(said, r'\udcff', 'UTF-8')


class LengthTest(FunctionalTest):
    """Values that are too long."""

    def test_reason_is_told_and_the_value_is_cut(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume)
        text = 'x' * 300
        for arguments in (
            ['create', volume, '--name', text],
            ['create', volume, '--description', text],
            ['create', volume, '--container', text],
            ['create', volume, '--property', f'key={text}'],
            ['create', volume, '--availability-zone', text],
            ['set', backup, '--name', text],
            ['set', backup, '--description', text],
            ['set', backup, '--property', f'key={text}'],
            ['restore', backup, '--name', text],
        ):
            with self.subTest(arguments=arguments[::2]):
                sentence = self.fails(['volume', 'backup', *arguments])
                self.assertRegex(sentence, 'too long|255')
                self.assertLess(len(sentence), 700)
        self.assertEqual(self.status('backup', backup), 'available')


class EmptyTest(FunctionalTest):
    """Optional references that an unset shell variable leaves empty."""

    def test_empty_snapshot_is_none(self) -> None:
        volume = self.make_volume()
        arguments = ['volume', 'backup', 'create', volume, '--snapshot', '', '-f', 'json']
        made = json.loads(self.openstack(arguments))
        self.wait_for('backup', made['id'])
        row = self.project.member.block_storage('GET', f'/backups/{made["id"]}')['backup']
        self.assertEqual((row['volume_id'], row['snapshot_id']), (volume, None))

    def test_empty_filters_are_none(self) -> None:
        self.make_backup(self.make_volume())
        everything = self.openstack('volume backup list -f json')
        for option in ('--volume', '--marker', '--project', '--name', '--status'):
            arguments = ['volume', 'backup', 'list', option, '', '-f', 'json']
            with self.subTest(option=option):
                here = self.run_openstack(arguments)
                # Older releases have fewer fields and lack --project.
                if releases.is_newest():
                    theirs = osc_alone().run(arguments, self.member)
                    self.assertEqual(here.status, theirs.status, here.stderr)
                    self.assertEqual(here.stdout, theirs.stdout)
                if option in {'--volume', '--marker', '--project'}:
                    self.assertEqual(here.stdout.removesuffix('\n'), everything)

    def test_empty_reference_of_what_is_acted_on_is_a_usage_error(self) -> None:
        for arguments in (
            ['create', ''],
            ['restore', 'backup', ''],
            ['restore', 'backup', '--name', ''],
            ['prune', '--volume', '', '--keep-last', '1'],
            ['wait', ''],
            ['set', '', '--name', 'x'],
        ):
            with self.subTest(arguments=arguments):
                result = self.run_openstack(['volume', 'backup', *arguments], NO_CLOUD)
                self.assertEqual((result.status, result.stdout), (2, ''), result.stderr)


class GoneSourceTest(FunctionalTest):
    """Restores to the source volume, which is gone, as mass-restore scripts ask for."""

    def test_message_has_the_command_that_restores(self) -> None:
        volume = self.make_volume()
        self.write_volume(volume, 'data')
        backup = self.make_backup(volume)
        self.project.member.block_storage('DELETE', f'/volumes/{volume}')
        self.wait_for('volume', volume, 'deleted')
        command = f'openstack volume backup restore {backup}'
        for options in ('', '--force', '--wait'):
            with self.subTest(options=options):
                sentence = self.fails(f'volume backup restore {backup} {volume} {options}')
                self.assert_has(sentence, volume, 'no longer exists', command)
        restored = self.openstack(
            f'{command.removeprefix("openstack ")} --wait -f value -c volume_id'
        )
        self.assertEqual(self.read_volume(restored), 'data')


class DependentTest(ProxyTest):
    """Dependents that somebody is deleting."""

    def setUp(self) -> None:
        super().setUp()
        self.volume = self.make_volume()
        self.full = self.make_backup(self.volume)
        self.child = self.make_backup(self.volume, incremental=True)

    @property
    def admin(self) -> dict[str, str]:
        """The administrator in another project, behind the proxy."""
        return self.proxy.environment(Account(self.box, 'admin', 'admin'))

    def delete_child(self) -> None:
        self.project.member.block_storage('DELETE', f'/backups/{self.child}')

    def wait_for_request(self, line: str) -> None:
        """Wait until the command has asked for something."""
        self.wait_until(lambda: bool(self.proxy.lines(line)), wanted=True)

    def assert_waits(self, environment: dict[str, str], options: str, asks: str) -> None:
        """Expect that a deletion waits until the dependent is gone."""
        with self.box.faults.hold('delete', self.child):
            self.delete_child()
            running = self.begin(f'volume backup delete {self.full} {options}', environment)
            self.wait_for_request(asks)
            self.assertFalse(running.done())
        result = running.result(60)
        self.assertEqual(result.status, 0, result.stderr)
        self.wait_for('backup', self.full, 'deleted')

    def test_deletion_in_the_own_project_waits_for_it(self) -> None:
        self.assert_waits(self.member, '', f'DELETE /backups/{self.full}')

    def test_waiting_deletion_in_the_own_project_waits_for_it(self) -> None:
        self.assert_waits(self.member, '--wait', f'DELETE /backups/{self.full}')

    def test_deletion_in_another_project_waits_for_it(self) -> None:
        self.assert_waits(self.admin, '', f'GET /backups/{self.child}')

    def test_waiting_deletion_in_another_project_waits_for_it(self) -> None:
        self.assert_waits(self.admin, '--wait', f'GET /backups/{self.child}')

    def assert_refused_after(self, status: str, environment: dict[str, str]) -> None:
        """Expect a refusal when the dependent gets another status than deleted."""
        with self.box.faults.hold('delete', self.child):
            self.delete_child()
            running = self.begin(f'volume backup delete {self.full} --wait', environment)
            self.wait_for_request(f'GET /backups/{self.child}')
            self.set_status(self.child, status)
            result = running.result(60)
        self.assertEqual(result.status, 1, result.stderr)
        self.assert_has(result.stderr, self.full, self.child, f'status {status}')
        self.assertEqual(self.status('backup', self.full), 'available')

    def test_one_that_comes_back_keeps_its_parent(self) -> None:
        for status in ('available', 'error'):
            with self.subTest(status=status):
                self.setUp()
                self.assert_refused_after(status, self.member)

    def test_one_that_comes_back_in_another_project_keeps_its_parent(self) -> None:
        self.assert_refused_after('available', self.admin)

    def test_failed_deletion_keeps_its_parent(self) -> None:
        self.box.faults.fail_next('delete', self.child, 'permission denied')
        self.delete_child()
        self.wait_for('backup', self.child, 'error')
        for environment in (self.member, self.admin):
            result = self.run_openstack(f'volume backup delete {self.full}', environment)
            self.assertEqual(result.status, 1)
            self.assert_has(result.stderr, self.full, self.child)


class AccessRuleTest(FunctionalTest):
    """Application credentials that allow requests to /v3/backups only."""

    restricted: dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        rules = [
            ('GET', '/v3/backups/**'),
            ('DELETE', '/v3/backups/*'),
            ('POST', '/v3/backups'),
            ('POST', '/v3/backups/*/restore'),
        ]
        cls.restricted = Restricted(cls.project.member, rules).environment

    def setUp(self) -> None:
        self.volume = self.make_volume()
        self.write_volume(self.volume, 'data')
        self.source = self.make_backup(self.volume)

    def restore(self, arguments: str) -> str:
        command = f'volume backup restore {arguments} -f value -c volume_id'
        volume = self.openstack(command, self.restricted)
        self.wait_for('volume', volume)
        return volume

    def test_restore_to_a_new_volume_needs_no_look_up(self) -> None:
        for arguments in ('', f'--name {self.unique("new")}'):
            with self.subTest(arguments=arguments):
                restored = self.restore(f'{self.source} {arguments}')
                self.assertEqual(self.read_volume(restored), 'data')

    def test_restore_to_a_name_says_how_to_do_without_the_look_up(self) -> None:
        sentence = self.fails(f'volume backup restore {self.source} fresh', self.restricted)
        self.assert_has(sentence, '--name fresh', 'not allow')
        self.assertNotIn('does not accept these credentials', sentence)

    def test_forced_restore_believes_an_id(self) -> None:
        target = self.make_volume()
        self.assertEqual(self.restore(f'{self.source} {target} --force'), target)
        self.assertEqual(self.read_volume(target), 'data')

    def test_forced_restore_of_an_encrypted_backup_is_refused(self) -> None:
        volume, target = (self.make_volume(volume_type='secret') for _ in range(2))
        backup = self.make_backup(volume)
        self.write_volume(target, 'precious')
        self.fails(f'volume backup restore {backup} {target} --force', self.restricted)
        self.assertEqual(self.read_volume(target), 'precious')

    def test_encrypted_backup_is_not_restored_to_a_volume_of_a_guessed_type(self) -> None:
        backup = self.make_backup(self.make_volume(volume_type='secret'))
        self.fails(f'volume backup restore {backup}', self.restricted)

    def test_create_believes_an_id(self) -> None:
        for options in ('', '--incremental', '--incremental --allow-full'):
            with self.subTest(options=options):
                command = f'volume backup create {self.volume} {options} -f value -c id'
                self.wait_for('backup', self.openstack(command, self.restricted))

    def test_create_by_name_says_that_the_look_up_is_not_allowed(self) -> None:
        sentence = self.fails('volume backup create somename', self.restricted)
        self.assert_has(sentence, 'not allow', 'access rules')
        self.assertNotIn('does not accept these credentials', sentence)

    def test_list_show_delete_and_tree_work(self) -> None:
        for command in ('list', f'show {self.source}', 'tree', f'delete {self.source} --wait'):
            with self.subTest(command=command):
                self.openstack(f'volume backup {command}', self.restricted)
        self.assertEqual(self.status('backup', self.source), 'deleted')


class SettingTest(FunctionalTest):
    """Settings in clouds.yaml that are the cause of a failure."""

    def with_settings(self, **settings: Any) -> dict[str, str]:
        """Return the environment of the member, with settings in clouds.yaml."""
        folder = tempfile.TemporaryDirectory(prefix='backupext-clouds-')
        self.addCleanup(folder.cleanup)
        path = Path(folder.name, 'clouds.yaml')
        path.write_text(json.dumps({'clouds': {'here': settings}}), 'utf-8')
        return {**self.member, 'OS_CLIENT_CONFIG_FILE': str(path), 'OS_CLOUD': 'here'}

    def test_pinning_setting_is_named(self) -> None:
        environment = self.with_settings(block_storage_default_microversion='3.42')
        backup = self.make_backup(self.make_volume())
        for command in (
            f'set {backup} --property key=value',
            'prune --all-volumes --keep-last 1',
            'list --property key',
        ):
            with self.subTest(command=command):
                sentence = self.fails(f'volume backup {command}', environment)
                self.assert_has(sentence, '3.43', '3.42', 'block_storage_default_microversion')

    def test_pinning_option_is_named(self) -> None:
        sentence = self.fails(
            '--os-volume-api-version 3.42 volume backup prune --all-volumes --keep-last 1'
        )
        self.assert_has(sentence, '3.43', '3.42', '--os-volume-api-version')

    def test_wrong_service_type_is_explained(self) -> None:
        environment = self.with_settings(volume_service_type='volumev3')
        for command in ('list', 'create volume', 'delete backup', 'restore backup'):
            with self.subTest(command=command):
                sentence = self.fails(f'volume backup {command}', environment)
                self.assertIn('volumev3', sentence)


class OwnerTest(FunctionalTest):
    """An administrator's backups of, and restores from, another project."""

    @property
    def own(self) -> str:
        """The ID of the administrator's project."""
        answer = Account(self.box, 'admin', 'admin').identity('GET', '/projects?name=admin')
        return str(answer['projects'][0]['id'])

    def test_backup_of_another_projects_volume_names_the_owners(self) -> None:
        volume = self.make_volume()
        command = f'volume backup create {volume} -f value -c id'
        result = self.run_openstack(command, self.admin)
        self.assertEqual(result.status, 0, result.stderr)
        self.assert_has(result.stderr, volume, self.project.id, self.own, 'quota')
        self.wait_for('backup', result.stdout.strip())

    def test_restore_from_another_project_names_the_owners(self) -> None:
        backup = self.make_backup(self.make_volume())
        command = f'volume backup restore {backup} -f value -c volume_id'
        result = self.run_openstack(command, self.admin)
        self.assertEqual(result.status, 0, result.stderr)
        self.assert_has(result.stderr, backup, self.project.id, self.own, 'quota')
        self.wait_for('volume', result.stdout.strip())

    def test_nothing_is_said_within_a_project(self) -> None:
        volume = self.make_volume()
        result = self.run_openstack(f'volume backup create {volume} -f value', self.admin_here)
        self.assertEqual((result.status, result.stderr), (0, ''))

    def test_member_is_not_told(self) -> None:
        other = make_project(self.box)
        theirs = self.make_volume(owner=other.member)
        self.assertIn('No volume has', self.fails(f'volume backup create {theirs}'))


class EncodingTest(FunctionalTest):
    """A terminal that lacks the characters of the tree."""

    def test_tree_is_plain_where_the_encoding_lacks_its_guides(self) -> None:
        volume = self.make_volume()
        self.make_backup(volume, name='größer')
        self.make_backup(volume, name='child', incremental=True)
        environment = {'PATH': os.environ['PATH'], 'PYTHONIOENCODING': 'ascii', **self.member}
        openstack = str(Path(sys.executable).with_name('openstack'))
        command = [openstack, 'volume', 'backup', 'tree']
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, full, child, _ = done.stdout.decode('ascii').splitlines()
        self.assertRegex(full, r'^, full .* gr\\xf6\\xdfer$')
        self.assertRegex(child, r'^` incremental .* child$')


class ClosedStreamTest(FunctionalTest):
    """Standard streams that a daemon or a script has closed."""

    def run_closed(self, redirection: str, arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command with a stream closed by the shell."""
        openstack = Path(sys.executable).with_name('openstack')
        return subprocess.run(
            f'exec {openstack} {arguments} {redirection}',
            shell=True,
            env={'PATH': os.environ['PATH'], **self.member},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_nobody_is_asked_without_stdin(self) -> None:
        volume = self.make_volume()
        backups = [self.make_backup(volume) for _ in range(2)]
        done = self.run_closed('<&-', f'volume backup prune --volume {volume} --keep-last 1')
        self.assertEqual(done.returncode, 1)
        self.assertIn('--auto-approve', done.stderr)
        self.assertEqual([self.status('backup', each) for each in backups], ['available'] * 2)

    def test_wait_works_without_stderr(self) -> None:
        command = f'volume backup create {self.make_volume()} --wait -f value -c id'
        done = self.run_closed('2>&-', command)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.status('backup', done.stdout.strip()), 'available')


class LeftBehindTest(FunctionalTest):
    """Refusals that leave something behind: a cloud whose backup service is off."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.box = no_backup_service_sandbox()
        cls.project = make_project(cls.box)

    def make_source(self) -> str:
        """Return a backup as it was made while the service ran."""
        backup = self.begin_backup(self.make_volume())
        self.wait_for('backup', backup, 'error')
        self.sql("UPDATE backups SET status = 'available' WHERE id = ?", backup)
        return backup

    def volumes(self) -> set[str]:
        """Return the IDs of the project's volumes."""
        statement = 'SELECT id FROM volumes WHERE project_id = ? AND NOT deleted'
        return {row[0] for row in self.sql(statement, self.project.id)}

    def test_empty_volume_of_a_refused_restore_is_named(self) -> None:
        backup, name = self.make_source(), self.unique('new')
        self.make_volume(name=f'{name}-other')
        for arguments in ('', name, f'--name {name}'):
            with self.subTest(arguments=arguments):
                before = self.volumes()
                sentence = self.fails(f'volume backup restore {backup} {arguments}')
                (left,) = self.volumes() - before
                self.assert_has(sentence, 'no backup service', f'openstack volume delete {left}')
                self.openstack(f'volume delete {left}')
                self.wait_for('volume', left, 'deleted')

    def test_volume_of_a_failed_restore_to_a_type_is_named(self) -> None:
        backup = self.make_source()
        before = self.volumes()
        result = self.run_openstack(
            f'volume backup restore {backup} --type __DEFAULT__ --wait --timeout 30s'
        )
        (left,) = self.volumes() - before
        self.assertIn(result.status, {1, 3}, result.stderr)
        self.assertIn(left, result.stderr)

    def test_nothing_is_left_by_a_restore_over_a_volume(self) -> None:
        backup, target = self.make_source(), self.make_volume()
        before = self.volumes()
        sentence = self.fails(f'volume backup restore {backup} {target} --force')
        self.assertNotIn('openstack volume delete', sentence)
        self.assertEqual(self.volumes(), before)
        self.assertEqual(self.status('volume', target), 'available')

    def test_import_is_refused_in_one_sentence(self) -> None:
        self.fails('volume backup record import service cmVjb3Jk', self.admin_here)
