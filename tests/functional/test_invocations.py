# SPDX-License-Identifier: Apache-2.0
"""Command lines of public scripts and guides: those that work print the same."""

import json
from typing import NamedTuple

from tests import releases
from tests.functional.base import FunctionalTest
from tests.functional.client import OpenStack, Result, osc_alone, with_plugin
from tests.functional.masks import masked

# Run twice on the same data; {names} are filled in.
READING = (
    'openstack volume backup show {backup} -fshell -c status',
    'openstack volume backup show {backup} -f value -c status',
    'openstack volume backup list -f json',
    'openstack volume backup show {backup} -f value -c created_at',
    'openstack volume backup list -c Status -f value',
    'openstack volume backup list --name {name}',
    'openstack volume backup show {name} -f json',
    'openstack volume backup show {name} -c is_incremental -f value',
    'openstack volume backup list',
)

# Run by the administrator, who sees the leftovers of every test.
READING_EVERYTHING = (
    'openstack volume backup list --all -f value -c ID -c Name',
    'openstack volume backup list --all-projects -f value -c ID',
    'openstack volume backup list -f value -c Name --all',
)

# Run on new data each time.
CHANGING = (
    (
        'openstack volume backup create -fshell --prefix backup_ --force --snapshot {snapshot}'
        ' {volume} --name "{new}" --description "Vol.7"'
    ),
    'openstack volume backup create "{volume}" --name "{new}" -f json',
    'openstack --os-project-name {project} volume backup create --name {new} {volume} --force',
    'openstack volume backup restore {backup} {new}',
    'openstack volume backup restore --force "{backup}" "{volume}"',
    (
        'openstack volume backup create --container "{new}" --snapshot "{snapshot}" --name "{new}"'
        ' "{volume}"'
    ),
    'openstack volume backup create --incremental --name "{new}" "{volume}" -f value -c id',
    'openstack volume backup create --force --container {new} {volume}',
    (
        "openstack volume backup create {volume_name} --name {new}-initial --description 'Initial"
        " backup of {volume_name}' --force"
    ),
    'openstack volume create --backup "{backup}" "{new}" -f value -c id',
)

CHANGING_AS_ADMINISTRATOR = ('openstack volume backup set --state error {backup}',)


def _is_the_same(line: str) -> bool:
    """Return whether OSC prints the same: an older one has fewer fields, unless they are named."""
    return releases.is_newest() or ' -c ' in line


def _is_known(line: str) -> bool:
    """Return whether an older OSC knows a command line of another command."""
    return releases.is_newest() or 'volume backup' in line


class Things(NamedTuple):
    """The volumes, snapshots and backups that a command line needs."""

    volume: str
    volume_name: str
    snapshot: str
    backup: str
    name: str
    new: str
    project: str


class InvocationTest(FunctionalTest):
    """Lines that work with the built-in commands, and lines that never have."""

    def things(self) -> Things:
        volume_name, name = self.unique('data'), self.unique('nightly')
        volume = self.make_volume(volume_name)
        backup = self.make_backup(volume, name=name)
        snapshot = self.make_snapshot(volume)
        new = self.unique('new')
        return Things(volume, volume_name, snapshot, backup, name, new, self.project.name)

    def run_line(
        self, client: OpenStack, line: str, things: Things, environment: dict[str, str]
    ) -> Result:
        command = line.format(**things._asdict()).removeprefix('openstack ')
        result = client.run(command, environment)
        self.assertEqual(result.status, 0, result.stderr)
        return result

    def test_reading_commands_print_the_same(self) -> None:
        things = self.things()
        for lines, account in (
            (READING, self.member),
            (READING_EVERYTHING, self.admin),
        ):
            for line in lines:
                with self.subTest(line=line):
                    printed = self.run_line(with_plugin(), line, things, account)
                    if _is_the_same(line):
                        osc = self.run_line(osc_alone(), line, things, account)
                        self.assertEqual(printed, osc)

    def test_long_lists_print_the_same(self) -> None:
        things = self.things()
        line = 'openstack volume backup list --long --limit 1 -f json'
        osc, plugin = (
            json.loads(self.run_line(client, line, things, self.member).stdout)
            for client in (osc_alone(), with_plugin())
        )
        self.assertTrue(osc)
        self.assertEqual([{key: row[key] for key in osc[0]} for row in plugin], osc)

    def test_changing_commands_print_the_same(self) -> None:
        for lines, account in (
            (CHANGING, self.member),
            (CHANGING_AS_ADMINISTRATOR, self.project.admin.environment),
        ):
            for line in filter(_is_known, lines):
                with self.subTest(line=line):
                    printed = self.printed(with_plugin(), line, account)
                    if _is_the_same(line):
                        self.assertEqual(printed, self.printed(osc_alone(), line, account))

    def printed(self, client: OpenStack, line: str, account: dict[str, str]) -> tuple[str, str]:
        things = self.things()
        result = self.run_line(client, line, things, account)
        stdout = result.stdout
        for name in (things.new, things.name, things.volume_name):
            stdout = stdout.replace(name, '<name>'.ljust(len(name)))
        return masked(stdout), result.stderr

    def test_os_cloud_option_works(self) -> None:
        things = self.things()
        environment = {'OS_CLIENT_CONFIG_FILE': str(self.box.clouds_yaml)}
        line = f'--os-cloud admin volume backup create --force --container c {things.volume}'
        self.assertEqual(with_plugin().run(line, environment).status, 0)

    def test_list_accepts_volume_id_as_in_guides(self) -> None:
        things = self.things()
        listed = self.backup(f'list --volume-id {things.volume} -f value -c ID')
        self.assertEqual(listed, things.backup)

    def test_restore_accepts_volume_option_as_in_guides(self) -> None:
        things = self.things()
        self.backup(f'restore {things.name} --volume {things.volume_name} --force')
        self.wait_for('volume', things.volume)
        restored = self.sql('SELECT restore_volume_id FROM backups WHERE id = ?', things.backup)
        self.assertEqual(restored, [(things.volume,)])

    def test_create_with_volume_option_explains_the_argument(self) -> None:
        result = self.run_openstack('volume backup create --volume data-volume data-backup')
        self.assertEqual(result.status, 2)
        self.assertIn('--volume is not an option of this command', result.stderr)

    def test_export_without_record_lists_similar_commands(self) -> None:
        result = self.run_openstack('volume backup export my-data-backup')
        self.assertEqual(result.status, 2)
        self.assertIn('volume backup record export', result.stdout + result.stderr)
