# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

from tests.unit.rows import OTHER_VOLUME_ID, SNAPSHOT_ID, VOLUME_ID, backup, volume
from tests.unit.shell import CommandTest
from tests.unit.stub import OTHER_PROJECT, OWN_PROJECT

TREE = 'volume backup tree'
LIST = 'GET /backups/detail'
PROJECT = 'os-backup-project-attr:project_id'
OWN: dict[str, Any] = {PROJECT: OWN_PROJECT}
HEADING = f'Volume data ({VOLUME_ID})'


def id_of(number: int) -> str:
    return f'11111111-aaaa-4bbb-8ccc-{number:012}'


def made(number: int, *, full: bool = False, **changes: Any) -> dict[str, Any]:
    """Give the backup of a day of that number, which nothing has touched since."""
    time = f'2026-11-{number:02}T02:00:00.000000'
    times = {'created_at': time, 'updated_at': time, 'data_timestamp': time}
    said = {'name': f'b{number}', 'is_incremental': not full, **times, **changes}
    return backup(id_of(number), **said)


def line(number: int, kind: str = 'incremental') -> str:
    """Give what is told of a backup without anything special."""
    return f'{kind} 2026-11-{number:02} 02:00 1 GiB b{number}'


def touched(number: int) -> dict[str, Any]:
    """Give the time when a child of that day was finished, which Cinder counts in its parent."""
    return {'updated_at': f'2026-11-{number:02}T02:09:00.000000'}


class TreeTest(CommandTest):
    def on_rows(self, *rows: dict[str, Any], query: str = '') -> None:
        """List these, the newest first as Cinder does, and know the name of their volume."""
        self.cloud.on(f'{LIST}{query}', {'backups': list(reversed(rows))})
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})

    def assert_draws(self, *lines: str, options: str = '') -> None:
        self.assert_prints(f'{TREE} {options}', ''.join(f'{line}\n' for line in lines))

    def links(self, options: str = '') -> dict[str, tuple[str | None, bool]]:
        """Give the parent of each backup, and whether that is certain, as machines get them."""
        result = self.openstack(f'{TREE} -f json {options}')
        self.assertEqual((result.status, result.stderr), (0, ''))
        return {row['ID']: (row['Parent'], row['Certain']) for row in json.loads(result.stdout)}


