# SPDX-License-Identifier: Apache-2.0
import unittest
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backupext.core import chains
from backupext.core.models import Backup
from tests.unit.core.histories import SECOND, Cloud, clouds, hasty_clouds

#: Times as exact as Cinder's own, and cut to whole seconds, as some databases do; a backup takes
#: longer than that.
any_cloud = clouds() | clouds(range(1, 4)) | clouds(range(SECOND, 3 * SECOND + 1), SECOND)


def at(minute: int) -> str:
    return f'2026-11-01T02:{minute:02}:00.000000'


def full(id_: str, minute: int, **changes: Any) -> Backup:
    """Give a full backup that was made in a minute, and finished half a minute later."""
    said: dict[str, Any] = {
        'status': 'available',
        'volume_id': 'volume',
        'project_id': 'project',
        'is_incremental': False,
        'created_at': at(minute),
        'updated_at': f'2026-11-01T02:{minute:02}:30.000000',
        'data_timestamp': at(minute),
    }
    return Backup(id_, **{**said, **changes})


def incremental(id_: str, minute: int, **changes: Any) -> Backup:
    return full(id_, minute, **{'is_incremental': True, **changes})


def unfinished(id_: str, minute: int, **changes: Any) -> Backup:
    return incremental(id_, minute, **{'status': 'creating', **changes})


def ids(backups: list[Backup]) -> list[str]:
    return [backup.id for backup in backups]


