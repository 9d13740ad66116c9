# SPDX-License-Identifier: Apache-2.0
import csv
import json
import unittest
from datetime import datetime, timedelta, timezone
from typing import Any

from backupext.core import releases
from tests.releases import installed
from tests.unit.rows import (
    ID,
    OTHER_ID,
    OTHER_VOLUME_ID,
    SNAPSHOT_ID,
    VOLUME_ID,
    backup,
    snapshot,
    volume,
)
from tests.unit.shell import CommandTest
from tests.unit.stub import OTHER_PROJECT, OWN_PROJECT

PROJECT = 'os-backup-project-attr:project_id'
THIRD = '11111111-aaaa-4bbb-8ccc-000000000003'
LIST = 'volume backup list -f value -c ID'

_IS_TOTAL = releases.LIMIT_PER_PAGE.applies(installed())
a_limit_is_a_page = unittest.skipIf(_IS_TOTAL, 'With this OSC --limit is the number in total.')
a_limit_is_a_total = unittest.skipUnless(_IS_TOTAL, 'With this OSC --limit is the size of a page.')
MORE = [{'rel': 'next', 'href': 'http://elsewhere.test/v3/backups/detail?marker=ignored'}]
NOT_ALL = (
    "Only an administrator can list the backups of all projects; these are your own project's."
)
NOT_OTHERS = "Only an administrator can list another project's backups."


class ListTest(CommandTest):
    """A list of which some rows, or none, are there."""

    def on_list(self, *rows: dict[str, Any], query: str = '', more: bool = False) -> None:
        answer = {'backups': list(rows), **({'backups_links': MORE} if more else {})}
        self.cloud.on(f'GET /backups/detail{query}', answer)

    def assert_leaves(self, options: str, *ids: str, asked: str = '') -> None:
        """Expect these of the rows that are there, and the one list to be asked for like that."""
        self.cloud.asked.clear()
        self.assert_prints(f'{LIST} {options}', ''.join(f'{id_}\n' for id_ in ids))
        self.assert_asked(f'GET /backups/detail{asked}')

    def assert_lists(self, options: str, query: str) -> None:
        self.on_list(backup(), query=query)
        self.assert_prints(f'{LIST} {options}', f'{ID}\n')
        self.assertEqual(self.cloud.lines[-1], f'GET /backups/detail{query}')


class ColumnsTest(ListTest):
    def test_a_table_has_oscs_columns(self) -> None:
        self.on_list(backup(description='all of it', is_incremental=True))
        lines = self.openstack('volume backup list').stdout.splitlines()
        self.assertEqual(
            lines[1],
            '| ID                                   | Name    | Description | Status    | Size '
            '| Incremental | Created At                 |',
        )
        self.assertEqual(
            lines[3],
            f'| {ID} | nightly | all of it   | available |    1 '
            '| True        | 2026-11-01T02:00:00.000000 |',
        )
        self.assert_asked('GET /backups/detail')

    def test_long_has_oscs_ten_first(self) -> None:
        self.on_list(backup())
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
        lines = self.openstack('volume backup list --long').stdout.splitlines()
        self.assertTrue(
            lines[1].startswith(
                '| ID                                   | Name    | Description | Status    | Size '
                '| Incremental | Created At                 | Availability Zone | Volume '
                '| Container | '
            ),
            lines[1],
        )
        self.assertTrue(
            lines[3].startswith(
                f'| {ID} | nightly | None        | available |    1 '
                '| False       | 2026-11-01T02:00:00.000000 | nova              | data   '
                '| backups   | '
            ),
            lines[3],
        )
        self.assert_asked('GET /backups/detail', f'GET /volumes/{VOLUME_ID}')

    def test_json_has_the_same_columns_with_the_types_of_the_api(self) -> None:
        self.on_list(backup(container=None))
        short = {
            'ID': ID,
            'Name': 'nightly',
            'Description': None,
            'Status': 'available',
            'Size': 1,
            'Incremental': False,
            'Created At': '2026-11-01T02:00:00.000000',
        }
        self.assertEqual(json.loads(self.openstack('volume backup list -f json').stdout), [short])
        long: dict[str, Any] = {
            **short,
            'Availability Zone': 'nova',
            'Volume': VOLUME_ID,
            'Container': None,
            'Snapshot': None,
            'Data Timestamp': '2026-11-01T02:00:00.000000',
            'Has Dependents': False,
            'Object Count': 2,
            'Properties': {},
            'Fail Reason': None,
        }
        self.assertEqual(
            json.loads(self.openstack('volume backup list --long -f json').stdout), [long]
        )

    def test_values_are_a_line_a_row(self) -> None:
        self.on_list(backup(), backup(OTHER_ID, status='error'))
        self.assert_prints(
            'volume backup list -f value -c ID -c Status', f'{ID} available\n{OTHER_ID} error\n'
        )

    def test_an_empty_list_is_printed_in_every_format_as_osc_does(self) -> None:
        self.on_list()
        for format_, stdout in (
            ('table', '\n'),
            ('value', ''),
            ('json', '[]\n'),
            ('yaml', '[]\n'),
            (
                'csv',
                '"ID","Name","Description","Status","Size","Incremental","Created At"\n',
            ),
        ):
            with self.subTest(format_):
                self.assert_prints(f'volume backup list -f {format_}', stdout)