class DrawingTest(TreeTest):
    def test_a_straight_chain_goes_straight_down(self) -> None:
        self.on_rows(
            made(1, full=True, **touched(2)),
            made(2, **touched(3)),
            made(3, **touched(4)),
            made(4),
        )
        self.assert_draws(
            f'{HEADING}: 4 backups',
            f'┌ {line(1, "full")}',
            f'├ {line(2)}',
            f'├ {line(3)}',
            f'└ {line(4)}',
            '',
        )
        self.assert_asked(LIST, f'GET /volumes/{VOLUME_ID}')

    def test_each_full_one_begins_a_chain(self) -> None:
        self.on_rows(
            made(1, full=True, **touched(2)), made(2), made(3, full=True, **touched(4)), made(4)
        )
        self.assert_draws(
            f'{HEADING}: 4 backups',
            f'┌ {line(1, "full")}',
            f'└ {line(2)}',
            f'┌ {line(3, "full")}',
            f'└ {line(4)}',
            '',
        )

    def test_a_branch_is_indented_and_the_last_one_is_not(self) -> None:
        # The third is of a snapshot that is older than the second; the fourth builds on the second.
        of_snapshot: dict[str, Any] = {
            'snapshot_id': SNAPSHOT_ID,
            'data_timestamp': '2026-11-01T12:00:00.000000',
        }
        self.on_rows(
            made(1, full=True, **touched(3)), made(2, **touched(4)), made(3, **of_snapshot), made(4)
        )
        self.assert_draws(
            f'{HEADING}: 4 backups',
            f'┌ {line(1, "full")}',
            f'├─┬ {line(2)}',
            f'│ └ {line(4)}',
            # It builds on the second if the first was not available at that moment.
            f'└ {line(3)} (?)',
            '',
        )

    def test_one_whose_parent_is_not_here_says_so(self) -> None:
        self.on_rows(made(2))
        self.assert_draws(f'{HEADING}: 1 backup', f'  {line(2)} (parent missing)', '')

    def test_one_whose_parent_is_in_doubt_has_a_question_mark(self) -> None:
        self.on_rows(made(1, full=True, **touched(3)), made(2, **touched(3)), made(3))
        self.assert_draws(
            f'{HEADING}: 3 backups',
            f'┌ {line(1, "full")}',
            f'├ {line(2)}',
            f'└ {line(3)} (?)',
            '',
        )

    def test_a_status_is_shown_where_it_is_not_available(self) -> None:
        self.on_rows(made(1, full=True, status='error'))
        self.assert_draws(f'{HEADING}: 1 backup', f'  {line(1, "full")} [error]', '')

    def test_one_without_a_name_has_its_id(self) -> None:
        self.on_rows(made(1, full=True, name=None))
        self.assert_draws(
            f'{HEADING}: 1 backup', f'  {line(1, "full")}'.replace('b1', id_of(1)), ''
        )

    def test_names_are_made_safe(self) -> None:
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume(name='v\x1b')})
        self.on_rows(made(1, full=True, name='n\x1b'))
        self.assert_draws(
            rf'Volume v\x1b ({VOLUME_ID}): 1 backup',
            f'  {line(1, "full")}'.replace('b1', r'n\x1b'),
            '',
        )

    def test_each_volume_has_a_heading_and_a_deleted_one_its_id(self) -> None:
        gone = f'GET /volumes/{OTHER_VOLUME_ID}'
        self.cloud.refuse(gone, 404, 'Volume could not be found.')
        self.cloud.on(f'GET /volumes/detail?name={OTHER_VOLUME_ID}', {'volumes': []})
        self.on_rows(made(1, full=True), made(2, full=True, volume_id=OTHER_VOLUME_ID), made(3))
        self.assert_draws(
            f'{HEADING}: 2 backups',
            f'┌ {line(1, "full")}',
            f'└ {line(3)}',
            '',
            f'Volume {OTHER_VOLUME_ID}: 1 backup',
            f'  {line(2, "full")}',
            '',
        )

    def test_nothing_is_drawn_of_nothing(self) -> None:
        self.on_rows()
        self.assert_draws()
        self.assert_asked(LIST)

    def test_no_chain_is_too_long(self) -> None:
        times = [f'2026-11-01T{n // 60:02}:{n % 60:02}:00.000000' for n in range(1200)]
        rows = [
            backup(
                id_of(number),
                is_incremental=number > 0,
                **dict.fromkeys(('created_at', 'updated_at', 'data_timestamp'), time),
            )
            for number, time in enumerate(times)
        ]
        self.on_rows(*rows)
        lines = self.openstack(TREE).stdout.splitlines()
        self.assertEqual(len(lines), len(rows) + 2)
        self.assertEqual({each[:2] for each in lines[2:-2]}, {'├ '})

    def test_a_table_of_columns_can_be_had(self) -> None:
        self.on_rows(made(1, full=True), made(2))
        lines = self.openstack(f'{TREE} -c Name -c Certain').stdout.splitlines()
        self.assertEqual(
            lines[1:2] + lines[3:5],
            [
                '| Name | Certain |',
                '| b1   | True    |',
                '| b2   | True    |',
            ],
        )
        self.assert_asked(LIST)


class MachineTest(TreeTest):
    def test_json_has_a_row_for_each_backup(self) -> None:
        self.on_rows(made(1, full=True), made(2))
        shared = {'Volume': VOLUME_ID, 'Status': 'available', 'Size': 1}
        self.assertEqual(
            json.loads(self.openstack(f'{TREE} -f json').stdout),
            [
                {
                    'ID': id_of(1),
                    'Name': 'b1',
                    **shared,
                    'Incremental': False,
                    'Created At': '2026-11-01T02:00:00.000000',
                    'Parent': None,
                    'Certain': True,
                },
                {
                    'ID': id_of(2),
                    'Name': 'b2',
                    **shared,
                    'Incremental': True,
                    'Created At': '2026-11-02T02:00:00.000000',
                    'Parent': id_of(1),
                    'Certain': True,
                },
            ],
        )
        self.assert_asked(LIST)

    def test_doubt_and_a_missing_parent_are_told(self) -> None:
        elsewhere = made(4, volume_id=OTHER_VOLUME_ID)
        self.on_rows(made(1, full=True, **touched(3)), made(2, **touched(3)), made(3), elsewhere)
        links = self.links()
        self.assertEqual(links[id_of(3)], (id_of(2), False))
        self.assertEqual(links[id_of(4)], (None, False))

    def test_chains_of_another_volume_have_nothing_to_do_with_each_other(self) -> None:
        self.on_rows(made(1, full=True), made(2, full=True, volume_id=OTHER_VOLUME_ID), made(3))
        self.assertEqual(self.links()[id_of(3)], (id_of(1), True))


