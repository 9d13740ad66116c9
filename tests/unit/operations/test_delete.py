# SPDX-License-Identifier: Apache-2.0
"""Deleting in an order that Cinder accepts, through the real shell and a simulated Cinder."""

import io
from typing import Any

import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.living import INCREMENTALS_EXIST, LivingTest
from tests.unit.rows import OTHER_VOLUME_ID, SNAPSHOT_ID, VOLUME_ID
from tests.unit.shell import Result, Terminal
from tests.unit.stub import OTHER_PROJECT, OWN_PROJECT

DELETE = 'volume backup delete'
RESET = requests.exceptions.ConnectionError('Connection reset by peer')


class DeleteTest(LivingTest):
    def assert_deletes(self, arguments: str, *ids: str) -> Result:
        """Expect exit status 0, and these deletions in this order without a refusal."""
        result = self.assert_deletes_all(arguments, *ids)
        self.assertEqual(self.cloud.deletions, list(ids))
        return result

    def assert_deletes_all(self, arguments: str, *ids: str) -> Result:
        """Expect exit status 0, and these deletions in any order without a refusal."""
        result = self.openstack(f'{DELETE} {arguments}')
        self.assertEqual((result.status, result.stdout), (0, ''), result.stderr)
        self.assertEqual(sorted(self.cloud.deletions), sorted(ids))
        self.assertEqual(self.cloud.refused, [])
        return result


