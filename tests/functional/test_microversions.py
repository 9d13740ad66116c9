# SPDX-License-Identifier: Apache-2.0
"""Columns, options and refusals of older clouds and pinned versions."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backupext.core.features import COLUMNS, OPTIONS, Microversion
from tests.functional.base import FunctionalTest, fixes, make_project
from tests.sandbox import Sandbox

# Each side of every limit in the table of features.
VERSIONS = (
    *('3.0', '3.8', '3.9', '3.17', '3.18', '3.42', '3.43', '3.50', '3.51'),
    *('3.55', '3.56', '3.63', '3.64', '3.71'),
)

# An example of each option.
COMMANDS = {
    'set --name': 'set {backup} --name renamed',
    'set --description': 'set {backup} --description text',
    'set --property': 'set {backup} --property k=v',
    'set --no-property': 'set {backup} --no-property',
    'unset --property': 'unset {backup} --property k',
    'list --property': 'list --property k',
    'prune': 'prune --all-volumes --keep-last 1 --dry-run',
    'create --property': 'create {volume} --property k=v --wait',
    'create --availability-zone': 'create {volume} --availability-zone nova',
    'rotate': 'rotate {volume} --dry-run',
    'recover': 'recover --volume {volume} --dry-run',
    'verify': 'verify {backup}',
    'check --label': 'check {volume} --label rotation --max-age 1h',
    'check --property': 'check {volume} --property k --max-age 1h',
    'record export --property': 'record export --all --property k --output-file {folder}',
    'record import --property': 'record import --input-file {file} --property k=v --dry-run',
    'restore --type': 'restore {backup} --type __DEFAULT__ --name x --wait',
    'restore --size': 'restore {backup} --size 2 --name x --wait',
    'restore --availability-zone': 'restore {backup} --availability-zone nova --name x --wait',
}

_BACKUPS = 'SELECT id FROM backups WHERE project_id = ?'
_EVERYTHING = (
    'SELECT * FROM backups WHERE project_id = ? ORDER BY id',
    'SELECT * FROM volumes WHERE project_id = ? ORDER BY id',
    f'SELECT * FROM backup_metadata WHERE backup_id IN ({_BACKUPS}) ORDER BY id',
)


class MicroversionTest(FunctionalTest):
    """Checks for both clouds and pins."""

    def check(self, version: str, pin: str, reason: str) -> None:
        """Check every column and every option at one version.

        :param pin: the option that pins the version, unless the cloud has it.
        :param reason: words that a refusal must contain.
        """
        volume = self.make_volume()
        backup = self.make_backup(volume)
        self.check_columns(version, pin, backup)
        file = self.export(pin, backup)
        things = {'volume': volume, 'backup': backup, 'file': file, 'folder': file.parent}
        for option, feature in OPTIONS.items():
            command = COMMANDS[option].format(**things)
            check = self.check_plugin if option.startswith('check ') else self.check_option
            with self.subTest(version=version, option=option):
                arguments = f'{pin} volume backup {command}'
                check(arguments, reason, allowed=_has(version, feature.since))
                self.wait_for('backup', backup)  # the restore may already have finished
        self.check_actions(pin, backup)

    def export(self, pin: str, backup: str) -> Path:
        """Export the record of a backup to a file, which any version can."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / 'records.json'
        arguments = f'{pin} volume backup record export {backup} --output-file {path}'
        self.openstack(arguments, self.admin_here)
        return path

    def check_columns(self, version: str, pin: str, backup: str) -> None:
        # Only backups of encrypted volumes show a key, and this volume is not encrypted.
        self.sql("UPDATE backups SET encryption_key_id = 'key' WHERE id = ?", backup)
        shown = json.loads(
            self.openstack(f'{pin} volume backup show {backup} -f json', self.admin_here)
        )
        self.sql('UPDATE backups SET encryption_key_id = NULL WHERE id = ?', backup)
        self.assertEqual(len(shown), 20)
        for column, feature in COLUMNS.items():
            with self.subTest(version=version, column=column):
                self.assertEqual(shown[column] is not None, _has(version, feature.since))

    def check_option(self, arguments: str, reason: str, *, allowed: bool) -> None:
        if allowed:
            self.openstack(arguments, self.admin_here)
            return
        before = self.everything()
        self.assertIn(reason, self.fails(arguments, self.admin_here))
        self.assertEqual(self.everything(), before)

    def check_plugin(self, arguments: str, reason: str, *, allowed: bool) -> None:
        """Check an option of a monitoring plugin, whose exit status has another meaning."""
        result = self.run_openstack(arguments, self.admin_here)
        self.assertEqual(result.status == 3, not allowed, result.stdout)
        self.assertEqual(reason in result.stdout, not allowed, result.stdout)

    def everything(self) -> list[Any]:
        """Return everything that a refused command must not change."""
        return [self.sql(statement, self.project.id) for statement in _EVERYTHING]

    def check_actions(self, pin: str, backup: str) -> None:
        """Set a state and force a deletion: OSC requires 3.64 for both, Cinder only 3.0."""
        self.openstack(f'{pin} volume backup set {backup} --state error', self.admin_here)
        self.wait_for('backup', backup, 'error')
        self.openstack(f'{pin} volume backup delete {backup} --force', self.admin_here)
        self.wait_for('backup', backup, 'deleted')


class CloudTest(MicroversionTest):
    """Clouds with an older newest microversion."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start nothing: each test has a cloud of its own."""

    def check_cloud(self, version: str) -> None:
        with Sandbox.start(max_microversion=version) as box:
            type(self).box = box
            type(self).project = make_project(box)
            reason = f'this cloud is too old: it offers 3.0 to {version}'
            self.check(version, '', reason)


class OldCloudTest(MicroversionTest):
    """The newest cloud on which these built-in options fail."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.box = Sandbox.start(max_microversion='3.63')
        cls.addClassCleanup(cls.box.stop)
        cls.project = make_project(cls.box)

    @fixes
    def test_set_state_works(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.backup(f'set {backup} --state error', self.admin_here)
        self.wait_for('backup', backup, 'error')

    @fixes
    def test_force_delete_works(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.backup(f'delete {backup} --force', self.admin_here)
        self.wait_for('backup', backup, 'deleted')


class PinTest(MicroversionTest):
    """Pins on a cloud with the newest microversion."""

    def check_pin(self, version: str) -> None:
        reason = f'but {version} was requested: use --os-volume-api-version 3.'
        self.check(version, f'--os-volume-api-version {version}', reason)


def _has(version: str, since: Microversion) -> bool:
    return Microversion.parse(version) >= since


def _test_cloud(version: str) -> Callable[[CloudTest], None]:
    return lambda self: self.check_cloud(version)


def _test_pin(version: str) -> Callable[[PinTest], None]:
    return lambda self: self.check_pin(version)


for _version in VERSIONS:
    _name = _version.replace('.', '_')
    setattr(CloudTest, f'test_a_cloud_at_{_name}', _test_cloud(_version))
    setattr(PinTest, f'test_a_pin_of_{_name}', _test_pin(_version))