#: Whose a backup is, for those who are shown it.
OWNED: dict[str, Any] = {PROJECT: OTHER_PROJECT, 'user_id': 'u'}


class LongColumnsTest(ListTest):
    """What ``--long`` has after OSC's ten columns."""

    TEN = (
        *('ID', 'Name', 'Description', 'Status', 'Size', 'Incremental', 'Created At'),
        *('Availability Zone', 'Volume', 'Container'),
    )
    MORE = ('Snapshot', 'Data Timestamp', 'Has Dependents', 'Object Count')

    def columns(self, version: str = '', options: str = '') -> list[str]:
        pin = f'--os-volume-api-version {version}' if version else ''
        result = self.openstack(f'{pin} volume backup list --long -f csv {options}')
        self.assertEqual((result.status, result.stderr), (0, ''))
        return next(csv.reader(result.stdout.splitlines()))

    def test_a_member_sees_no_owners(self) -> None:
        self.on_list(backup())
        self.assertEqual(self.columns(), [*self.TEN, *self.MORE, 'Properties', 'Fail Reason'])

    def test_a_member_sees_none_in_an_empty_list_either(self) -> None:
        self.on_list()
        self.assertEqual(self.columns(), [*self.TEN, *self.MORE, 'Properties', 'Fail Reason'])

    def test_who_is_shown_owners_sees_them(self) -> None:
        for role in ('admin', 'operator'):
            with self.subTest(role):
                self.use_cloud(roles=(role,))
                self.on_list(backup(**OWNED))
                self.assertEqual(
                    self.columns(),
                    [*self.TEN, 'Project', 'User', *self.MORE, 'Properties', 'Fail Reason'],
                )

    def test_what_the_version_has_not_got_is_left_out(self) -> None:
        for version, owners, properties in (
            ('3.17', (), ()),
            ('3.18', ('Project',), ()),
            ('3.42', ('Project',), ()),
            ('3.43', ('Project',), ('Properties',)),
            ('3.55', ('Project',), ('Properties',)),
            ('3.56', ('Project', 'User'), ('Properties',)),
        ):
            wanted = [*self.TEN, *owners, *self.MORE, *properties, 'Fail Reason']
            with self.subTest(version):
                self.use_cloud(roles=('admin',))
                self.on_list(backup(**OWNED))
                self.assertEqual(self.columns(version), wanted)
            with self.subTest(f'{version} is the newest'):
                self.use_cloud(roles=('admin',), maximum=version)
                self.on_list(backup(**OWNED))
                self.assertEqual(self.columns(), wanted)

    def test_they_show_what_the_cloud_says(self) -> None:
        self.use_cloud(roles=('admin',))
        said: dict[str, Any] = {
            'snapshot_id': SNAPSHOT_ID,
            'has_dependent_backups': True,
            'object_count': 7,
            'metadata': {'a': '1'},
            'fail_reason': 'Full.',
        }
        self.on_list(backup(**OWNED, **said))
        (row,) = json.loads(self.openstack('volume backup list --long -f json').stdout)
        shown = [row[name] for name in ('Project', 'User', *self.MORE, 'Properties', 'Fail Reason')]
        self.assertEqual(
            shown,
            [
                *(OTHER_PROJECT, 'u', SNAPSHOT_ID, '2026-11-01T02:00:00.000000', True, 7),
                *({'a': '1'}, 'Full.'),
            ],
        )

    def test_a_table_has_properties_as_osc_writes_them_and_safe(self) -> None:
        self.on_list(backup(metadata={'b': 'x\x1b', 'a': '1'}))
        stdout = self.openstack('volume backup list --long -c Properties').stdout
        self.assertEqual(stdout.splitlines()[3], r"| a='1', b='x\x1b' |")

    def test_a_table_has_a_reason_made_safe(self) -> None:
        self.on_list(backup(fail_reason='x\x1b[2J'))
        stdout = self.openstack("volume backup list --long -c 'Fail Reason'").stdout
        self.assertEqual(stdout.splitlines()[3], r'| x\x1b[2J    |')


