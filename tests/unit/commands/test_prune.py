# SPDX-License-Identifier: Apache-2.0
import io
import json
from collections.abc import Callable
from typing import Any

from tests.unit.living import LivingTest
from tests.unit.rows import OTHER_VOLUME_ID, SNAPSHOT_ID, VOLUME_ID, volume
from tests.unit.shell import Result, Terminal
from tests.unit.stub import OTHER_PROJECT

PRUNE = 'volume backup prune'
EVERYTHING = f'{PRUNE} --all-volumes --keep-last 1'
APPROVED = f'-q {EVERYTHING} --auto-approve'
LIST = 'GET /backups/detail'
NOBODY = (
    'Nothing was deleted: there is no terminal to ask on. Use --auto-approve to skip the '
    'question.\n'
)


class Hesitation(Terminal):
    """A user at a terminal; something happens before the answer."""

    def __init__(self, answer: str, happens: Callable[[], object] = lambda: None) -> None:
        super().__init__(answer)
        self._happens = happens

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # as StringIO
        self._happens()
        return super().readline(-1 if size is None else size)


class PruneTest(LivingTest):
    def keep_chains(self, first: int = 1, **changes: Any) -> list[str]:
        """Prepare a chain of three backups, and a newer full one that every rule keeps."""
        chain = self.keep_chain(3, first=first, **changes)
        return [*chain, self.cloud.keep(first + 3, **changes)]

    def planned(self, options: str) -> dict[str, tuple[str, str]]:
        """Return the decisions and reasons of a dry run, by name."""
        result = self.openstack(f'{PRUNE} {options} --dry-run -f json')
        self.assertEqual((result.status, result.stderr), (0, ''))
        self.assertEqual(self.cloud.deletions, [])
        rows = json.loads(result.stdout)
        return {row['Name']: (row['Decision'], row['Reasons']) for row in rows}

    def assert_stays(self, result: Result, sentence: str, *left: str) -> None:
        """Expect a failure with a reason, and that only these backups remain."""
        self.assertEqual(result.status, 1)
        self.assertIn(f'{sentence}\n', result.stderr)
        self.assertEqual(self.cloud.left, set(left))