class VolumeTest(TreeTest):
    def test_a_volume_is_asked_for_alone(self) -> None:
        self.on_rows(made(1, full=True), query=f'?volume_id={VOLUME_ID}')
        self.assertEqual(set(self.links(f'--volume {VOLUME_ID}')), {id_of(1)})
        self.assert_asked(f'{LIST}?volume_id={VOLUME_ID}')

    def test_several_are_asked_for_one_after_another_by_name_too(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.on_rows(made(1, full=True), query=f'?volume_id={VOLUME_ID}')
        other = made(2, full=True, volume_id=OTHER_VOLUME_ID)
        self.on_rows(other, query=f'?volume_id={OTHER_VOLUME_ID}')
        links = self.links(f'--volume data --volume {OTHER_VOLUME_ID}')
        self.assertEqual(list(links), [id_of(1), id_of(2)])

    def test_an_unknown_one_is_no_empty_tree(self) -> None:
        self.cloud.on('GET /volumes/detail?name=nosuch', {'volumes': []})
        result = self.openstack(f'{TREE} --volume nosuch')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn("No volume has the name or ID 'nosuch'.", result.stderr)


class AdminTest(TreeTest):
    def setUp(self) -> None:
        self.use_cloud(roles=('admin',))

    def on_children(self, number: int, *children: dict[str, Any]) -> None:
        query = f'?parent_id={id_of(number)}&all_tenants=1'
        self.cloud.on(f'{LIST}{query}', {'backups': list(children)})

    def test_exact_shows_the_parents_that_cinder_has(self) -> None:
        full = made(1, full=True, **touched(3), **OWN)
        second, third = made(2, **touched(3), **OWN), made(3, **OWN)
        self.on_rows(full, second, third)
        self.assertEqual(self.links()[id_of(3)], (id_of(2), False))
        self.cloud.asked.clear()
        self.on_children(1, second, third)
        self.on_children(2)
        self.on_children(3)
        self.assertEqual(
            self.links('--exact'),
            {
                id_of(1): (None, True),
                id_of(2): (id_of(1), True),
                id_of(3): (id_of(1), True),
            },
        )
        self.assertEqual(self.cloud.lines[0], LIST)
        self.assertEqual(
            sorted(self.cloud.lines[1:]),
            [f'{LIST}?parent_id={id_of(number)}&all_tenants=1' for number in (1, 2, 3)],
        )

    def test_exact_asks_nothing_where_nothing_is_incremental(self) -> None:
        self.on_rows(made(1, full=True, **OWN))
        self.assertEqual(self.links('--exact'), {id_of(1): (None, True)})
        self.assert_asked(LIST)

    def test_a_volume_in_two_projects_has_two_chains(self) -> None:
        other: dict[str, Any] = {PROJECT: OTHER_PROJECT}
        rows = (
            made(1, full=True, **OWN),
            made(2, full=True, **other),
            made(3, **OWN),
            made(4, **other),
        )
        self.on_rows(*rows, query='?all_tenants=1')
        links = self.links('--all-projects')
        self.assertEqual(links[id_of(3)], (id_of(1), True))
        self.assertEqual(links[id_of(4)], (id_of(2), True))


class MemberTest(TreeTest):
    def test_exact_is_refused_and_nothing_asked_for(self) -> None:
        self.assert_fails(
            f'{TREE} --exact',
            'Only an administrator can use --exact. Without it, the parents are inferred.',
        )
        self.assert_asked()

    def test_another_project_is_refused(self) -> None:
        self.on_rows(query=f'?all_tenants=1&project_id={OTHER_PROJECT}')
        self.assert_fails(
            f'{TREE} --project {OTHER_PROJECT}',
            "Only an administrator can list another project's backups.",
        )