class OrderTest(DeleteTest):
    def test_chain_is_deleted_in_any_order_of_arguments(self) -> None:
        for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1)):
            with self.subTest(order):
                self.use_living()
                full, one, two = ids = self.keep_chain(3)
                given = ' '.join(ids[index] for index in order)
                self.assert_deletes(given, two, one, full)

    def test_child_is_gone_before_its_parent_is_deleted(self) -> None:
        self.use_living(takes=40)
        full, one = self.keep_chain(2)
        self.assert_deletes(f'{full} {one}', one, full)
        # The deletion of the last backup is only requested, not waited for.
        self.assertEqual(self.cloud.gone, [one])
        self.assertGreaterEqual(self.clock.passed, 40)

    def test_wait_ends_when_the_last_backup_is_gone(self) -> None:
        full, one = self.keep_chain(2)
        self.assert_deletes(f'{full} {one} --wait', one, full)
        self.assertEqual(self.cloud.gone, [one, full])

    def test_single_backup_is_not_waited_for(self) -> None:
        (full,) = self.keep_chain(1)
        self.assertEqual(self.assert_deletes(full, full), Result(0, '', ''))
        self.assertEqual(self.clock.sleeps, [])

    def test_full_backups_do_not_wait_for_each_other(self) -> None:
        ids = [self.cloud.keep(number) for number in (1, 2, 3)]
        self.assert_deletes_all(' '.join(ids), *ids)
        self.assertEqual(self.clock.sleeps, [])

    def test_chains_of_several_volumes_are_deleted_in_parallel(self) -> None:
        self.use_living(takes=30)
        first = self.keep_chain(2)
        second = self.keep_chain(2, first=5, volume_id=OTHER_VOLUME_ID)
        result = self.openstack(f'{DELETE} {" ".join([*first, *second])} --wait')
        self.assertEqual(result.status, 0, result.stderr)
        done = self.cloud.deletions
        self.assertEqual(
            [set(done[:2]), set(done[2:])], [{second[1], first[1]}, {second[0], first[0]}]
        )
        # The time of two deletions, not four, plus the polling.
        self.assertLess(self.clock.passed, 2 * 30 + 2 * 15)

    def test_name_and_id_of_one_backup_delete_it_once(self) -> None:
        full, one = self.keep_chain(2)
        self.assert_deletes(f'{full} {one} b1 {full} b2', one, full)

    def test_two_hundred_names_take_one_list_and_200_deletions(self) -> None:
        self.use_living().most = 300
        names = []
        for number in range(1, 201):
            self.cloud.keep(number, volume_id=f'22222222-aaaa-4bbb-8ccc-{number % 7:012}')
            names.append(f'b{number}')
        result = self.openstack([*DELETE.split(), *names])
        self.assertEqual(result, Result(0, '', ''))
        self.assertEqual(self.cloud.lines[0], 'GET /backups/detail')
        self.assertEqual(len(set(self.cloud.deletions)), 200)
        self.assertEqual(len(self.cloud.lines), 201)
        self.assertEqual(self.cloud.left, set())

    def test_four_or_more_backups_are_found_in_one_list(self) -> None:
        ids = [self.cloud.keep(number) for number in (1, 2, 3, 4)]
        self.assert_deletes_all(f'b1 {ids[1]} b3 {ids[3]}', *ids)
        self.assertEqual(self.cloud.lines[0], 'GET /backups/detail')
        self.assertEqual(len(self.cloud.lines), 5)

    def test_ambiguous_name_in_a_list_is_refused(self) -> None:
        ids = [self.cloud.keep(number) for number in (1, 2, 3)]
        twins = [self.cloud.keep(number, name='twin') for number in (4, 5)]
        result = self.openstack(f'{DELETE} b1 b2 b3 twin')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn("2 backups have the name 'twin'. Use the ID of one of them: ", result.stderr)
        self.assertEqual(sorted(self.cloud.deletions), ids)
        self.assertEqual(self.cloud.left, set(twins))

    def test_name_like_an_id_is_looked_up_as_an_id_first(self) -> None:
        ids = [self.cloud.keep(number) for number in (1, 2, 3)]
        name = '11111111-aaaa-4bbb-8ccc-00000000ffff'
        named = self.cloud.keep(4, name=name)
        self.assert_deletes_all(f'b1 b2 b3 {name}', named, *ids)
        self.assertEqual(
            self.cloud.lines[:3],
            ['GET /backups/detail', f'GET /backups/{name}', f'GET /backups/detail?name={name}'],
        )

    @settings(max_examples=20)
    @given(st.data())
    def test_named_backups_are_deleted_without_refusal(self, data: st.DataObject) -> None:
        cloud = self.use_living(takes=data.draw(st.sampled_from((0.5, 7.0, 33.0))))
        try:
            named = self._tree(data)
            wait = data.draw(st.sampled_from(('', '--wait')))
            result = self.openstack(f'{DELETE} {" ".join(named)} {wait}')
            self.assertEqual((result.status, result.stdout), (0, ''), result.stderr)
            self.assertEqual(sorted(cloud.deletions), sorted(set(named)))
            self.assertEqual((cloud.refused, cloud.left), ([], set()))
        finally:
            cloud.stop()

    def _tree(self, data: st.DataObject) -> list[str]:
        volumes: list[list[str]] = [[], []]
        for number in range(1, data.draw(st.integers(1, 7)) + 1):
            index = data.draw(st.integers(0, 1))
            parent = data.draw(st.sampled_from([None, *volumes[index]]))
            volume = (VOLUME_ID, OTHER_VOLUME_ID)[index]
            volumes[index].append(self.cloud.keep(number, parent, volume_id=volume))
        return data.draw(st.permutations(volumes[0] + volumes[1]))