class VolumeNamesTest(ListTest):
    def setUp(self) -> None:
        super().setUp()
        self.on_list(backup(), backup(OTHER_ID, volume_id=OTHER_VOLUME_ID))

    def on_volume(self, id_: str, name: str | None, **fields: str) -> None:
        self.cloud.on(f'GET /volumes/{id_}', {'volume': volume(id_, name=name, **fields)})

    def on_many(self, count: int) -> list[str]:
        """List a backup each of so many volumes, of which the first two are read one by one."""
        ids = [f'22222222-aaaa-4bbb-8ccc-{number:012}' for number in range(1, count + 1)]
        self.use_cloud()
        self.on_list(*(backup(volume_id=id_) for id_ in ids))
        for number, id_ in enumerate(ids[:2], start=1):
            self.on_volume(id_, f'name{number}')
        return ids

    def shown(self) -> list[str]:
        result = self.openstack('volume backup list --long -c Volume')
        self.assertEqual((result.status, result.stderr), (0, ''))
        return [line.strip('| ') for line in result.stdout.splitlines()[3:-1]]

    def test_machines_get_the_id_and_nobody_asks_for_names(self) -> None:
        for format_ in ('json', 'value', 'csv', 'yaml'):
            with self.subTest(format_):
                self.cloud.asked.clear()
                result = self.openstack(f'volume backup list --long -f {format_}')
                self.assertIn(VOLUME_ID, result.stdout)
                self.assert_asked('GET /backups/detail')

    def test_nobody_asks_for_names_that_no_column_shows(self) -> None:
        self.assertEqual(self.openstack('volume backup list --long -c ID -c Name').status, 0)
        self.assert_asked('GET /backups/detail')

    def test_one_or_two_are_read_one_by_one(self) -> None:
        self.on_volume(VOLUME_ID, 'one')
        self.on_volume(OTHER_VOLUME_ID, 'two')
        self.assertEqual(self.shown(), ['one', 'two'])
        self.assert_asked(
            'GET /backups/detail', f'GET /volumes/{VOLUME_ID}', f'GET /volumes/{OTHER_VOLUME_ID}'
        )

    def test_the_same_one_is_read_once(self) -> None:
        self.use_cloud()
        self.on_list(backup(), backup(OTHER_ID))
        self.on_volume(VOLUME_ID, 'one')
        self.assertEqual(self.shown(), ['one', 'one'])
        self.assert_asked('GET /backups/detail', f'GET /volumes/{VOLUME_ID}')

    def test_a_volume_without_a_name_or_that_is_gone_has_its_id(self) -> None:
        self.on_volume(VOLUME_ID, '')
        self.cloud.refuse(f'GET /volumes/{OTHER_VOLUME_ID}', 404, 'Volume could not be found.')
        self.cloud.on(f'GET /volumes/detail?name={OTHER_VOLUME_ID}', {'volumes': []})
        self.assertEqual(self.shown(), [VOLUME_ID, OTHER_VOLUME_ID])

    def test_a_volume_of_another_project_has_its_id(self) -> None:
        tenant = 'os-vol-tenant-attr:tenant_id'
        self.on_volume(VOLUME_ID, 'mine', **{tenant: OWN_PROJECT})
        self.on_volume(OTHER_VOLUME_ID, 'theirs', **{tenant: OTHER_PROJECT})
        self.assertEqual(self.shown(), ['mine', OTHER_VOLUME_ID])

    def test_more_are_read_by_the_page_as_far_as_they_are_needed(self) -> None:
        ids = self.on_many(4)
        page = [{'id': ids[2], 'name': 'name3'}, {'id': ids[3], 'name': 'name4'}]
        self.cloud.on('GET /volumes', {'volumes': page, 'volumes_links': MORE})
        self.assertEqual(self.shown(), ['name1', 'name2', 'name3', 'name4'])
        singly = [f'GET /volumes/{id_}' for id_ in ids[:2]]
        self.assert_asked('GET /backups/detail', *singly, 'GET /volumes')

    def test_names_on_a_later_page_are_found(self) -> None:
        ids = self.on_many(3)
        first = [{'id': ids[0], 'name': 'name1'}]
        self.cloud.on('GET /volumes', {'volumes': first, 'volumes_links': MORE})
        second = [{'id': ids[2], 'name': 'name3'}]
        self.cloud.on(f'GET /volumes?marker={ids[0]}', {'volumes': second})
        self.assertEqual(self.shown(), ['name1', 'name2', 'name3'])

    def test_what_is_on_no_page_has_its_id_and_is_not_asked_for_again(self) -> None:
        ids = self.on_many(4)
        self.cloud.on('GET /volumes', {'volumes': [{'id': ids[0], 'name': 'name1'}]})
        self.assertEqual(self.shown(), ['name1', 'name2', *ids[2:]])
        self.assertEqual(self.cloud.lines.count('GET /volumes'), 1)

    def test_names_that_cannot_be_read_do_not_keep_the_list_from_being_printed(self) -> None:
        ids = self.on_many(3)
        self.cloud._answers.clear()  # noqa: SLF001
        self.on_list(*(backup(volume_id=id_) for id_ in ids))
        for line in (*(f'GET /volumes/{id_}' for id_ in ids), 'GET /volumes'):
            self.cloud.refuse(line, 403, 'Policy forbids it.')
        self.assertEqual(self.shown(), ids)

    def test_rows_are_sorted_by_the_id_of_their_volume_as_osc_sorts_them(self) -> None:
        self.on_volume(VOLUME_ID, 'a')
        self.on_volume(OTHER_VOLUME_ID, 'b')
        stdout = self.openstack(
            'volume backup list --long -c Volume --sort-column Volume --sort-descending'
        ).stdout
        self.assertEqual(stdout.splitlines()[3:5], ['| b      |', '| a      |'])