class PlanTest(PruneTest):
    def test_each_backup_has_a_row_with_its_reasons(self) -> None:
        full, newer = self.cloud.keep(1), self.cloud.keep(2)
        rows = json.loads(self.openstack(f'{EVERYTHING} --dry-run -f json').stdout)
        shared = {'Volume': VOLUME_ID, 'Incremental': False}
        self.assertEqual(
            rows,
            [
                {
                    'Decision': 'keep',
                    'ID': newer,
                    'Name': 'b2',
                    **shared,
                    'Created At': '2026-10-03T02:00:00.000000',
                    'Reasons': 'last 1',
                },
                {
                    'Decision': 'delete',
                    'ID': full,
                    'Name': 'b1',
                    **shared,
                    'Created At': '2026-10-02T02:00:00.000000',
                    'Reasons': 'not kept by any rule',
                },
            ],
        )

    def test_dry_run_reads_one_list_and_asks_nothing(self) -> None:
        self.keep_chains()
        result = self.openstack(f'{EVERYTHING} --dry-run')
        self.assertEqual((result.status, result.stderr), (0, ''))
        self.assert_asked(LIST)

    def test_dry_run_prints_the_same_as_a_real_run(self) -> None:
        for format_ in ('table', 'json', 'csv'):
            with self.subTest(format_):
                self.use_living()
                ids = self.keep_chains()
                dry = self.openstack(f'{EVERYTHING} --dry-run -f {format_}')
                real = self.openstack(f'{APPROVED} -f {format_}')
                self.assertEqual((real.status, real.stdout), (0, dry.stdout))
                self.assertIn(ids[0], dry.stdout)
                self.assertEqual(self.cloud.left, {ids[3]})

    def test_parents_of_kept_backups_are_kept(self) -> None:
        one = self.keep_chains()[1]
        self.assertEqual(
            self.planned(f'--all-volumes --keep-id {one}'),
            {
                'b4': ('keep', 'newest restorable backup of the volume'),
                'b3': ('delete', 'not kept by any rule'),
                'b2': ('keep', 'id'),
                'b1': ('keep', 'needed by b2'),
            },
        )

    def test_unavailable_backups_are_skipped(self) -> None:
        self.cloud.keep(1, status='error')
        self.cloud.keep(2)
        self.assertEqual(
            self.planned('--all-volumes --keep-last 1'),
            {'b2': ('keep', 'last 1'), 'b1': ('skip', 'status error')},
        )

    def test_rules_add_up(self) -> None:
        for number in range(1, 5):
            self.cloud.keep(number, metadata={'keep': 'me'} if number == 1 else {})
        self.assertEqual(
            self.planned('--all-volumes --keep-daily 2 --keep-within 1d --keep-property keep=me'),
            {
                'b4': ('keep', 'daily 2, within'),
                'b3': ('keep', 'daily 2'),
                'b2': ('delete', 'not kept by any rule'),
                'b1': ('keep', 'property keep'),
            },
        )

    def test_protected_backups_are_kept_with_any_protect_property(self) -> None:
        self.cloud.keep(1, metadata={'protected': 'true'})
        self.cloud.keep(2, metadata={'hold': 'legal'})
        self.cloud.keep(3)
        rule = '--all-volumes --keep-last 1'
        self.assertEqual(self.planned(rule)['b1'], ('keep', 'protected'))
        self.assertEqual(self.planned(rule)['b2'][0], 'delete')
        other = self.planned(f'{rule} --protect-property hold')
        self.assertEqual((other['b1'][0], other['b2']), ('keep', ('keep', 'protected')))

    def test_property_limits_the_scope(self) -> None:
        mine: dict[str, Any] = {'metadata': {'by': 'cron'}}
        self.cloud.keep(1, **mine)
        self.cloud.keep(2, **mine)
        self.cloud.keep(3)
        plan = self.planned('--all-volumes --property by=cron --keep-last 1')
        self.assertEqual(
            {name: decision for name, (decision, _) in plan.items()},
            {
                'b2': 'keep',
                'b1': 'delete',
            },
        )

    def test_last_restorable_backup_is_kept_by_default(self) -> None:
        self.cloud.keep(1)
        rule = '--all-volumes --keep-property nosuch'
        self.assertEqual(
            self.planned(rule)['b1'], ('keep', 'newest restorable backup of the volume')
        )
        self.assertEqual(self.planned(f'{rule} --allow-empty')['b1'][0], 'delete')

    def test_timezone_decides_the_days(self) -> None:
        # In Berlin the third backup belongs to the next day.
        for number, hour in ((1, 20), (2, 21), (3, 22)):
            time = f'2026-10-02T{hour}:30:00.000000'
            self.cloud.keep(number, created_at=time, data_timestamp=time)
        rule = '--all-volumes --keep-daily 2'
        self.assertEqual(self.planned(rule)['b2'][0], 'delete')
        self.assertEqual(self.planned(f'{rule} --timezone Europe/Berlin')['b2'][0], 'keep')

    def test_volume_limits_the_scope_by_name_or_id(self) -> None:
        self.cloud.keep(1)
        self.cloud.keep(2, volume_id=OTHER_VOLUME_ID)
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.assertEqual(set(self.planned('--volume data --keep-last 1')), {'b1'})
        self.assertEqual(set(self.planned(f'--volume {OTHER_VOLUME_ID} --keep-last 1')), {'b2'})
        both = f'--volume {VOLUME_ID} --volume {OTHER_VOLUME_ID} --keep-last 1'
        self.assertEqual(set(self.planned(both)), {'b1', 'b2'})