class FailureTest(DeleteTest):
    def test_failed_deletion_does_not_stop_another_volume(self) -> None:
        bad, good = self.cloud.keep(1), self.cloud.keep(2, volume_id=OTHER_VOLUME_ID)
        reason = {'status': 'error_deleting', 'fail_reason': 'No space left.'}
        self.cloud.after(1, lambda: self.cloud.spoil(bad, **reason))
        result = self.openstack(f'-q {DELETE} {bad} {good} --wait')
        self.assertEqual(
            result,
            Result(
                1,
                '',
                f"Backup 'b1' ({bad}) is in status error_deleting (the server said: No space "
                'left).\n'
                '1 of 2 backups failed to delete.\n',
            ),
        )
        self.assertEqual(self.cloud.gone, [good])

    def test_refused_deletion_does_not_stop_the_others(self) -> None:
        busy = self.cloud.keep(1, status='restoring')
        good = self.cloud.keep(2)
        self.assert_fails(
            f'{DELETE} {busy} {good}',
            f"Cannot delete backup 'b1' ({busy}) in status restoring: Invalid backup: Backup "
            'status must be available or error.\n1 of 2 backups failed to delete.',
        )
        self.assertEqual(self.cloud.left, {busy})

    def test_refusal_names_possible_dependents(self) -> None:
        full, one = self.keep_chain(2)
        self.cloud.keep(3)
        self.assert_fails(
            f'{DELETE} {full}',
            f"Cannot delete backup 'b1' ({full}): incremental backups depend on it, possibly "
            f"these: 'b2' ({one}). Delete them first, or delete all of them with --cascade.",
        )

    def test_refusal_without_known_dependents_has_cinders_words(self) -> None:
        (full,) = self.keep_chain(1)
        for _ in range(2):
            self.cloud.refuse(f'DELETE /backups/{full}', 400, INCREMENTALS_EXIST)
        result = self.openstack(f'{DELETE} {full}')
        self.assertEqual(result.status, 1)
        self.assertIn(f'(the server said: {INCREMENTALS_EXIST[:-1]}).', result.stderr)

    def test_deletion_is_repeated_if_the_last_dependent_has_just_gone(self) -> None:
        (full,) = self.keep_chain(1)
        self.cloud.refuse(f'DELETE /backups/{full}', 400, INCREMENTALS_EXIST)
        self.assert_prints(f'{DELETE} {full}', '')
        self.assertEqual(self.cloud.deletions, [full, full])

    def test_refusal_is_reported_if_the_list_fails(self) -> None:
        full, _ = self.keep_chain(2)
        self.cloud.refuse(f'GET /backups/detail?volume_id={VOLUME_ID}', 500, 'Boom.')
        result = self.openstack(f'{DELETE} {full}')
        self.assertEqual(result.status, 1)
        self.assertIn(INCREMENTALS_EXIST[:-1], result.stderr)
        self.assertNotIn('Boom', result.stderr)

    def test_other_refusals_do_not_look_for_dependents(self) -> None:
        full, _ = self.keep_chain(2)
        self.cloud.refuse(f'DELETE /backups/{full}', 403, 'Policy forbids it.')
        self.assertEqual(self.openstack(f'{DELETE} {full}').status, 1)
        self.assertEqual(self.cloud.lines[-1], f'DELETE /backups/{full}')

    def test_parent_is_kept_if_its_child_was_not_deleted(self) -> None:
        full, one = self.keep_chain(2)
        self.cloud.refuse(f'DELETE /backups/{one}', 403, 'Policy forbids it.')
        result = self.openstack(f'{DELETE} {full} {one}')
        self.assertEqual(result.status, 1)
        self.assertEqual(self.cloud.left, {full, one})


