# SPDX-License-Identifier: Apache-2.0
"""When a wait ends: every goal with every status, and with the statuses seen before."""

import unittest

from hypothesis import given
from hypothesis import strategies as st

from backupext.cli.options import STATUSES
from backupext.core.goals import BACKUP_GOALS, GONE, RESTORED, Goal, Verdict

GOALS = {'gone': GONE, 'restored': RESTORED, **BACKUP_GOALS}
BACKUPS = {name: goal for name, goal in GOALS.items() if name != 'restored'}
#: Statuses that Cinder changes by itself, and the possible next ones; None: the backup is gone.
ENDS: dict[str, tuple[str | None, ...]] = {
    'creating': ('available', 'error'),
    'restoring': ('available', 'error', 'error_restoring'),
    'deleting': (None, 'error', 'error_deleting'),
}
#: The statuses from which each goal is reached, except by a reset.
WAYS: dict[str, set[str]] = {
    'gone': {'deleting'},
    'creating': set(),
    'available': {'creating', 'restoring'},
    'restoring': set(),
    'deleting': set(),
    'error': {'creating', 'restoring', 'deleting'},
    'error_restoring': {'restoring'},
    'error_deleting': {'deleting'},
}
#: Statuses that a request can start from available.
BEGUN_FROM_AVAILABLE = {'restoring', 'deleting'}

statuses = st.sampled_from([*STATUSES, 'in-use', 'restoring-backup', 'unknown'])
seen_before = st.frozensets(statuses)


def is_over(goal: Goal, status: str | None, *seen: str) -> bool:
    return goal.judge(status, frozenset(seen)) is not Verdict.WAITING


class TableTest(unittest.TestCase):
    def test_every_status_option_has_a_goal(self) -> None:
        self.assertEqual(set(BACKUP_GOALS), set(STATUSES))
        for status, goal in BACKUP_GOALS.items():
            with self.subTest(status):
                self.assertEqual(goal.wanted, {status})

    def test_every_pair_has_its_verdict(self) -> None:
        for name, row in (
            #                   creating available deleting error restoring e_rest. e_del. gone
            ('gone', '           W        W         W        M     W         M       M      R'),
            ('creating', '       R        M         M        M     M         M       M      M'),
            ('available', '      W        R         M        M     W         M       M      M'),
            ('restoring', '      W        W         M        M     R         M       M      M'),
            ('deleting', '       W        W         R        M     W         M       M      M'),
            ('error', '          W        W         W        R     W         M       M      M'),
            ('error_restoring', 'W        W         M        M     W         R       M      M'),
            ('error_deleting', ' W        W         W        M     W         M       R      M'),
        ):
            for status, letter in zip([*STATUSES, None], row.split(), strict=True):
                with self.subTest(name, status=status):
                    self.assertEqual(GOALS[name].judge(status, frozenset()).name[0], letter)

    def test_unknown_status_continues_the_wait(self) -> None:
        for name, goal in GOALS.items():
            with self.subTest(name):
                self.assertFalse(is_over(goal, 'unknown'))


class RelapseTest(unittest.TestCase):
    def test_deletion_undone_by_an_administrator_is_missed(self) -> None:
        for name in ('gone', 'error', 'error_deleting'):
            for seen in (('deleting',), ('available', 'deleting'), ('deleting', 'creating')):
                with self.subTest(name, seen=seen):
                    verdict = GOALS[name].judge('available', frozenset(seen))
                    self.assertEqual(verdict, Verdict.MISSED)

    def test_deletion_that_has_not_begun_is_waited_for(self) -> None:
        self.assertFalse(is_over(GONE, 'available', 'creating', 'restoring', 'available'))

    def test_finished_backup_cannot_reach_error(self) -> None:
        for name, ways in WAYS.items():
            for before in ways if name != 'available' else ():
                with self.subTest(name, before=before):
                    verdict = GOALS[name].judge('available', frozenset({before}))
                    self.assertEqual(verdict, Verdict.MISSED)


class VolumeTest(unittest.TestCase):
    def test_volume_in_use_was_restored(self) -> None:
        for status in ('available', 'in-use', 'reserved', 'attaching', 'backing-up'):
            with self.subTest(status):
                self.assertEqual(RESTORED.judge(status, frozenset()), Verdict.REACHED)

    def test_volume_that_is_offered_to_another_project_was_restored(self) -> None:
        for status in ('awaiting-transfer', 'maintenance'):
            with self.subTest(status):
                self.assertEqual(RESTORED.judge(status, frozenset()), Verdict.REACHED)

    def test_volume_being_created_is_waited_for(self) -> None:
        for status in ('creating', 'restoring-backup', 'extending', 'detaching'):
            with self.subTest(status):
                self.assertFalse(is_over(RESTORED, status, 'restoring-backup'))

    def test_failed_or_deleted_volume_was_not_restored(self) -> None:
        for status in ('error', 'error_restoring', 'error_extending', 'deleting', None):
            with self.subTest(status):
                self.assertEqual(RESTORED.judge(status, frozenset()), Verdict.MISSED)


class AlwaysTest(unittest.TestCase):
    @given(st.sampled_from(sorted(GOALS)), seen_before)
    def test_wanted_status_is_reached_after_any_other(
        self, name: str, seen: frozenset[str]
    ) -> None:
        for status in GOALS[name].wanted:
            self.assertEqual(GOALS[name].judge(status, seen), Verdict.REACHED)

    @given(st.sampled_from(sorted(GOALS)), seen_before)
    def test_gone_ends_every_wait_and_reaches_the_goal_only_if_wanted(
        self, name: str, seen: frozenset[str]
    ) -> None:
        expected = Verdict.REACHED if name == 'gone' else Verdict.MISSED
        self.assertEqual(GOALS[name].judge(None, seen), expected)

    @given(st.sampled_from(sorted(GOALS)), statuses, seen_before)
    def test_ended_wait_does_not_resume_with_more_statuses_seen(
        self, name: str, status: str, seen: frozenset[str]
    ) -> None:
        goal = GOALS[name]
        if is_over(goal, status):
            self.assertEqual(goal.judge(status, seen), goal.judge(status, frozenset()))

    @given(st.sampled_from(sorted(BACKUPS)), st.sampled_from(sorted(ENDS)), seen_before)
    def test_wait_ends_if_the_goal_is_unreachable(
        self, name: str, before: str, seen: frozenset[str]
    ) -> None:
        for end in ENDS[before]:
            if end == 'available' and self._can_still_begin(name, {*seen, before}):
                continue
            self.assertTrue(is_over(BACKUPS[name], end, *seen, before), end)

    def _can_still_begin(self, name: str, seen: set[str]) -> bool:
        """Return whether a request can still lead from available to a goal."""
        if name in BEGUN_FROM_AVAILABLE:
            return True
        return not (WAYS[name] & seen) and bool(WAYS[name] & BEGUN_FROM_AVAILABLE)

    def test_wait_continues_while_the_goal_is_reachable(self) -> None:
        for name, ways in WAYS.items():
            for way in ways:
                with self.subTest(name, way=way):
                    self.assertFalse(is_over(BACKUPS[name], way))