class UsageTest(PruneTest):
    def test_policy_without_rules_is_refused(self) -> None:
        for options in ('', '--allow-empty --auto-approve', '--keep-within 0s'):
            with self.subTest(options):
                self.assert_fails(
                    f'{PRUNE} --all-volumes {options}',
                    'No retention rule given: use at least one --keep option.',
                    status=2,
                )
                self.assert_asked()

    def test_either_volume_or_all_volumes_is_required(self) -> None:
        self.assert_misused(
            f'{PRUNE} --keep-last 1', 'one of the arguments --volume --all-volumes is required'
        )
        self.assert_misused(
            f'{PRUNE} --all-volumes --volume {VOLUME_ID} --keep-last 1',
            'argument --volume: not allowed with argument --all-volumes',
        )

    def test_invalid_number_duration_id_or_zone_is_a_usage_error(self) -> None:
        for option, value, complaint in (
            ('--keep-last', '0', 'must be 1 or greater'),
            ('--keep-daily', '-1', 'must be 1 or greater'),
            ('--concurrency', 'many', 'must be 1 or greater'),
            ('--keep-id', 'b1', "'b1' is not a valid ID"),
            ('--timezone', 'Mars/Olympus', "'Mars/Olympus' is not a known time zone"),
            (
                '--keep-within',
                '7',
                "Invalid duration '7': use 90s, 30m, 12h, 7d or 1h30m",
            ),
        ):
            with self.subTest(option):
                self.assert_misused(
                    f'{PRUNE} --all-volumes {option}={value}', f'argument {option}: {complaint}'
                )

    def test_nothing_is_deleted_if_properties_are_hidden(self) -> None:
        self.keep_chains()
        needs = 'prune requires Block Storage 3.43 to see the properties that protect backups, but '
        result = self.openstack(f'--os-volume-api-version 3.42 {EVERYTHING} --auto-approve')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn(f'{needs}3.42 was requested', result.stderr)
        self.use_living(maximum='3.42')
        result = self.openstack(f'{EVERYTHING} --auto-approve')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn(f'{needs}this cloud is too old', result.stderr)
        self.assert_asked(LIST)


class ConsentTest(PruneTest):
    QUESTION = '3 backups will be deleted. Are you sure? [y/N] '

    def answered(self, answer: str) -> Result:
        return self.openstack(f'-q {EVERYTHING}', stdin=Terminal(answer))

    def test_nothing_is_deleted_without_a_terminal(self) -> None:
        ids = self.keep_chains()
        dry = self.openstack(f'{EVERYTHING} --dry-run')
        result = self.openstack(EVERYTHING, stdin=io.StringIO('y\n'))
        self.assertEqual(result, Result(1, dry.stdout, NOBODY))
        self.assertEqual(self.cloud.left, set(ids))

    def test_yes_deletes(self) -> None:
        for answer in ('y\n', 'yes\n', 'YES\n', ' y \n'):
            with self.subTest(answer):
                self.use_living()
                ids = self.keep_chains()
                result = self.answered(answer)
                self.assertEqual((result.status, result.stderr), (0, self.QUESTION))
                self.assertEqual(self.cloud.left, {ids[3]})

    def test_other_answers_delete_nothing(self) -> None:
        ids = self.keep_chains()
        for answer in ('n\n', '\n', '', 'maybe\n'):
            with self.subTest(answer):
                result = self.answered(answer)
                self.assertEqual(
                    (result.status, result.stderr), (1, f'{self.QUESTION}Nothing was deleted.\n')
                )
                self.assertEqual(self.cloud.left, set(ids))

    def test_nothing_is_asked_if_nothing_is_deleted(self) -> None:
        self.cloud.keep(1)
        result = self.openstack(EVERYTHING)
        self.assertEqual((result.status, result.stderr), (0, ''))

    def test_question_about_one_backup_is_singular(self) -> None:
        self.cloud.keep(1)
        self.cloud.keep(2)
        self.assertTrue(self.answered('n\n').stderr.startswith('1 backup will be deleted. '))