class FaultTest(DeleteTest):
    """The cloud does not answer for a while."""

    def test_lost_answer_is_not_a_failure_if_the_backup_is_deleting(self) -> None:
        (full,) = self.keep_chain(1)
        self.cloud.lose(f'DELETE /backups/{full}')
        result = self.openstack(f'{DELETE} {full} --wait')
        self.assertEqual((result.status, result.stdout), (0, ''), result.stderr)
        self.assertEqual(self.cloud.gone, [full])
        self.assertEqual(result.stderr.count('Retrying until the cloud answers.'), 1)

    def test_lost_answer_is_not_a_failure_if_the_backup_is_gone(self) -> None:
        self.use_living(takes=0.5)
        (full,) = self.keep_chain(1)
        self.cloud.lose(f'DELETE /backups/{full}')
        self.assertEqual(self.openstack(f'{DELETE} {full} --wait').status, 0)
        self.assertEqual(self.cloud.gone, [full])

    def test_request_that_did_not_arrive_is_repeated(self) -> None:
        for status in (429, 500, 502, 503, 504):
            with self.subTest(status):
                self.use_living()
                full, one = self.keep_chain(2)
                self.cloud.refuse(f'DELETE /backups/{one}', status, 'Busy.')
                self.cloud.fail(f'DELETE /backups/{one}', RESET)
                self.assert_deletes(f'{full} {one}', one, one, one, full)

    def test_refusal_after_a_lost_answer_is_a_failure(self) -> None:
        full, one = self.keep_chain(2)
        self.cloud.fail(f'DELETE /backups/{full}', RESET)
        result = self.openstack(f'{DELETE} {full} --wait')
        self.assertEqual(result.status, 1)
        self.assertIn(f"possibly these: 'b2' ({one})", result.stderr)
        self.assertEqual(self.cloud.left, {full, one})

    def test_time_limit_names_running_deletions(self) -> None:
        self.use_living(takes=10_000)
        full, one = self.keep_chain(2)
        result = self.openstack(f'-q {DELETE} {full} {one} --wait --timeout 30s')
        self.assertEqual(
            result,
            Result(
                3,
                '',
                'Timed out after 30s; nothing was cancelled. The cloud may still be working on '
                f"backup 'b2' ({one}) (to check: openstack volume backup show {one}). Not started: "
                f"backup 'b1' ({full}).\n",
            ),
        )
        self.assertEqual(self.clock.passed, 30)
        self.assertEqual(self.cloud.left, {full})

    def test_ctrl_c_names_running_deletions(self) -> None:
        self.use_living(takes=10_000)
        full, one = self.keep_chain(2)
        self.clock.interrupt_at(3)
        result = self.openstack(f'-q {DELETE} {full} {one} --wait')
        self.assertEqual((result.status, result.stdout), (130, ''))
        self.assertEqual(
            result.stderr,
            'Interrupted; nothing was cancelled. The cloud may still be working on backup '
            f"'b2' ({one}) (to check: openstack volume backup show {one}). Not started: backup "
            f"'b1' ({full}).\n",
        )
        self.assertEqual(self.cloud.left, {full})


