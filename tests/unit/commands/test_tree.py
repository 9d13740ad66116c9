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
    """Return the backup of a day, not changed since then."""
    time = f'2026-11-{number:02}T02:00:00.000000'
    times = {'created_at': time, 'updated_at': time, 'data_timestamp': time}
    said = {'name': f'b{number}', 'is_incremental': not full, **times, **changes}
    return backup(id_of(number), **said)


def line(number: int, kind: str = 'incremental') -> str:
    """Return the line of a backup without marks."""
    return f'{kind} 2026-11-{number:02} 02:00 1 GiB b{number}'


def touched(number: int) -> dict[str, Any]:
    """Return the time when a child of that day finished, which updates its parent."""
    return {'updated_at': f'2026-11-{number:02}T02:09:00.000000'}


class TreeTest(CommandTest):
    def on_rows(self, *rows: dict[str, Any], query: str = '') -> None:
        """Prepare a list of these backups, newest first, and the name of their volume."""
        self.cloud.on(f'{LIST}{query}', {'backups': list(reversed(rows))})
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})

    def assert_draws(self, *lines: str, options: str = '') -> None:
        self.assert_prints(f'{TREE} {options}', ''.join(f'{line}\n' for line in lines))

    def links(self, options: str = '') -> dict[str, tuple[str | None, bool]]:
        """Return the parent of each backup, and whether that is certain, from the JSON output."""
        result = self.openstack(f'{TREE} -f json {options}')
        self.assertEqual((result.status, result.stderr), (0, ''))
        return {row['ID']: (row['Parent'], row['Certain']) for row in json.loads(result.stdout)}


class DrawingTest(TreeTest):
    def test_straight_chain_is_not_indented(self) -> None:
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

    def test_each_full_backup_begins_a_chain(self) -> None:
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

    def test_branch_is_indented_and_last_child_is_not(self) -> None:
        # The third backup is of a snapshot older than the second; the fourth builds on the second.
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
            # It builds on the second backup if the first was not available at that time.
            f'└ {line(3)} (?)',
            '',
        )

    def test_missing_parent_is_marked(self) -> None:
        self.on_rows(made(2))
        self.assert_draws(f'{HEADING}: 1 backup', f'  {line(2)} (parent missing)', '')

    def test_uncertain_parent_has_a_question_mark(self) -> None:
        self.on_rows(made(1, full=True, **touched(3)), made(2, **touched(3)), made(3))
        self.assert_draws(
            f'{HEADING}: 3 backups',
            f'┌ {line(1, "full")}',
            f'├ {line(2)}',
            f'└ {line(3)} (?)',
            '',
        )

    def test_status_other_than_available_is_shown(self) -> None:
        self.on_rows(made(1, full=True, status='error'))
        self.assert_draws(f'{HEADING}: 1 backup', f'  {line(1, "full")} [error]', '')

    def test_backup_without_name_is_shown_by_id(self) -> None:
        self.on_rows(made(1, full=True, name=None))
        self.assert_draws(
            f'{HEADING}: 1 backup', f'  {line(1, "full")}'.replace('b1', id_of(1)), ''
        )

    def test_control_characters_in_names_are_escaped(self) -> None:
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume(name='v\x1b')})
        self.on_rows(made(1, full=True, name='n\x1b'))
        self.assert_draws(
            rf'Volume v\x1b ({VOLUME_ID}): 1 backup',
            f'  {line(1, "full")}'.replace('b1', r'n\x1b'),
            '',
        )

    def test_each_volume_has_a_heading_with_name_or_id(self) -> None:
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

    def test_empty_tree_prints_nothing(self) -> None:
        self.on_rows()
        self.assert_draws()
        self.assert_asked(LIST)

    def test_long_chain_is_drawn(self) -> None:
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

    def test_column_option_prints_a_table(self) -> None:
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

    def test_json_marks_uncertain_and_missing_parents(self) -> None:
        elsewhere = made(4, volume_id=OTHER_VOLUME_ID)
        self.on_rows(made(1, full=True, **touched(3)), made(2, **touched(3)), made(3), elsewhere)
        links = self.links()
        self.assertEqual(links[id_of(3)], (id_of(2), False))
        self.assertEqual(links[id_of(4)], (None, False))

    def test_chains_of_different_volumes_are_separate(self) -> None:
        self.on_rows(made(1, full=True), made(2, full=True, volume_id=OTHER_VOLUME_ID), made(3))
        self.assertEqual(self.links()[id_of(3)], (id_of(1), True))


class VolumeTest(TreeTest):
    def test_volume_limits_the_request(self) -> None:
        self.on_rows(made(1, full=True), query=f'?volume_id={VOLUME_ID}')
        self.assertEqual(set(self.links(f'--volume {VOLUME_ID}')), {id_of(1)})
        self.assert_asked(f'{LIST}?volume_id={VOLUME_ID}')

    def test_several_volumes_are_read_one_after_another(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.on_rows(made(1, full=True), query=f'?volume_id={VOLUME_ID}')
        other = made(2, full=True, volume_id=OTHER_VOLUME_ID)
        self.on_rows(other, query=f'?volume_id={OTHER_VOLUME_ID}')
        links = self.links(f'--volume data --volume {OTHER_VOLUME_ID}')
        self.assertEqual(list(links), [id_of(1), id_of(2)])

    def test_unknown_volume_is_a_failure(self) -> None:
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

    def test_exact_shows_the_parents_of_cinder(self) -> None:
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

    def test_exact_sends_no_request_for_full_backups(self) -> None:
        self.on_rows(made(1, full=True, **OWN))
        self.assertEqual(self.links('--exact'), {id_of(1): (None, True)})
        self.assert_asked(LIST)

    def test_volume_in_two_projects_has_two_chains(self) -> None:
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
    def test_exact_is_refused_for_members_before_any_request(self) -> None:
        self.assert_fails(
            f'{TREE} --exact',
            'Only an administrator can use --exact. Without it, the parents are inferred.',
        )
        self.assert_asked()

    def test_another_project_is_refused_for_members(self) -> None:
        self.on_rows(query=f'?all_tenants=1&project_id={OTHER_PROJECT}')
        self.assert_fails(
            f'{TREE} --project {OTHER_PROJECT}',
            "Only an administrator can list another project's backups.",
        )