class DeletionTest(PruneTest):
    def test_newest_is_deleted_first_and_each_is_read_again_before(self) -> None:
        full, one, two, newest = self.keep_chains()
        self.assertEqual(self.openstack(APPROVED).status, 0)
        self.assertEqual(self.cloud.deletions, [two, one, full])
        self.assertEqual((self.cloud.refused, self.cloud.left), ([], {newest}))
        lines = self.cloud.lines
        for id_ in (two, one, full):
            at = lines.index(f'DELETE /backups/{id_}')
            self.assertEqual(lines[at - 1], f'GET /backups/{id_}')

    def test_prune_ends_when_all_backups_are_gone(self) -> None:
        self.use_living(takes=40)
        full, one, two, _ = self.keep_chains()
        self.assertEqual(self.openstack(APPROVED).status, 0)
        self.assertEqual(self.cloud.gone, [two, one, full])

    def test_concurrency_limits_parallel_deletions(self) -> None:
        for options, most in (('--concurrency 1', 1), ('--concurrency 3', 3), ('', 4)):
            with self.subTest(options):
                self.use_living(takes=20)
                for number in range(1, 9):
                    self.cloud.keep(number)
                self.assertEqual(self.openstack(f'{APPROVED} {options}').status, 0)
                self.assertEqual(len(self.cloud.gone), 7)
                self.assertEqual(self.cloud.most_going, most)

    def test_chain_stops_at_its_first_failure_and_others_continue(self) -> None:
        full, one, two, newest = self.keep_chains()
        other = self.keep_chains(first=11, volume_id=OTHER_VOLUME_ID)
        self.cloud.refuse(f'DELETE /backups/{two}', 403, 'Policy forbids it.')
        result = self.openstack(APPROVED)
        self.assert_stays(
            result, '3 of 6 backups were not deleted.', full, one, two, newest, other[3]
        )
        self.assertNotIn(f'DELETE /backups/{one}', self.cloud.lines)
        self.assertNotIn(f'DELETE /backups/{full}', self.cloud.lines)
        for name, id_ in (('b2', one), ('b1', full)):
            self.assertIn(
                f"Backup '{name}' ({id_}) was not deleted: 'b3' ({two}) may depend on it and "
                'could not be deleted.',
                result.stderr,
            )

    def test_chain_stops_if_the_cloud_fails_to_delete(self) -> None:
        full, one, two, newest = self.keep_chains()
        reason = {'status': 'error_deleting', 'fail_reason': 'No space left.'}
        self.cloud.after(1, lambda: self.cloud.spoil(two, **reason))
        self.assert_stays(
            self.openstack(APPROVED),
            f"Backup 'b3' ({two}) is in status error_deleting (the server said: No space left).",
            *(full, one, two, newest),
        )
        self.assertEqual(self.cloud.deletions, [two])

    def keep_snapshot_backups(self, object_count: int) -> list[str]:
        """Create three backups of snapshots, and then a backup to keep."""
        for number in (1, 2, 3):
            self.cloud.keep(number, snapshot_id=SNAPSHOT_ID, object_count=object_count)
        self.cloud.keep(4, object_count=object_count)
        return [f'11111111-aaaa-4bbb-8ccc-{number:012}' for number in (3, 2, 1)]

    def test_backups_that_may_share_an_image_are_deleted_one_after_another(self) -> None:
        self.use_living(takes=20)
        ids = self.keep_snapshot_backups(0)
        result = self.openstack(APPROVED)
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual((self.cloud.gone, self.cloud.most_going), (ids, 1))

    def test_failure_keeps_the_backups_that_may_share_its_image(self) -> None:
        newest, later, earlier = self.keep_snapshot_backups(0)
        self.cloud.refuse(f'DELETE /backups/{later}', 403, 'Policy forbids it.')
        result = self.openstack(APPROVED)
        self.assertEqual(result.status, 1)
        self.assertEqual(self.cloud.deletions, [newest, later])
        self.assertIn(
            f"Backup 'b1' ({earlier}) was not deleted: 'b2' ({later}) may share its data and "
            'could not be deleted.',
            result.stderr,
        )

    def test_backups_of_snapshots_on_other_storage_are_deleted_at_once(self) -> None:
        self.use_living(takes=20)
        ids = self.keep_snapshot_backups(5)
        self.assertEqual(self.openstack(APPROVED).status, 0)
        self.assertEqual((set(self.cloud.gone), self.cloud.most_going), (set(ids), 3))

    def test_time_limit_names_backups_that_were_not_requested(self) -> None:
        self.use_living(takes=10_000)
        full, one, two, newest = self.keep_chains()
        result = self.openstack(f'{APPROVED} --timeout 30s')
        self.assertEqual(result.status, 3)
        self.assertIn(f"Not started: backup 'b2' ({one}), backup 'b1' ({full}).", result.stderr)
        self.assertEqual(self.cloud.left, {full, one, newest})
        self.assertEqual(self.cloud.deletions, [two])