class CascadeTest(DeleteTest):
    def test_certain_dependents_are_deleted_newest_first(self) -> None:
        full, one, two = self.keep_chain(3)
        later = self.cloud.keep(4)
        result = self.openstack(f'{DELETE} {full} --cascade --auto-approve')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.deletions, [two, one, full])
        self.assertEqual((self.cloud.left, self.cloud.refused), ({later}, []))

    def test_the_plan_is_printed(self) -> None:
        full, one = self.keep_chain(2)
        result = self.openstack(f'{DELETE} {full} --cascade --auto-approve')
        self.assertEqual(
            result.stdout,
            f"Delete 'b2' ({one}), created 2026-10-03T02:00:00.000000: builds on 'b1' ({full})\n"
            f"Delete 'b1' ({full}), created 2026-10-02T02:00:00.000000: named\n",
        )

    def test_dry_run_prints_the_plan_and_deletes_nothing(self) -> None:
        full, _ = self.keep_chain(2)
        dry = self.openstack(f'{DELETE} {full} --cascade --dry-run')
        self.assertEqual((dry.status, dry.stderr, self.cloud.deletions), (0, '', []))
        wet = self.openstack(f'{DELETE} {full} --cascade --auto-approve')
        self.assertEqual(dry.stdout, wet.stdout)

    def test_dry_run_takes_precedence_over_auto_approve(self) -> None:
        full, _ = self.keep_chain(2)
        result = self.openstack(f'{DELETE} {full} --cascade --dry-run --auto-approve')
        self.assertEqual((result.status, self.cloud.deletions), (0, []))

    def test_dry_run_without_cascade_prints_the_named_backups(self) -> None:
        full, _ = self.keep_chain(2)
        result = self.openstack(f'{DELETE} {full} --dry-run')
        told = f"Delete 'b1' ({full}), created 2026-10-02T02:00:00.000000: named\n"
        self.assertEqual(result, Result(0, told, ''))
        self.assertEqual(self.cloud.deletions, [])

    def test_dry_run_reports_missing_backups(self) -> None:
        result = self.openstack(f'{DELETE} nosuch --dry-run')
        told = "No backup has the name or ID 'nosuch'.\n"
        self.assertEqual(result, Result(1, '', told))

    def test_uncertain_dependents_are_refused(self) -> None:
        full = self.cloud.keep(1)
        # The backup has changed since then, at least by the restore.
        busy = self.cloud.keep(2, status='restoring', updated_at='2027-01-01T00:00:00.000000')
        child = self.cloud.keep(3, full)
        self.assert_fails(
            f'{DELETE} {full} --cascade --auto-approve',
            f"Cannot tell whether 'b3' ({child}) depends on backup 'b1' ({full}). Name it too to "
            'delete both, or ask an administrator to check.',
        )
        self.assertEqual(self.cloud.deletions, [])
        self.assertEqual(self.cloud.left, {full, busy, child})

    def test_uncertain_dependents_are_deleted_if_named(self) -> None:
        full = self.cloud.keep(1)
        self.cloud.keep(2, status='restoring', updated_at='2027-01-01T00:00:00.000000')
        child = self.cloud.keep(3, full)
        result = self.openstack(f'{DELETE} {full} {child} --cascade')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.deletions, [child, full])

    def test_backup_without_dependents_needs_no_consent(self) -> None:
        _, one = self.keep_chain(2)
        self.assertEqual(self.openstack(f'{DELETE} {one} --cascade').status, 0)
        self.assertEqual(self.cloud.deletions, [one])

    def test_every_failure_of_a_cascade_is_reported(self) -> None:
        full, one, two = self.keep_chain(3)
        for id_ in (one, two):
            self.cloud.refuse(f'DELETE /backups/{id_}', 403, f'Policy forbids {id_}.')
        result = self.openstack(f'{DELETE} {full} --cascade --auto-approve')
        self.assertEqual(result.status, 1)
        for id_ in (one, two):
            self.assertIn(f'Policy forbids {id_}', result.stderr)
        self.assertEqual(self.cloud.left, {full, one, two})

    def test_missing_backups_count_as_failures(self) -> None:
        result = self.openstack(f'{DELETE} nosuch neither --cascade --auto-approve')
        self.assertEqual(result.status, 1)
        self.assertEqual(result.stderr.splitlines()[-1], '2 of 2 backups failed to delete.')


