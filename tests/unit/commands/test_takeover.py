# SPDX-License-Identifier: Apache-2.0
"""The plugin takes over every ``volume backup`` command, and nothing else."""

import tempfile
from pathlib import Path

from backupext.core import releases
from tests.releases import installed
from tests.unit.rows import ID, backup
from tests.unit.shell import CommandTest

COMMANDS = (
    'check',
    'create',
    'delete',
    'list',
    'prune',
    'record export',
    'record import',
    'recover',
    'restore',
    'rotate',
    'set',
    'show',
    'summary',
    'tree',
    'unset',
    'verify',
    'wait',
)
OURS = 'This command is provided by the backupext plugin.'


class TakeoverTest(CommandTest):
    def test_every_command_is_ours(self) -> None:
        for command in COMMANDS:
            with self.subTest(command):
                result = self.openstack(f'help volume backup {command}')
                self.assertEqual((result.status, result.stderr), (0, ''))
                self.assertIn(OURS, result.stdout)

    def test_other_volume_commands_are_not_ours(self) -> None:
        for command in ('volume list', 'volume snapshot list', 'volume backup'):
            with self.subTest(command):
                self.assertNotIn(OURS, self.openstack(f'help {command}').stdout)

    def test_version_2_keeps_the_built_in_commands(self) -> None:
        for command in ('create', 'delete', 'list', 'restore', 'set', 'show'):
            with self.subTest(command):
                result = self.openstack(f'--os-volume-api-version 2 volume backup {command} --help')
                if releases.VERSION_2.applies(installed()):
                    self.assertEqual((result.status, result.stdout), (1, ''))
                    self.assertIn('Version 2 is not supported', result.stderr)
                    continue
                self.assertEqual((result.status, result.stderr), (0, ''))
                self.assertIn('usage: ', result.stdout)
                self.assertNotIn(OURS, result.stdout)

    def test_completion_knows_every_command(self) -> None:
        lines = self.openstack('complete').stdout.splitlines()
        verbs = {command.split()[0] for command in COMMANDS}
        named = next(line for line in lines if line.strip().startswith('cmds_volume_backup='))
        self.assertEqual(set(named.partition("'")[2].rstrip("'").split()), verbs)

    def test_command_list_has_every_command(self) -> None:
        result = self.openstack('command list --group openstack.volume_backup.v3 -f json')
        for command in COMMANDS:
            self.assertIn(f'"volume backup {command}"', result.stdout)

    def test_stderr_is_empty(self) -> None:
        self.cloud.on('GET /backups/detail', {'backups': []})
        self.assert_prints('volume backup list -f value', '')

    def test_stderr_is_empty_if_clouds_yaml_configures_logging(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            self.cloud.configure(Path(directory, 'clouds.yaml'), logging={'cliff': 'warning'})
            self.cloud.on(f'GET /backups/{ID}', {'backup': backup()})
            self.assert_prints(f'volume backup show {ID} -f value -c id', f'{ID}\n')