class PagesTest(ListTest):
    def test_a_next_link_is_followed_by_the_last_id(self) -> None:
        self.on_list(backup(), more=True)
        self.on_list(backup(OTHER_ID), query=f'?marker={ID}')
        self.assert_prints(LIST, f'{ID}\n{OTHER_ID}\n')
        self.assert_asked('GET /backups/detail', f'GET /backups/detail?marker={ID}')

    def test_a_cloud_that_ignores_the_marker_does_not_keep_us_forever(self) -> None:
        self.on_list(backup(), more=True)
        self.on_list(backup(), query=f'?marker={ID}', more=True)
        self.assertEqual(self.openstack(LIST).status, 0)
        self.assert_asked('GET /backups/detail', f'GET /backups/detail?marker={ID}')

    def test_an_empty_page_is_the_last(self) -> None:
        self.on_list(more=True)
        self.assert_prints(LIST, '')
        self.assert_asked('GET /backups/detail')

    @a_limit_is_a_page
    def test_a_limit_is_the_size_of_a_page(self) -> None:
        self.on_list(backup(), query='?limit=1', more=True)
        self.on_list(backup(OTHER_ID), query=f'?limit=1&marker={ID}')
        self.assert_prints(f'{LIST} --limit 1', f'{ID}\n{OTHER_ID}\n')

    @a_limit_is_a_total
    def test_a_limit_is_a_total(self) -> None:
        for options in ('--limit 1', '--limit 1 --max-items 2', '--limit 2 --max-items 1'):
            with self.subTest(options):
                self.use_cloud()
                self.on_list(backup(), query='?limit=1', more=True)
                self.assert_prints(f'{LIST} {options}', f'{ID}\n')
                self.assert_asked('GET /backups/detail?limit=1')

    def test_max_items_below_a_page_asks_for_no_more(self) -> None:
        self.on_list(backup(), query='?limit=1', more=True)
        self.assert_prints(f'{LIST} --max-items 1', f'{ID}\n')
        self.assert_asked('GET /backups/detail?limit=1')

    def test_max_items_wins_over_a_larger_limit(self) -> None:
        self.assert_lists('--max-items 1 --limit 5', '?limit=1')

    @a_limit_is_a_page
    def test_max_items_above_a_page_cuts_the_last_one(self) -> None:
        third = '11111111-aaaa-4bbb-8ccc-000000000003'
        self.on_list(backup(), backup(OTHER_ID), query='?limit=2', more=True)
        rows = [backup(third), backup('11111111-aaaa-4bbb-8ccc-000000000004')]
        self.on_list(*rows, query=f'?limit=2&marker={OTHER_ID}', more=True)
        self.assert_prints(f'{LIST} --limit 2 --max-items 3', f'{ID}\n{OTHER_ID}\n{third}\n')
        self.assertEqual(len(self.cloud.asked), 2)

    def test_max_items_is_heeded_where_the_cloud_gives_more(self) -> None:
        self.on_list(backup(), backup(OTHER_ID), query='?limit=1')
        self.assert_prints(f'{LIST} --max-items 1', f'{ID}\n')

    def test_none_wanted_none_asked_for(self) -> None:
        for options in ('--max-items 0', '--limit 0', '--limit 0 --max-items 5'):
            with self.subTest(options):
                self.assert_prints(f'{LIST} {options}', '')
                self.assert_asked()

    def test_a_negative_number_is_a_usage_error(self) -> None:
        for option in ('--limit', '--max-items'):
            with self.subTest(option):
                self.assert_misused(
                    f'{LIST} {option} -1',
                    f'argument {option}: {option} expected a non-negative integer',
                )

    def test_a_marker_by_id_costs_no_look(self) -> None:
        self.assert_lists(f'--marker {OTHER_ID}', f'?marker={OTHER_ID}')
        self.assert_asked(f'GET /backups/detail?marker={OTHER_ID}')

    def test_a_marker_by_name_is_looked_up(self) -> None:
        self.on_list(backup(OTHER_ID, name='web'), query='?name=web')
        self.assert_lists('--marker web', f'?marker={OTHER_ID}')

    def test_a_failure_on_a_later_page_is_told(self) -> None:
        self.on_list(backup(), more=True)
        self.cloud.refuse(f'GET /backups/detail?marker={ID}', 503, 'Busy.')
        self.assert_fails(
            'volume backup list -f json',
            'Cannot list backups: the service is not available (the server said: Busy). '
            'Try again later.',
        )