class AdministratorTest(DeleteTest):
    """Administrators see dependents, and Cinder does not protect other projects from them."""

    def setUp(self) -> None:
        self.use_living(roles=('admin', 'member'))

    def test_cascade_asks_cinder_for_dependents(self) -> None:
        full = self.cloud.keep(1)
        self.cloud.keep(2, status='restoring')
        one = self.cloud.keep(3, full)
        two = self.cloud.keep(4, one)
        result = self.openstack(f'{DELETE} {full} --cascade --auto-approve')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.deletions, [two, one, full])
        self.assertEqual(
            self.cloud.lines[:4],
            [
                f'GET /backups/{full}',
                *(f'GET /backups/detail?parent_id={id_}&all_tenants=1' for id_ in (full, one, two)),
            ],
        )

    def test_chain_of_another_project_is_deleted_in_order(self) -> None:
        full, one, two = self.keep_chain(3, project=OTHER_PROJECT)
        result = self.openstack(f'{DELETE} {full} --cascade --auto-approve --wait')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.gone, [two, one, full])

    def test_named_chain_of_another_project_is_deleted_in_order(self) -> None:
        full, one = self.keep_chain(2, project=OTHER_PROJECT)
        result = self.openstack(f'{DELETE} {full} {one} --wait')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.gone, [one, full])

    def test_new_child_keeps_its_parent(self) -> None:
        self.use_living(roles=('admin',), takes=10)
        full, one = self.keep_chain(2, project=OTHER_PROJECT)
        self.cloud.after(5, lambda: self.cloud.keep(9, full, project=OTHER_PROJECT))
        result = self.openstack(f'{DELETE} {full} --cascade --auto-approve --wait')
        self.assertEqual(result.status, 1)
        self.assertIn(
            f"Cannot delete backup 'b1' ({full}): incremental backups depend on it: 'b9' (",
            result.stderr,
        )
        self.assertEqual(self.cloud.deletions, [one])
        self.assertIn(full, self.cloud.left)

    def test_undeleted_child_keeps_its_parent(self) -> None:
        full, one = self.keep_chain(2, project=OTHER_PROJECT)
        self.cloud.refuse(f'DELETE /backups/{one}', 403, 'Policy forbids it.')
        result = self.openstack(f'{DELETE} {full} {one}')
        self.assertEqual(result.status, 1)
        self.assertEqual(self.cloud.deletions, [one])
        self.assertEqual(self.cloud.left, {full, one})

    def test_force_deletes_in_order(self) -> None:
        full, one = self.keep_chain(2, status='creating')
        result = self.openstack(f'{DELETE} {full} {one} --force --wait')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.gone, [one, full])
        self.assertEqual(self.cloud.deletions, [])

    def test_cascade_does_not_force(self) -> None:
        full, one = self.keep_chain(2)
        self.cloud.change(one, status='creating')
        result = self.openstack(f'{DELETE} {full} --cascade --auto-approve')
        self.assertEqual((result.status, self.cloud.left), (1, {full, one}))
        self.assertFalse([line for line in self.cloud.lines if line.endswith('/action')])


class ConsentTest(DeleteTest):
    PROMPT = '2 backups will be deleted. Are you sure? [y/N] '

    def setUp(self) -> None:
        super().setUp()
        self.full, self.one = self.keep_chain(2)

    def test_nothing_is_deleted_without_a_terminal(self) -> None:
        result = self.openstack(f'{DELETE} {self.full} --cascade')
        self.assertEqual(result.status, 1)
        self.assertEqual(
            result.stderr,
            'Nothing was deleted: there is no terminal to ask on. Use --auto-approve to skip the '
            'question.\n',
        )
        self.assertEqual(self.cloud.deletions, [])

    def test_input_from_a_pipe_is_not_consent(self) -> None:
        result = self.openstack(f'{DELETE} {self.full} --cascade', stdin=io.StringIO('y\n'))
        self.assertEqual((result.status, self.cloud.deletions), (1, []))

    def test_yes_deletes(self) -> None:
        for answer in ('y', 'yes', 'Y', ' YES '):
            with self.subTest(answer):
                self.setUp()
                result = self.answered(answer)
                self.assertEqual(result.status, 0, result.stderr)
                self.assertTrue(result.stderr.startswith(self.PROMPT))
                self.assertEqual(self.cloud.deletions, [self.one, self.full])

    def test_other_answers_delete_nothing(self) -> None:
        for answer in ('', 'n', 'no', 'yep', 'ye'):
            with self.subTest(answer):
                result = self.answered(answer)
                self.assertEqual(
                    (result.status, result.stderr), (1, f'{self.PROMPT}Nothing was deleted.\n')
                )
                self.assertEqual(self.cloud.deletions, [])

    def test_end_of_input_deletes_nothing(self) -> None:
        result = self.openstack(f'{DELETE} {self.full} --cascade', stdin=Terminal(''))
        self.assertEqual((result.status, self.cloud.deletions), (1, []))

    def test_plan_is_printed_before_the_question(self) -> None:
        self.assertIn(f"Delete 'b2' ({self.one})", self.answered('n').stdout)

    def test_fully_named_chain_needs_no_consent(self) -> None:
        result = self.openstack(f'{DELETE} {self.full} {self.one} --cascade')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.deletions, [self.one, self.full])

    def test_duplicate_references_do_not_replace_consent(self) -> None:
        for others in ('nosuch', 'b1', 'nosuch b1', 'nosuch neither'):
            with self.subTest(others):
                self.setUp()
                self.openstack(f'{DELETE} {self.full} {others} --cascade')
                self.assertEqual(self.cloud.deletions, [])

    def answered(self, answer: str) -> Result:
        return self.openstack(f'{DELETE} {self.full} --cascade', stdin=Terminal(f'{answer}\n'))