class PossibleParentsTest(unittest.TestCase):
    def assert_parents(self, child: Backup, others: list[Backup], *parents: str) -> None:
        for order in ([*others, child], [child, *reversed(others)]):
            self.assertEqual(ids(chains.possible_parents(child, order)), list(parents))

    def test_a_full_one_has_none(self) -> None:
        self.assert_parents(full('b', 2), [full('a', 1)])

    def test_it_is_the_latest_that_was_there(self) -> None:
        others = [full('a', 1), incremental('b', 2), full('d', 4)]
        self.assert_parents(unfinished('c', 3), others, 'b')

    def test_one_that_was_not_finished_may_have_been_passed_over(self) -> None:
        late = incremental('b', 2, updated_at=at(5))
        self.assert_parents(unfinished('c', 3), [full('a', 1), late], 'b', 'a')

    def test_one_that_was_finished_in_the_same_instant_as_well(self) -> None:
        self.assert_parents(
            unfinished('c', 3), [full('a', 1), full('b', 2, updated_at=at(3))], 'b', 'a'
        )

    def test_one_of_which_nobody_knows_when_it_was_finished_as_well(self) -> None:
        self.assert_parents(
            unfinished('c', 3), [full('a', 1), full('b', 2, updated_at=None)], 'b', 'a'
        )

    def test_one_that_is_not_available_now_may_have_been(self) -> None:
        for status in ('creating', 'error', 'restoring', 'deleting', 'error_deleting'):
            with self.subTest(status):
                other = incremental('b', 2, status=status)
                self.assert_parents(unfinished('c', 3), [full('a', 1), other], 'b', 'a')

    def test_a_tie_is_a_doubt(self) -> None:
        one, other = full('a', 2), full('b', 2)
        child = unfinished('c', 3)
        self.assertEqual(set(ids(chains.possible_parents(child, [one, other, child]))), {'a', 'b'})

    def test_behind_a_tie_the_next_one_is_certain(self) -> None:
        twins = [full('b', 2), full('c', 2)]
        found = ids(chains.possible_parents(unfinished('d', 3), [full('a', 1), *twins]))
        self.assertLessEqual({'b', 'c'}, set(found))
        self.assertEqual(found[2:], ['a'])

    def test_other_volumes_do_not_matter(self) -> None:
        self.assert_parents(
            unfinished('c', 3), [full('a', 1), full('b', 2, volume_id='other')], 'a'
        )

    def test_other_projects_do_not_matter(self) -> None:
        self.assert_parents(
            unfinished('c', 3), [full('a', 1), full('b', 2, project_id='other')], 'a'
        )

    def test_container_and_availability_zone_do_not_matter_either(self) -> None:
        other = full('b', 2, container='other', availability_zone='other')
        self.assert_parents(unfinished('c', 3), [full('a', 1), other], 'b')

    def test_the_age_of_the_data_counts_and_not_that_of_the_backup(self) -> None:
        of_an_old_snapshot = full('b', 4, snapshot_id='s', data_timestamp=at(1))
        self.assert_parents(unfinished('c', 5), [full('a', 3), of_an_old_snapshot], 'a')

    def test_one_of_a_snapshot_builds_on_older_data_only(self) -> None:
        child = unfinished('c', 9, snapshot_id='s', data_timestamp=at(3))
        others = [full('a', 1), full('b', 3), full('d', 5)]
        self.assert_parents(child, others, 'a')

    def test_without_any_other_there_is_none(self) -> None:
        self.assert_parents(incremental('a', 1), [])

    @given(any_cloud)
    def test_the_true_one_is_always_among_them(self, cloud: Cloud) -> None:
        self.check(cloud)

    @given(hasty_clouds)
    def test_even_where_times_are_cut_to_seconds(self, cloud: Cloud) -> None:
        self.check(cloud)

    def check(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        for row in rows:
            parent = cloud.parent(row.id)
            possible = ids(chains.possible_parents(row, rows))
            self.assertEqual(len(possible), len(set(possible)))
            if parent is None:
                self.assertEqual(possible, [])
            else:
                self.assertIn(parent, possible)

    @given(any_cloud)
    def test_no_other_project_or_volume_is_ever_among_them(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        for row in rows:
            for parent in chains.possible_parents(row, rows):
                self.assertEqual(
                    (parent.volume_id, parent.project_id), (row.volume_id, row.project_id)
                )

    def test_what_has_not_changed_since_is_not_the_parent_of_a_finished_one(self) -> None:
        touched = full('a', 1, updated_at=at(4))
        self.assert_parents(incremental('c', 3), [touched, full('b', 2)], 'a')

    def test_several_that_have_changed_since_are_a_doubt(self) -> None:
        touched = [full('a', 1, updated_at=at(4)), full('b', 2, updated_at=at(4))]
        self.assert_parents(incremental('c', 3), touched, 'b', 'a')

    def test_where_nothing_has_changed_since_all_may_be_it(self) -> None:
        self.assert_parents(incremental('c', 3), [full('a', 1), full('b', 2)], 'b', 'a')

    def test_one_that_failed_and_was_set_available_has_touched_nothing(self) -> None:
        child = incremental('c', 3, fail_reason='disk')
        self.assert_parents(child, [full('a', 1, updated_at=at(4)), full('b', 2)], 'b')

    def test_chains_that_follow_each_other_are_told_apart(self) -> None:
        rows = [
            full('f1', 1, updated_at=at(3)),
            incremental('i1', 2),
            full('f2', 4, updated_at=at(6)),
            incremental('i2', 5),
        ]
        self.assertEqual(ids(chains.possible_parents(rows[1], rows)), ['f1'])
        self.assertEqual(ids(chains.possible_parents(rows[3], rows)), ['f2'])


class DependentsTest(unittest.TestCase):
    def test_a_chain_is_certain(self) -> None:
        rows = [full('a', 1), incremental('b', 2), incremental('c', 3), full('d', 4)]
        # A child's end is written into its parent.
        rows[0:2] = [
            full('a', 1, updated_at='2026-11-01T02:02:30.000000'),
            incremental('b', 2, updated_at='2026-11-01T02:02:59.000000'),
        ]
        certain, possible = chains.dependents(rows[0], rows)
        self.assertEqual((ids(certain), ids(possible)), (['b', 'c'], []))

    def test_a_child_of_the_same_instant_is_found_whatever_its_id(self) -> None:
        # Of parent and child only the second of their creation is known, and it is the same. The
        # parent has failed after its end, so that its own parent is found by the times of data.
        for parent, child in (('p', 'q'), ('q', 'p')):
            rows = [
                full('a', 1, updated_at=at(1)),
                incremental(child, 2, updated_at=at(2)),
                incremental(parent, 2, updated_at=at(2), fail_reason='disk'),
            ]
            with self.subTest(parent=parent):
                certain, possible = chains.dependents(rows[0], rows)
                self.assertEqual({*ids(certain), *ids(possible)}, {'p', 'q'})
                self.assertEqual(chains.restorable(rows), {'a', 'p', 'q'})

    def test_the_next_full_one_ends_it(self) -> None:
        # The end of c is written into b.
        rows = [full('a', 1), full('b', 2, updated_at=at(4)), incremental('c', 3)]
        self.assertEqual(chains.dependents(rows[0], rows), ([], []))

    def test_doubt_about_one_is_doubt_about_all_that_build_on_it(self) -> None:
        rows = [
            full('a', 1),
            full('b', 2, status='restoring'),
            incremental('c', 3),
            incremental('d', 4),
        ]
        certain, possible = chains.dependents(rows[0], rows)
        self.assertEqual((ids(certain), ids(possible)), ([], ['c', 'd']))

    def test_nothing_builds_on_a_leaf(self) -> None:
        rows = [full('a', 1), incremental('b', 2)]
        self.assertEqual(chains.dependents(rows[1], rows), ([], []))

    @given(any_cloud)
    def test_the_certain_ones_are_never_wrong_and_none_is_missing(self, cloud: Cloud) -> None:
        self.check(cloud)

    @given(hasty_clouds)
    def test_both_hold_where_times_are_cut_to_seconds(self, cloud: Cloud) -> None:
        self.check(cloud)

    def check(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        for row in rows:
            certain, possible = map(ids, chains.dependents(row, rows))
            self.assertLessEqual(set(certain), cloud.descendants(row.id))
            self.assertLessEqual(cloud.descendants(row.id), {*certain, *possible})
            self.assertEqual(set(certain) & set(possible), set())
            self.assertNotIn(row.id, certain + possible)


class DeletionOrderTest(unittest.TestCase):
    def test_the_newest_goes_first(self) -> None:
        rows = [full('a', 1), incremental('c', 3), incremental('b', 2)]
        self.assertEqual(ids(chains.deletion_order(rows)), ['c', 'b', 'a'])

    def test_the_age_of_the_data_does_not_matter(self) -> None:
        child = incremental('c', 9, snapshot_id='s', data_timestamp=at(2))
        self.assertEqual(ids(chains.deletion_order([full('d', 5), child])), ['c', 'd'])

    def test_of_the_same_instant_the_incremental_goes_first(self) -> None:
        rows = [full('z', 1), incremental('a', 1)]
        self.assertEqual(ids(chains.deletion_order(rows)), ['a', 'z'])

    @given(any_cloud)
    def test_cinder_accepts_it(self, cloud: Cloud) -> None:
        for id_ in cloud.made:
            cloud.change(id_, status='available')
        for row in chains.deletion_order(cloud.rows()):
            self.assertTrue(cloud.delete(row.id), row)
        self.assertEqual(cloud.made, {})


class BlockersTest(unittest.TestCase):
    def test_a_later_incremental_blocks(self) -> None:
        rows = [full('a', 1), incremental('b', 2), full('c', 3)]
        self.assertEqual(ids(chains.blockers(rows[0], rows)), ['b'])
        self.assertEqual(chains.blockers(rows[1], rows), [])
        self.assertEqual(chains.blockers(rows[2], rows), [])

    def test_other_volumes_and_projects_do_not(self) -> None:
        others = [incremental('b', 2, volume_id='other'), incremental('c', 2, project_id='other')]
        self.assertEqual(chains.blockers(full('a', 1), others), [])

    def test_of_the_same_instant_one_blocks_the_other(self) -> None:
        rows = [full('z', 1), incremental('a', 1), incremental('b', 1)]
        blocking = [ids(chains.blockers(row, rows)) for row in rows]
        self.assertEqual(blocking, [['a', 'b'], ['b'], []])

    def test_nothing_blocks_itself(self) -> None:
        child = incremental('a', 1)
        self.assertEqual(chains.blockers(child, [child]), [])

    @given(any_cloud)
    def test_every_child_blocks_its_parent(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        for row in rows:
            blocking = ids(chains.blockers(row, rows))
            self.assertLessEqual(cloud.descendants(row.id), set(blocking))

    @given(hasty_clouds, st.randoms(use_true_random=False))
    def test_something_can_always_go(self, cloud: Cloud, random: Any) -> None:
        rows = cloud.rows()
        left = [row for row in rows if random.random() < 0.5]
        while left:
            free = [row for row in left if not chains.blockers(row, left)]
            self.assertTrue(free)
            left = [row for row in left if row not in free]


class LikeliestParentTest(unittest.TestCase):
    def test_it_is_the_one_with_the_latest_data(self) -> None:
        old = full('b', 5, snapshot_id='s', data_timestamp=at(1))
        found = chains.likeliest_parent([full('a', 3), old])
        self.assertEqual(found and found.id, 'a')

    def test_of_none_there_is_none(self) -> None:
        self.assertIsNone(chains.likeliest_parent([]))


class IndexTest(unittest.TestCase):
    def test_each_is_found_by_its_id(self) -> None:
        one, other = full('a', 1), full('b', 2)
        self.assertEqual(chains.by_id([one, other]), {'a': one, 'b': other})