class MeanwhileTest(PruneTest):
    """Changes between the plan and the deletion."""

    def pruned(self, happens: Callable[[], object]) -> Result:
        return self.openstack(f'-q {EVERYTHING}', stdin=Hesitation('y\n', happens))

    def test_backup_with_changed_properties_is_kept_with_its_parents(self) -> None:
        full, one, two, newest = self.keep_chains()
        self.assert_stays(
            self.pruned(lambda: self.cloud.change(one, metadata={'a': '1'})),
            f"Backup 'b2' ({one}) was kept: its properties have changed.",
            *(full, one, newest),
        )
        self.assertEqual(self.cloud.deletions, [two])

    def test_the_time_that_somebody_takes_to_answer_does_not_count(self) -> None:
        *_, newest = self.keep_chains()
        think = Hesitation('y\n', lambda: self.clock.sleep(3600))
        result = self.openstack(f'-q {EVERYTHING} --timeout 5m', stdin=think)
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.left, {newest})

    def test_newly_protected_backup_is_kept(self) -> None:
        full, _, two, newest = self.keep_chains()
        result = self.pruned(lambda: self.cloud.change(full, metadata={'protected': 'true'}))
        self.assertEqual(result.status, 1)
        self.assertEqual(self.cloud.left, {full, newest})
        self.assertEqual(self.cloud.deletions[0], two)

    def test_backup_with_another_status_is_kept(self) -> None:
        full, one, two, newest = self.keep_chains()
        self.assert_stays(
            self.pruned(lambda: self.cloud.change(two, status='restoring')),
            f"Backup 'b3' ({two}) was kept: its status is now restoring.",
            *(full, one, two, newest),
        )
        self.assertEqual(self.cloud.deletions, [])

    def test_single_kept_backup_is_reported_in_one_sentence(self) -> None:
        old, newest = self.cloud.keep(1), self.cloud.keep(2)
        result = self.pruned(lambda: self.cloud.change(old, status='error'))
        self.assertEqual(result.status, 1)
        self.assertTrue(
            result.stderr.endswith(
                f"[y/N] Backup 'b1' ({old}) was kept: its status is now error.\n"
            ),
            result.stderr,
        )
        self.assertEqual(self.cloud.left, {old, newest})

    def test_backup_being_deleted_is_waited_for(self) -> None:
        full, one, two, newest = self.keep_chains()

        def somebody_deletes() -> None:
            self.cloud.change(two, status='deleting')
            self.cloud.after(5, lambda: self.cloud._rows.pop(two))  # noqa: SLF001

        self.assertEqual(self.pruned(somebody_deletes).status, 0)
        self.assertEqual(self.cloud.deletions, [one, full])
        self.assertEqual((self.cloud.refused, self.cloud.left), ([], {newest}))

    def test_backup_that_is_already_gone_is_not_a_failure(self) -> None:
        full, one, two, newest = self.keep_chains()
        self.assertEqual(self.pruned(lambda: self.cloud._rows.pop(two)).status, 0)  # noqa: SLF001
        self.assertEqual(self.cloud.deletions, [one, full])
        self.assertEqual(self.cloud.left, {newest})

    def test_new_incremental_keeps_its_parents(self) -> None:
        full, one, two, newest = self.keep_chains()
        new: list[str] = []
        result = self.pruned(lambda: new.append(self.cloud.keep(9, two)))
        self.assertEqual(result.status, 1)
        self.assertEqual(self.cloud.left, {full, one, two, newest, *new})
        self.assertEqual(self.cloud.deletions, [two])
        self.assertEqual(self.cloud.refused, [two])


class ScopeTest(PruneTest):
    def test_administrator_prunes_each_project_separately(self) -> None:
        self.use_living(roles=('admin',))
        own = [self.cloud.keep(number) for number in (1, 2)]
        other = [self.cloud.keep(number, project=OTHER_PROJECT) for number in (3, 4)]
        result = self.openstack(f'{APPROVED} --all-projects')
        self.assertEqual((result.status, result.stderr), (0, ''))
        self.assertEqual(self.cloud.left, {own[1], other[1]})

    def test_administrator_keeps_parents_of_incrementals_in_other_projects(self) -> None:
        self.use_living(roles=('admin',))
        full, newer = (self.cloud.keep(number, project=OTHER_PROJECT) for number in (1, 2))
        child = self.cloud.keep(3, full, volume_id=OTHER_VOLUME_ID, project=OTHER_PROJECT)
        result = self.openstack(f'{APPROVED} --all-projects')
        self.assertEqual(result.status, 1)
        self.assertIn(
            f"Cannot delete backup 'b1' ({full}): incremental backups depend on it: 'b3' ({child})",
            result.stderr,
        )
        self.assertEqual(self.cloud.left, {full, newer, child})

    def test_all_projects_is_refused_for_members(self) -> None:
        ids = self.keep_chains()
        self.assert_fails(
            f'{EVERYTHING} --all-projects --auto-approve',
            'Only an administrator can prune the backups of all projects.',
        )
        self.assertEqual(self.cloud.left, set(ids))