class FiltersTest(ListTest):
    def test_filters_are_the_clouds_business(self) -> None:
        self.assert_lists('--name web', '?name=web')
        self.assert_lists('--status error', '?status=error')
        self.assert_lists('--name web --status error', '?name=web&status=error')

    def test_every_status_that_a_backup_can_have_is_accepted(self) -> None:
        for status in (
            'creating',
            'available',
            'deleting',
            'error',
            'restoring',
            'error_deleting',
            'error_restoring',
        ):
            with self.subTest(status):
                self.assert_lists(f'--status {status}', f'?status={status}')

    def test_an_id_of_a_volume_is_taken_at_its_word_under_every_name_of_the_option(self) -> None:
        for option in ('--volume', '--volume-id', '--vol', '--volu', '--volum'):
            with self.subTest(option):
                self.cloud.asked.clear()
                self.assert_lists(f'{option} {VOLUME_ID}', f'?volume_id={VOLUME_ID}')
                self.assert_asked(f'GET /backups/detail?volume_id={VOLUME_ID}')

    def test_a_name_of_a_volume_costs_one_request(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.assert_lists('--volume data', f'?volume_id={VOLUME_ID}')
        self.assert_asked(
            'GET /volumes/detail?name=data', f'GET /backups/detail?volume_id={VOLUME_ID}'
        )

    def test_an_unknown_volume_is_no_empty_list(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': []})
        self.assert_fails(
            f'{LIST} --volume data',
            "No volume has the name or ID 'data'. To list the backups of a deleted volume give "
            'its ID.',
        )

    def test_an_ambiguous_volume_is_refused(self) -> None:
        rows = [volume(), volume(OTHER_VOLUME_ID)]
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': rows})
        result = self.openstack(f'{LIST} --volume data')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn(VOLUME_ID, result.stderr)
        self.assertIn(OTHER_VOLUME_ID, result.stderr)
        self.assert_asked('GET /volumes/detail?name=data')


class LocalFiltersTest(ListTest):
    """What Cinder does not filter is filtered here."""

    def test_full_and_incremental_ones(self) -> None:
        self.on_list(backup(), backup(OTHER_ID, is_incremental=True))
        self.assert_leaves('--full', ID)
        self.assert_leaves('--incremental', OTHER_ID)

    def test_not_both(self) -> None:
        self.assert_misused(
            f'{LIST} --full --incremental',
            'argument --incremental: not allowed with argument --full',
        )

    def test_properties_by_key_and_by_value(self) -> None:
        self.on_list(
            backup(metadata={'a': '1', 'b': '2'}),
            backup(OTHER_ID, metadata={'a': '2', 'c': ''}),
            backup(THIRD, metadata={}),
        )
        self.assert_leaves('--property a', ID, OTHER_ID)
        self.assert_leaves('--property a=1', ID)
        self.assert_leaves('--property a --property c', OTHER_ID)
        self.assert_leaves('--property c=', OTHER_ID)
        self.assert_leaves('--property a=1 --property c')

    def test_a_value_may_have_an_equals_sign(self) -> None:
        self.on_list(backup(metadata={'a': 'b=c'}), backup(OTHER_ID, metadata={'a': 'b'}))
        self.assert_leaves('--property a=b=c', ID)

    def test_a_property_without_a_key_is_a_usage_error(self) -> None:
        for text in ('', '=1'):
            with self.subTest(text):
                self.assert_misused(
                    [*LIST.split(), '--property', text],
                    f"argument --property: '{text}' has no key: write key or key=value",
                )

    def test_a_property_needs_a_version_that_shows_it(self) -> None:
        self.assert_fails(
            f'--os-volume-api-version 3.42 {LIST} --property a',
            '--property requires Block Storage 3.43, but 3.42 was asked for: '
            'use --os-volume-api-version 3.43, or leave the version out to use the newest.',
        )
        self.assert_asked('GET ')

    def test_a_property_needs_a_cloud_that_shows_it(self) -> None:
        self.use_cloud(maximum='3.42')
        self.on_list(backup())
        self.assert_fails(
            f'{LIST} --property a',
            '--property requires Block Storage 3.43, but this cloud is too old: '
            'it offers 3.0 to 3.42.',
        )
        self.assert_asked('GET /backups/detail')

    def test_since_has_the_moment_and_before_has_not(self) -> None:
        self.on_list(
            backup(THIRD, created_at='2026-11-03T00:00:00.000000'),
            backup(OTHER_ID, created_at='2026-11-02T00:00:00.000000'),
            backup(ID, created_at='2026-11-01T00:00:00.000000'),
        )
        self.assert_leaves('--since 2026-11-02', THIRD, OTHER_ID)
        self.assert_leaves('--before 2026-11-02', ID)
        self.assert_leaves('--since 2026-11-02 --before 2026-11-03T00:00', OTHER_ID)
        self.assert_leaves('--since 2026-11-02T00:00:01', THIRD)
        self.assert_leaves('--since 2026-11-02T01:00:00+01:00', THIRD, OTHER_ID)
        self.assert_leaves('--before 2026-11-01T23:59:59Z', ID)

    def test_an_age_is_counted_from_now(self) -> None:
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        ages = {ID: 1, OTHER_ID: 10}
        made = {id_: now - timedelta(days=age) for id_, age in ages.items()}
        self.on_list(*(backup(id_, created_at=time.isoformat()) for id_, time in made.items()))
        self.assert_leaves('--since 7d', ID)
        self.assert_leaves('--before 1w', OTHER_ID)

    def test_what_is_no_time_is_a_usage_error(self) -> None:
        for option in ('--since', '--before'):
            for text in ('yesterday', '', '7', '2026-13-01', '99999999999d'):
                with self.subTest(option=option, text=text):
                    self.cloud.asked.clear()
                    result = self.openstack([*LIST.split(), option, text])
                    self.assertEqual((result.status, result.stdout), (2, ''))
                    self.assertIn(f'argument {option}: ', result.stderr)
                    self.assert_asked()

    def test_since_reads_no_page_behind_the_first_that_is_too_old(self) -> None:
        old = backup(OTHER_ID, created_at='2026-10-01T00:00:00.000000')
        self.on_list(backup(), old, more=True)
        self.assert_leaves('--since 2026-11-01', ID)

    def test_since_reads_every_page_of_a_list_in_another_order(self) -> None:
        old = backup(OTHER_ID, created_at='2026-10-01T00:00:00.000000')
        self.on_list(old, query='?sort=created_at:asc', more=True)
        self.on_list(backup(), query=f'?sort=created_at:asc&marker={OTHER_ID}')
        self.assert_prints(f'{LIST} --since 2026-11-01 --sort created_at:asc', f'{ID}\n')
        self.assertEqual(len(self.cloud.asked), 2)

    def test_max_items_reads_on_until_there_are_as_many(self) -> None:
        self.on_list(backup(), more=True)
        self.on_list(backup(OTHER_ID, is_incremental=True), query=f'?marker={ID}', more=True)
        self.assert_prints(f'{LIST} --incremental --max-items 1', f'{OTHER_ID}\n')
        self.assert_asked('GET /backups/detail', f'GET /backups/detail?marker={ID}')

    @a_limit_is_a_page
    def test_a_limit_is_still_the_size_of_a_page(self) -> None:
        self.on_list(backup(), query='?limit=1', more=True)
        self.on_list(backup(OTHER_ID, is_incremental=True), query=f'?limit=1&marker={ID}')
        self.assert_prints(f'{LIST} --incremental --limit 1 --max-items 5', f'{OTHER_ID}\n')

    def test_none_wanted_none_asked_for(self) -> None:
        self.assert_prints(f'{LIST} --full --max-items 0', '')
        self.assert_prints(f'{LIST} --sort description --max-items 0', '')
        self.assert_asked()

    def test_they_go_with_the_filters_of_the_cloud(self) -> None:
        rows = (backup(), backup(OTHER_ID, is_incremental=True))
        query = f'?name=web&status=error&volume_id={VOLUME_ID}'
        self.on_list(*rows, query=query)
        self.assert_leaves(
            f'--full --name web --status error --volume {VOLUME_ID}', ID, asked=query
        )

    def test_a_name_is_looked_for_as_cinder_stores_it(self) -> None:
        self.on_list(backup(), query='?name=web')
        self.assert_leaves("--name ' web '", ID, asked='?name=web')


class SnapshotTest(ListTest):
    """Cinder cannot filter by snapshot: its volume's backups are asked for."""

    ROWS = (
        backup(),
        backup(OTHER_ID, snapshot_id=SNAPSHOT_ID),
        backup(THIRD, snapshot_id='33333333-aaaa-4bbb-8ccc-000000000002'),
    )
    GET = f'GET /snapshots/{SNAPSHOT_ID}'
    OF_VOLUME = f'?volume_id={VOLUME_ID}'

    def test_one_by_id(self) -> None:
        self.cloud.on(self.GET, {'snapshot': snapshot(volume_id=VOLUME_ID)})
        self.on_list(*self.ROWS, query=self.OF_VOLUME)
        self.assert_prints(f'{LIST} --snapshot {SNAPSHOT_ID}', f'{OTHER_ID}\n')
        self.assert_asked(self.GET, f'GET /backups/detail{self.OF_VOLUME}')

    def test_one_by_name(self) -> None:
        look = 'GET /snapshots/detail?name=frozen'
        self.cloud.on(look, {'snapshots': [snapshot(volume_id=VOLUME_ID)]})
        self.on_list(*self.ROWS, query=self.OF_VOLUME)
        self.assert_prints(f'{LIST} --snapshot frozen', f'{OTHER_ID}\n')
        self.assert_asked(look, f'GET /backups/detail{self.OF_VOLUME}')

    def test_one_that_is_deleted_is_looked_for_among_all(self) -> None:
        self.cloud.refuse(self.GET, 404, 'Snapshot could not be found.')
        self.cloud.on(f'GET /snapshots/detail?name={SNAPSHOT_ID}', {'snapshots': []})
        self.on_list(*self.ROWS)
        self.assert_prints(f'{LIST} --snapshot {SNAPSHOT_ID}', f'{OTHER_ID}\n')
        self.assertEqual(self.cloud.lines[-1], 'GET /backups/detail')

    def test_an_unknown_name_is_no_empty_list(self) -> None:
        self.cloud.on('GET /snapshots/detail?name=nosuch', {'snapshots': []})
        self.assert_fails(f'{LIST} --snapshot nosuch', "No snapshot has the name or ID 'nosuch'.")

    def test_a_volume_that_is_given_counts(self) -> None:
        self.cloud.on(self.GET, {'snapshot': snapshot(volume_id=VOLUME_ID)})
        self.on_list(query=f'?volume_id={OTHER_VOLUME_ID}')
        self.assert_prints(f'{LIST} --snapshot {SNAPSHOT_ID} --volume {OTHER_VOLUME_ID}', '')


class SortTest(ListTest):
    def on_texts(self) -> None:
        """Have three, the newest first, that only a description tells apart."""
        self.on_list(
            backup(ID, description='b', size=3),
            backup(OTHER_ID, description=None, size=2),
            backup(THIRD, description='a', size=1),
        )

    def test_what_the_cloud_can_sort_it_sorts(self) -> None:
        for option, sent in (
            ('created_at', 'created_at:desc'),
            ('created_at:asc', 'created_at:asc'),
            ('size:desc,id:asc', 'size:desc,id:asc'),
            ('name:asc', 'display_name:asc'),
            ('volume_id,name', 'volume_id:desc,display_name:desc'),
        ):
            with self.subTest(option):
                self.assert_lists(f'--sort {option}', f'?sort={sent}')

    def test_it_may_cut_and_go_on_as_well(self) -> None:
        self.assert_lists(
            f'--sort size --max-items 1 --marker {OTHER_ID}',
            f'?sort=size:desc&marker={OTHER_ID}&limit=1',
        )

    def test_what_it_cannot_sort_is_sorted_here_what_has_none_last(self) -> None:
        self.on_texts()
        self.assert_leaves('--sort description:asc', THIRD, ID, OTHER_ID)
        self.assert_leaves('--sort description', ID, THIRD, OTHER_ID)

    def test_equal_ones_stay_in_the_order_of_the_next_key_and_of_the_cloud(self) -> None:
        self.on_list(
            backup(ID, size=1),
            backup(OTHER_ID, is_incremental=True, size=5),
            backup(THIRD, size=2),
        )
        self.assert_leaves('--sort is_incremental:asc', ID, THIRD, OTHER_ID)
        self.assert_leaves('--sort is_incremental:asc,size', THIRD, ID, OTHER_ID)
        self.assert_leaves('--sort is_incremental', OTHER_ID, ID, THIRD)

    def test_every_page_is_read_before_it_is_sorted_and_cut(self) -> None:
        self.on_list(backup(ID, description='b'), more=True)
        self.on_list(backup(OTHER_ID, description='a'), query=f'?marker={ID}')
        self.assert_prints(f'{LIST} --sort description:asc --max-items 1', f'{OTHER_ID}\n')
        self.assertEqual(len(self.cloud.asked), 2)

    def test_a_marker_is_a_place_in_the_order_that_is_made_here(self) -> None:
        self.on_texts()
        self.assert_leaves(f'--sort description:asc --marker {THIRD}', ID, OTHER_ID)
        self.assert_leaves(f'--sort description:asc --marker {THIRD} --max-items 1', ID)
        self.assert_leaves(f'--sort description:asc --marker {OTHER_ID}')

    def test_an_unknown_key_or_direction_is_a_usage_error(self) -> None:
        for text, complaint in (
            ('colour', "cannot sort by 'colour', only by "),
            ('', "cannot sort by '', only by "),
            ('size,', "cannot sort by '', only by "),
            ('size:up', "'up' is no direction: write asc or desc"),
        ):
            with self.subTest(text):
                result = self.openstack([*LIST.split(), '--sort', text])
                self.assertEqual((result.status, result.stdout), (2, ''))
                self.assertIn(f'argument --sort: {complaint}', result.stderr)
                self.assert_asked()

    def test_every_key_that_the_help_names_is_taken(self) -> None:
        stdout = ' '.join(self.openstack('help volume backup list').stdout.split())
        keys = stdout.partition('Keys: ')[2].partition(' --')[0].split(', ')
        self.assertGreater(len(keys), 10)
        self.on_list()
        for key in keys:
            sent = 'display_name' if key == 'name' else key
            self.on_list(query=f'?sort={sent}:desc')
            with self.subTest(key):
                self.assert_prints(f'{LIST} --sort {key}', '')


class MemberTest(ListTest):
    """A list beyond the own project, for somebody whom Cinder shows none."""

    def test_all_projects_warns(self) -> None:
        for options in ('--all-projects', '--all'):
            with self.subTest(options):
                self.on_list(backup(), query='?all_tenants=1')
                self.assert_prints(f'{LIST} {options}', f'{ID}\n', NOT_ALL)

    def test_all_projects_warns_of_an_empty_list(self) -> None:
        self.on_list(query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', '', NOT_ALL)

    def test_pro_is_what_osc_takes_for_project(self) -> None:
        self.assert_lists('--pro own', '')

    def test_the_own_project_needs_no_question(self) -> None:
        for project in ('own', OWN_PROJECT):
            with self.subTest(project):
                self.cloud.identity.clear()
                self.assert_lists(f'--project {project}', '')
                self.assertEqual(self.cloud.identity, ['GET ', 'POST /auth/tokens'])

    def test_another_project_is_refused(self) -> None:
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        self.on_list(backup(), query=query)
        self.assert_fails(f'{LIST} --project {OTHER_PROJECT}', NOT_OTHERS)

    def test_another_project_is_refused_where_the_cloud_checks_filters(self) -> None:
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        said = 'Invalid filters project_id are found in query options.'
        self.cloud.refuse(f'GET /backups/detail{query}', 400, said)
        self.assert_fails(f'{LIST} --project {OTHER_PROJECT}', NOT_OTHERS)

    def test_another_project_is_refused_where_the_version_cannot_show_whose_it_is(self) -> None:
        self.assert_fails(
            f'--os-volume-api-version 3.17 {LIST} --project {OTHER_PROJECT}', NOT_OTHERS
        )
        self.assert_asked('GET ')

    def test_a_volume_is_looked_up_in_the_own_project(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.on_list(query=f'?all_tenants=1&volume_id={VOLUME_ID}')
        self.assert_prints(f'{LIST} --all-projects --volume data', '', NOT_ALL)


class AdminTest(ListTest):
    def setUp(self) -> None:
        self.use_cloud(roles=('admin', 'member'))

    def test_all_projects_does_not_warn(self) -> None:
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', f'{ID}\n')

    def test_all_projects_does_not_warn_of_an_empty_list(self) -> None:
        self.on_list(query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', '')

    def test_all_projects_does_not_warn_where_the_version_cannot_show_whose_they_are(self) -> None:
        self.on_list(backup(), query='?all_tenants=1')
        self.assert_prints(f'--os-volume-api-version 3.17 {LIST} --all-projects', f'{ID}\n')

    def test_a_role_of_another_name_that_sees_them_does_not_warn(self) -> None:
        self.use_cloud(roles=('operator',))
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', f'{ID}\n')

    def test_an_id_of_a_project_needs_no_question(self) -> None:
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query=query)
        self.assert_prints(f'{LIST} --project {OTHER_PROJECT}', f'{ID}\n')
        self.assertEqual(self.cloud.identity, ['GET ', 'POST /auth/tokens'])

    def test_a_name_of_a_project_is_asked_of_keystone(self) -> None:
        self.cloud.projects = [{'id': OTHER_PROJECT, 'name': 'other'}]
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query=query)
        self.assert_prints(f'{LIST} --project other', f'{ID}\n')
        self.assertEqual(self.cloud.identity[-1], 'GET /projects?name=other')

    def test_an_unknown_project_is_refused(self) -> None:
        self.assert_fails(f'{LIST} --project other', "No project is called 'other'.")
        self.assert_asked()

    def test_an_ambiguous_project_is_refused(self) -> None:
        ids = (OTHER_PROJECT, OWN_PROJECT)
        self.cloud.projects = [{'id': id_, 'name': 'other'} for id_ in ids]
        self.assert_fails(
            f'{LIST} --project other',
            f"2 projects are called 'other': give an ID ({OTHER_PROJECT}, {OWN_PROJECT}).",
        )
        self.assert_asked()

    def test_a_volume_is_looked_up_where_the_list_looks(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data&all_tenants=1', {'volumes': [volume()]})
        query = f'?all_tenants=1&volume_id={VOLUME_ID}'
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query=query)
        self.assert_prints(f'{LIST} --all-projects --volume data', f'{ID}\n')


class ControlCharactersTest(ListTest):
    """Names come from other people."""

    raw = 'e\x1b[31mvil\u202e'

    def setUp(self) -> None:
        super().setUp()
        self.on_list(backup(name=self.raw))

    def test_a_table_escapes_them(self) -> None:
        stdout = self.openstack('volume backup list -c Name').stdout
        self.assertEqual(stdout.splitlines()[3], r'| e\x1b[31mvil\u202e |')

    def test_a_table_escapes_them_in_a_volumes_name(self) -> None:
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume(name=self.raw)})
        stdout = self.openstack('volume backup list --long -c Volume').stdout
        self.assertEqual(stdout.splitlines()[3], r'| e\x1b[31mvil\u202e |')

    def test_json_and_csv_and_value_have_them_as_they_came(self) -> None:
        rows = json.loads(self.openstack('volume backup list -f json').stdout)
        self.assertEqual(rows[0]['Name'], self.raw)
        lines = self.openstack('volume backup list -f csv -c Name').stdout.splitlines()
        self.assertEqual(list(csv.reader(lines)), [['Name'], [self.raw]])
        self.assert_prints('volume backup list -f value -c Name', f'{self.raw}\n')

    def test_rows_can_be_sorted_with_and_without_them(self) -> None:
        self.use_cloud()
        self.on_list(backup(name=self.raw), backup(name=None), backup(name='a'))
        stdout = self.openstack('volume backup list --sort-column Name -c Name').stdout
        names = [line.strip('| ') for line in stdout.splitlines()[3:6]]
        self.assertEqual(names, ['a', r'e\x1b[31mvil\u202e', 'None'])

    def test_letters_of_any_language_are_left_alone(self) -> None:
        self.use_cloud()
        self.on_list(backup(name='Sicherung für 東京'))
        self.assertIn('Sicherung für 東京', self.openstack('volume backup list -c Name').stdout)