class TimeLimitTest(DeleteTest):
    def test_time_limit_applies_to_backups_waiting_for_dependents(self) -> None:
        self.use_living(takes=10_000)
        full, one = self.keep_chain(2)
        result = self.openstack(f'{DELETE} {full} {one} --timeout 1m')
        self.assertEqual((result.status, result.stdout), (3, ''))
        self.assertEqual(self.cloud.deletions, [one])
        self.assertEqual(self.clock.passed, 60)


class GoingDependentTest(DeleteTest):
    """A dependent is already being deleted by another command."""

    def test_deleting_dependent_in_the_own_project_is_waited_for(self) -> None:
        full, one = self.keep_chain(2)
        self.cloud.change(one, status='deleting')
        self.cloud.after(5, lambda: self.cloud.remove(one))
        result = self.openstack(f'{DELETE} {full}')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.deletions, [full, full])

    def test_deleting_dependent_in_another_project_is_waited_for(self) -> None:
        self.use_living(roles=('admin', 'member'))
        full, one = self.keep_chain(2, project=OTHER_PROJECT)
        self.cloud.change(one, status='deleting')
        self.cloud.after(5, lambda: self.cloud.remove(one))
        result = self.openstack(f'{DELETE} {full}')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.deletions, [full])

    def test_dependent_that_becomes_available_keeps_its_parent(self) -> None:
        for roles, project in ((('member',), OWN_PROJECT), (('admin',), OTHER_PROJECT)):
            with self.subTest(project):
                self.use_living(roles=roles)
                full, one = self.keep_chain(2, project=project)
                self.cloud.change(one, status='deleting')
                child = one
                self.cloud.after(5, lambda: self.cloud.change(child, status='available'))  # noqa: B023
                result = self.openstack(f'{DELETE} {full}')
                self.assertEqual(result.status, 1)
                self.assertIn('depends on it and was not deleted', result.stderr)
                self.assertIn(full, self.cloud.left)


class ProtectedTest(DeleteTest):
    def test_protected_dependent_is_refused(self) -> None:
        for metadata, why in (
            ({'protected': 'true'}, 'protected'),
            ({'expires': '2099-01-01'}, 'expires 2099-01-01'),
            ({'expires': 'never\x1b'}, r'expires never\x1b'),
        ):
            with self.subTest(why):
                self.use_living()
                full, one = self.keep_chain(2)
                self.cloud.change(one, metadata=metadata)
                self.assert_fails(
                    f'{DELETE} {full} --cascade --auto-approve',
                    f"Nothing was deleted: backup 'b2' ({one}) builds on 'b1' ({full}) and is "
                    f'protected ({why}). To delete both, name it too.',
                )
                self.assertEqual(self.cloud.deletions, [])

    def test_named_protected_dependent_is_deleted(self) -> None:
        full, one = self.keep_chain(2)
        self.cloud.change(one, metadata={'protected': 'true'})
        result = self.openstack(f'{DELETE} {full} {one} --cascade --auto-approve')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.deletions, [one, full])


