# SPDX-License-Identifier: Apache-2.0
"""Commands that work without the plugin print the same with it, byte for byte.

With an older OSC, which prints fewer fields, the plugin prints the fields of the newest OSC.
"""

import json
import unittest
from typing import Any, NamedTuple

from tests import releases
from tests.functional.base import FunctionalTest
from tests.functional.client import OpenStack, osc_alone, with_plugin
from tests.functional.masks import masked, records_without_times

LIST_FORMATS = ('csv', 'json', 'table', 'value', 'yaml')
SHOW_FORMATS = ('json', 'shell', 'table', 'value', 'yaml')


class Made(NamedTuple):
    """IDs of the volumes and backups that the tests read."""

    volume: str
    full: str
    incremental: str


# Additional columns come after them, with --long only.
_LONG = (
    *('id', 'name', 'description', 'status', 'size', 'incremental', 'created_at'),
    *('availability_zone', 'volume', 'container'),
)


def _only_oscs_columns(arguments: str) -> str:
    """Return the columns that both have, if the plugin has more."""
    if '--long' not in arguments or '-c ' in arguments:
        return ''
    return ''.join(f' -c {column}' for column in _LONG)


newest = unittest.skipUnless(
    releases.is_newest(), "The output has the newest OSC's fields, of which this OSC lacks some."
)
older = unittest.skipIf(releases.is_newest(), 'With the newest OSC every byte is compared.')


class _OnTheSameData(FunctionalTest):
    """Commands that change nothing."""

    made: Made

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        self = cls()
        volume = self.make_volume('data')
        full = self.make_backup(volume, name='full', description='the first one')
        properties = {'a': '1', 'b': 'x y'}
        incremental = self.make_backup(volume, incremental=True, name='größer', metadata=properties)
        self.make_backup(self.make_volume('other'), name='full')
        broken = self.make_backup(volume, name='broken')
        self.sql("UPDATE backups SET status = 'error', fail_reason = 'disk' WHERE id = ?", broken)
        cls.made = Made(volume, full, incremental)


@newest
class ReadingTest(_OnTheSameData):
    """Reading commands print the same as those of the newest OSC."""

    def assert_same(self, arguments: str, environment: dict[str, str] | None = None) -> None:
        arguments = f'volume backup {arguments}{_only_oscs_columns(arguments)}'
        osc = osc_alone().run(arguments, environment or self.member)
        plugin = with_plugin().run(arguments, environment or self.member)
        self.assertEqual(osc.status, 0, osc.stderr)
        self.assertEqual(plugin.status, 0, plugin.stderr)
        self.assertEqual(records_without_times(plugin.stdout), records_without_times(osc.stdout))
        self.assertEqual(plugin.stderr, '')

    def assert_list_is_same(self, options: str, environment: dict[str, str] | None = None) -> None:
        for format_ in LIST_FORMATS:
            with self.subTest(options=options, format=format_):
                self.assert_same(f'list {options} -f {format_}', environment)

    def assert_show_is_same(
        self, arguments: str, environment: dict[str, str] | None = None
    ) -> None:
        for format_ in SHOW_FORMATS:
            with self.subTest(arguments=arguments, format=format_):
                self.assert_same(f'{arguments} -f {format_}', environment)

    def test_list(self) -> None:
        self.assert_list_is_same('')

    def test_empty_list(self) -> None:
        self.assert_list_is_same('--name nosuch')

    def test_list_long(self) -> None:
        self.assert_list_is_same('--long')

    def test_list_with_filters(self) -> None:
        for options in (
            '--name full',
            "--name ''",
            '--status error',
            '--status error_restoring',
            '--volume data',
            f'--volume {self.made.volume}',
            '--limit 1',
            '--limit 0',
            '--limit 2 --max-items 3',
            '--max-items 1',
            f'--marker {self.made.incremental}',
            '--marker größer --limit 1',
        ):
            self.assert_list_is_same(options)

    def test_list_with_columns_and_order(self) -> None:
        for options in (
            '-c ID -c Name',
            '-c Volume --long',
            '-c "created at"',
            '--sort-column Name',
            '--long --sort-column Volume --sort-descending',
            '--max-width 80',
            '--quote all',
        ):
            self.assert_list_is_same(options)

    def test_list_as_administrator(self) -> None:
        for options in (f'--project {self.project.name}', f'--project {self.project.id} --long'):
            self.assert_list_is_same(options, self.admin)
        self.assert_list_is_same('--long', self.admin_here)

    def test_list_of_all_projects(self) -> None:
        # Other tests use the same cloud: compare only the rows of this one.
        name = f'--all-projects --name größer --volume {self.made.volume}'
        self.assert_list_is_same(name, self.admin)
        self.assert_list_is_same(f'--all --volume {self.made.volume}', self.admin)

    def test_show(self) -> None:
        for reference in (self.made.full, self.made.incremental, 'größer', 'broken'):
            self.assert_show_is_same(f'show {reference}')

    def test_show_as_administrator(self) -> None:
        self.assert_show_is_same(f'show {self.made.incremental}', self.admin)

    def test_show_with_columns(self) -> None:
        for options in ('-c status', '-c metadata -c name', '--prefix backup_', '--max-width 60'):
            self.assert_show_is_same(f'show größer {options}')

    def test_record_export(self) -> None:
        self.assert_show_is_same(f'record export {self.made.full}', self.admin_here)

    def test_pinned_versions(self) -> None:
        for version in ('3.0', '3.42', '3.50', '3.64'):
            environment = {**self.admin_here, 'OS_VOLUME_API_VERSION': version}
            with self.subTest(version=version):
                self.assert_same('list --long', environment)
                self.assert_same(f'show {self.made.incremental}', environment)