class SharedImageTest(DeleteTest):
    """On Ceph, the backups of snapshots of a volume share one image."""

    def keep_two(self, **changes: Any) -> tuple[str, str]:
        rows: dict[str, Any] = {'snapshot_id': SNAPSHOT_ID, 'object_count': 0}
        first = self.cloud.keep(1, **rows)
        return first, self.cloud.keep(2, **{**rows, 'status': 'error', **changes})

    def test_failed_snapshot_backup_is_kept_with_the_data_of_another(self) -> None:
        first, failed = self.keep_two()
        result = self.openstack(f'{DELETE} {failed}')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn(f"may destroy the data of 'b1' ({first})", result.stderr)
        self.assertIn('--auto-approve', result.stderr)
        self.assertEqual(self.cloud.deletions, [])

    def test_other_backups_of_the_batch_are_deleted(self) -> None:
        _, failed = self.keep_two()
        other = self.cloud.keep(3, volume_id=OTHER_VOLUME_ID)
        result = self.openstack(f'{DELETE} {failed} {other}')
        self.assertEqual(result.status, 1)
        self.assertEqual(self.cloud.deletions, [other])

    def test_auto_approve_deletes_a_shared_image(self) -> None:
        for options in ('--auto-approve', '--auto-approve --cascade'):
            with self.subTest(options):
                self.use_living()
                _, failed = self.keep_two()
                self.assertEqual(self.openstack(f'{DELETE} {failed} {options}').status, 0)
                self.assertEqual(self.cloud.deletions, [failed])

    def test_shared_image_needs_consent_at_a_terminal(self) -> None:
        for answer, status in (('y\n', 0), ('n\n', 1)):
            with self.subTest(answer):
                self.use_living()
                first, failed = self.keep_two()
                result = self.openstack(f'{DELETE} {failed}', stdin=Terminal(answer))
                self.assertEqual(result.status, status, result.stderr)
                self.assertIn(f"may destroy the data of 'b1' ({first})", result.stderr)
                self.assertEqual(self.cloud.deletions, [] if status else [failed])

    def test_both_snapshot_backups_are_deleted_together(self) -> None:
        first, failed = self.keep_two()
        self.assertEqual(self.openstack(f'{DELETE} {failed} {first}').status, 0)
        self.assertEqual(self.cloud.left, set())

    def test_snapshot_backup_is_deleted_if_ceph_is_excluded(self) -> None:
        _, failed = self.keep_two()
        self.cloud.keep(3, object_count=2)
        self.assertEqual(self.openstack(f'{DELETE} {failed}').status, 0)

    def test_last_snapshot_backup_is_deleted(self) -> None:
        _, failed = self.keep_two()
        self.cloud.remove('11111111-aaaa-4bbb-8ccc-000000000001')
        self.assertEqual(self.openstack(f'{DELETE} {failed}').status, 0)

    def test_failed_incremental_of_a_snapshot_backup_is_refused(self) -> None:
        first = self.cloud.keep(1, snapshot_id=SNAPSHOT_ID, object_count=0)
        failed = self.cloud.keep(2, first, status='error', object_count=0)
        self.assertEqual(self.openstack(f'{DELETE} {failed}').status, 1)
        self.assertEqual(self.cloud.deletions, [])

    def test_failed_full_backup_of_the_volume_is_refused(self) -> None:
        self.cloud.keep(1, snapshot_id=SNAPSHOT_ID, object_count=0)
        failed = self.cloud.keep(2, status='error', object_count=0)
        self.assertEqual(self.openstack(f'{DELETE} {failed}').status, 1)
        self.assertEqual(self.cloud.deletions, [])

    def test_backup_of_the_volume_takes_no_extra_request(self) -> None:
        full = self.cloud.keep(1)
        self.assert_deletes(full, full)
        self.assertEqual(self.cloud.lines, [f'GET /backups/{full}', f'DELETE /backups/{full}'])