@older
class OlderTest(_OnTheSameData):
    """Reading commands print every field of an older OSC, in the same order."""

    def rows(self, client: OpenStack, arguments: str) -> list[dict[str, Any]]:
        result = client.run(f'volume backup {arguments} -f json', self.member)
        self.assertEqual(result.status, 0, result.stderr)
        answer = json.loads(result.stdout)
        return answer if isinstance(answer, list) else [answer]

    def test_all_fields_of_osc_are_printed(self) -> None:
        for arguments in (
            'list',
            'list --long',
            'list --name full',
            'list --status error',
            f'list --volume {self.made.volume}',
            'list --limit 1',
            f'list --marker {self.made.incremental}',
            f'show {self.made.full}',
            'show größer',
        ):
            with self.subTest(arguments):
                osc, plugin = (
                    self.rows(client, arguments) for client in (osc_alone(), with_plugin())
                )
                self.assertTrue(osc)
                self.assertEqual(
                    [{key: row[key] for key in osc[0]} for row in plugin],
                    osc,
                )

    def test_columns_of_osc_come_first(self) -> None:
        for long in ('', ' --long'):
            osc, plugin = (
                self.rows(client, f'list{long}') for client in (osc_alone(), with_plugin())
            )
            common = [key for key in plugin[0] if key in osc[0]]
            self.assertEqual(common, list(osc[0]))


@newest
class ChangingTest(FunctionalTest):
    """Commands that change something; each client uses separate data."""

    def both(self, arguments: str, environment: dict[str, str] | None = None) -> None:
        """Run a command with both clients, and compare the output without IDs and times."""
        printed = []
        for client in (osc_alone(), with_plugin()):
            volume = self.make_volume('data')
            backup = self.make_backup(volume, name='first')
            command = arguments.format(volume=volume, backup=backup)
            result = client.run(f'volume backup {command}', environment or self.member)
            printed.append((result.status, masked(result.stdout), result.stderr))
            self.forget()
        self.assertEqual(printed[0][0], 0, printed[0])
        self.assertEqual(printed[0], printed[1])

    def forget(self) -> None:
        """Rename everything, so that names are unique again."""
        for table in ('volumes', 'backups'):
            self.sql(
                f"UPDATE {table} SET display_name = 'old' WHERE project_id = ?", self.project.id
            )

    def test_create(self) -> None:
        for format_ in SHOW_FORMATS:
            with self.subTest(format=format_):
                self.both(f'create {{volume}} --name second --force -f {format_}')

    def test_create_with_every_option(self) -> None:
        self.both(
            'create data --name n --description "d e" --container c --incremental --force '
            '--property a=b --availability-zone nova'
        )

    def test_create_without_a_name(self) -> None:
        self.both('create {volume}')

    def test_restore_to_a_new_volume(self) -> None:
        for format_ in SHOW_FORMATS:
            with self.subTest(format=format_):
                self.both(f'restore {{backup}} fresh -f {format_}')

    def test_restore_with_force(self) -> None:
        self.both('restore --force {backup} {volume}')
        self.both('restore first data --force')
        self.both('restore --force first another')

    def test_set_and_delete(self) -> None:
        self.both('set {backup} --name renamed --description text --property a=b')
        self.both('set first --no-property')
        self.both('set --state error {backup}', self.admin_here)
        self.both('delete {backup}')
        self.both('delete --force first', self.admin_here)
