# SPDX-License-Identifier: Apache-2.0
import unittest
from collections.abc import Iterable
from graphlib import TopologicalSorter
from typing import Any

from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from backupext.core import chains
from backupext.core.labels import PARENT
from backupext.core.models import Backup, Snapshot
from tests.unit.core.growth import nightly_chain, steps
from tests.unit.core.histories import PROJECTS, SECOND, VOLUMES, Cloud, clouds, hasty_clouds

#: Exact times as in Cinder, and whole seconds as in some databases; a backup takes
#: longer than that.
any_cloud = clouds() | clouds(range(1, 4)) | clouds(range(SECOND, 3 * SECOND + 1), SECOND)


def at(minute: int) -> str:
    return f'2026-11-01T02:{minute:02}:00.000000'


def full(id_: str, minute: int, **changes: Any) -> Backup:
    """Return a full backup created at a minute, and finished half a minute later."""
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


def of_old_snapshot(id_: str, minute: int, **changes: Any) -> Backup:
    """Return an incremental backup of a snapshot that was taken in the first minute."""
    return incremental(id_, minute, **{'snapshot_id': 's', 'data_timestamp': at(1), **changes})


def ids(backups: Iterable[Backup]) -> list[str]:
    return [backup.id for backup in backups]


def is_on_younger_data(cloud: Cloud) -> bool:
    """Return whether a parent has newer data than the snapshot of its child."""
    return any(
        cloud.made[child].snapshot_id
        and (cloud.made[parent].data_timestamp or '') > (cloud.made[child].data_timestamp or '')
        for child, parent in cloud.parents.items()
    )


class PossibleParentsTest(unittest.TestCase):
    def assert_parents(self, child: Backup, others: list[Backup], *parents: str) -> None:
        for order in ([*others, child], [child, *reversed(others)]):
            self.assertEqual(ids(chains.Graph(order).parents(child)), list(parents))

    def test_full_backup_has_no_parent(self) -> None:
        self.assert_parents(full('b', 2), [full('a', 1)])

    def test_parent_is_the_latest_earlier_backup(self) -> None:
        others = [full('a', 1), incremental('b', 2), full('d', 4)]
        self.assert_parents(unfinished('c', 3), others, 'b')

    def test_expected_parent_is_certain_if_it_is_possible(self) -> None:
        others = [full('a', 1, updated_at=at(5)), incremental('b', 2, updated_at=at(5))]
        for expected, parents in (('a', 'a'), ('b', 'b'), ('x', 'ba')):
            child = incremental('c', 3, metadata={PARENT: expected})
            self.assert_parents(child, [*others, full('d', 4)], *parents)
        # The other one has not changed since, so it is not the parent.
        child = incremental('c', 3, metadata={PARENT: 'a'})
        self.assert_parents(child, [full('a', 1), others[1]], 'b')
        self.assert_parents(full('c', 3, metadata={PARENT: 'a'}), others)

    def test_unfinished_backup_may_have_been_passed_over(self) -> None:
        late = incremental('b', 2, updated_at=at(5))
        self.assert_parents(unfinished('c', 3), [full('a', 1), late], 'b', 'a')

    def test_backup_finished_at_the_same_time_may_have_been_passed_over(self) -> None:
        self.assert_parents(
            unfinished('c', 3), [full('a', 1), full('b', 2, updated_at=at(3))], 'b', 'a'
        )

    def test_backup_with_unknown_end_may_have_been_passed_over(self) -> None:
        self.assert_parents(
            unfinished('c', 3), [full('a', 1), full('b', 2, updated_at=None)], 'b', 'a'
        )

    def test_unavailable_backup_may_have_been_available(self) -> None:
        for status in ('creating', 'error', 'restoring', 'deleting', 'error_deleting'):
            with self.subTest(status):
                other = incremental('b', 2, status=status)
                self.assert_parents(unfinished('c', 3), [full('a', 1), other], 'b', 'a')

    def test_equal_data_times_are_uncertain(self) -> None:
        one, other = full('a', 2), full('b', 2)
        child = unfinished('c', 3)
        self.assertEqual(set(ids(chains.Graph([one, other, child]).parents(child))), {'a', 'b'})

    def test_next_backup_after_equal_times_is_certain(self) -> None:
        twins = [full('b', 2), full('c', 2)]
        child = unfinished('d', 3)
        found = ids(chains.Graph([full('a', 1), *twins, child]).parents(child))
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

    def test_container_and_availability_zone_do_not_matter(self) -> None:
        other = full('b', 2, container='other', availability_zone='other')
        self.assert_parents(unfinished('c', 3), [full('a', 1), other], 'b')

    def test_parent_depends_on_data_time_not_creation_time(self) -> None:
        of_an_old_snapshot = full('b', 4, snapshot_id='s', data_timestamp=at(1))
        self.assert_parents(unfinished('c', 5), [full('a', 3), of_an_old_snapshot], 'a')

    def test_snapshot_backup_builds_on_older_data_only(self) -> None:
        child = unfinished('c', 9, snapshot_id='s', data_timestamp=at(3))
        others = [full('a', 1), full('b', 3), full('d', 5)]
        self.assert_parents(child, others, 'a')

    def test_newest_backup_is_the_parent_if_the_snapshot_is_older_than_all(self) -> None:
        others = [full('a', 3, updated_at=at(9)), full('b', 5, updated_at=at(9)), full('d', 8)]
        for child in (of_old_snapshot('c', 7), of_old_snapshot('c', 7, status='error')):
            with self.subTest(child.status):
                self.assert_parents(child, others, 'b')

    def test_two_newest_backups_are_uncertain(self) -> None:
        self.assert_parents(of_old_snapshot('c', 7), [full('a', 5), full('b', 5)], 'b', 'a')

    def test_backup_of_the_same_instant_is_uncertain(self) -> None:
        child = of_old_snapshot('c', 7, status='error')
        self.assert_parents(child, [full('a', 5), full('b', 7)], 'b', 'a')

    def test_newest_is_possible_if_an_older_backup_may_have_been_busy(self) -> None:
        busy = full('a', 0, status='restoring')
        self.assert_parents(of_old_snapshot('c', 7, status='error'), [busy, full('b', 5)], 'a', 'b')

    def test_newest_is_not_possible_if_an_older_backup_was_available(self) -> None:
        touched = [full('a', 0, updated_at=at(9)), full('b', 5, updated_at=at(9))]
        available = full('d', 0, data_timestamp='2026-11-01T01:00:00.000000')
        self.assert_parents(of_old_snapshot('c', 7), [*touched, available], 'a')
        self.assert_parents(of_old_snapshot('c', 7), touched, 'a', 'b')

    def test_histories_include_parents_newer_than_the_snapshot(self) -> None:
        # Raises an error unless the examples of the tests above include one.
        just_one = settings(phases=[Phase.generate])
        for each in (any_cloud, hasty_clouds):
            self.assertTrue(find(each, is_on_younger_data, settings=just_one).parents)

    def test_single_incremental_has_no_possible_parent(self) -> None:
        self.assert_parents(incremental('a', 1), [])

    @given(any_cloud)
    def test_possible_parents_include_the_real_one(self, cloud: Cloud) -> None:
        self.check(cloud)

    @given(hasty_clouds)
    def test_possible_parents_include_the_real_one_with_whole_seconds(self, cloud: Cloud) -> None:
        self.check(cloud)

    def check(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        for row in rows:
            parent = cloud.parent(row.id)
            possible = ids(chains.Graph(rows).parents(row))
            self.assertEqual(len(possible), len(set(possible)))
            if parent is None:
                self.assertEqual(possible, [])
            else:
                self.assertIn(parent, possible)

    @given(any_cloud)
    def test_possible_parents_have_the_same_project_and_volume(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        for row in rows:
            for parent in chains.Graph(rows).parents(row):
                self.assertEqual(
                    (parent.volume_id, parent.project_id), (row.volume_id, row.project_id)
                )

    def test_unchanged_backup_is_not_the_parent_of_a_finished_one(self) -> None:
        touched = full('a', 1, updated_at=at(4))
        self.assert_parents(incremental('c', 3), [touched, full('b', 2)], 'a')

    def test_several_changed_backups_are_uncertain(self) -> None:
        touched = [full('a', 1, updated_at=at(4)), full('b', 2, updated_at=at(4))]
        self.assert_parents(incremental('c', 3), touched, 'b', 'a')

    def test_all_unchanged_backups_are_possible_if_none_changed(self) -> None:
        self.assert_parents(incremental('c', 3), [full('a', 1), full('b', 2)], 'b', 'a')

    def test_failed_backup_reset_to_available_changed_no_parent(self) -> None:
        child = incremental('c', 3, fail_reason='disk')
        self.assert_parents(child, [full('a', 1, updated_at=at(4)), full('b', 2)], 'b')

    def test_consecutive_chains_are_separate(self) -> None:
        rows = [
            full('f1', 1, updated_at=at(3)),
            incremental('i1', 2),
            full('f2', 4, updated_at=at(6)),
            incremental('i2', 5),
        ]
        self.assertEqual(ids(chains.Graph(rows).parents(rows[1])), ['f1'])
        self.assertEqual(ids(chains.Graph(rows).parents(rows[3])), ['f2'])


class DependentsTest(unittest.TestCase):
    def test_dependents_in_a_chain_are_certain(self) -> None:
        rows = [full('a', 1), incremental('b', 2), incremental('c', 3), full('d', 4)]
        # The end of a child updates its parent.
        rows[0:2] = [
            full('a', 1, updated_at='2026-11-01T02:02:30.000000'),
            incremental('b', 2, updated_at='2026-11-01T02:02:59.000000'),
        ]
        certain, possible = chains.Graph(rows).dependents(rows[0])
        self.assertEqual((ids(certain), ids(possible)), (['b', 'c'], []))

    def test_child_of_the_same_instant_is_found_with_any_id(self) -> None:
        # Of parent and child only the second of their creation is known, and it is the same. The
        # parent has failed after its end, so that its own parent is found by the times of data.
        for parent, child in (('p', 'q'), ('q', 'p')):
            rows = [
                full('a', 1, updated_at=at(1)),
                incremental(child, 2, updated_at=at(2)),
                incremental(parent, 2, updated_at=at(2), fail_reason='disk'),
            ]
            with self.subTest(parent=parent):
                certain, possible = chains.Graph(rows).dependents(rows[0])
                self.assertEqual({*ids(certain), *ids(possible)}, {'p', 'q'})
                self.assertEqual(chains.Graph(rows).restorable, {'a', 'p', 'q'})

    def test_next_full_backup_ends_the_chain(self) -> None:
        # The end of c updates b.
        rows = [full('a', 1), full('b', 2, updated_at=at(4)), incremental('c', 3)]
        self.assertEqual(chains.Graph(rows).dependents(rows[0]), ([], []))

    def test_uncertainty_extends_to_all_dependents(self) -> None:
        rows = [
            full('a', 1),
            full('b', 2, status='restoring'),
            incremental('c', 3),
            incremental('d', 4),
        ]
        certain, possible = chains.Graph(rows).dependents(rows[0])
        self.assertEqual((ids(certain), ids(possible)), ([], ['c', 'd']))

    def test_last_backup_has_no_dependents(self) -> None:
        rows = [full('a', 1), incremental('b', 2)]
        self.assertEqual(chains.Graph(rows).dependents(rows[1]), ([], []))

    @given(any_cloud)
    def test_certain_dependents_are_real_and_none_is_missing(self, cloud: Cloud) -> None:
        self.check(cloud)

    @given(hasty_clouds)
    def test_certain_dependents_are_real_with_whole_seconds(self, cloud: Cloud) -> None:
        self.check(cloud)

    def check(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        for row in rows:
            certain, possible = map(ids, chains.Graph(rows).dependents(row))
            self.assertLessEqual(set(certain), cloud.descendants(row.id))
            self.assertLessEqual(cloud.descendants(row.id), {*certain, *possible})
            self.assertEqual(set(certain) & set(possible), set())
            self.assertNotIn(row.id, certain + possible)


class DeletionOrderTest(unittest.TestCase):
    def test_newest_is_deleted_first(self) -> None:
        rows = [full('a', 1), incremental('c', 3), incremental('b', 2)]
        self.assertEqual(ids(chains.deletion_order(rows)), ['c', 'b', 'a'])

    def test_data_time_does_not_matter(self) -> None:
        child = incremental('c', 9, snapshot_id='s', data_timestamp=at(2))
        self.assertEqual(ids(chains.deletion_order([full('d', 5), child])), ['c', 'd'])

    def test_incremental_of_the_same_instant_is_deleted_first(self) -> None:
        rows = [full('z', 1), incremental('a', 1)]
        self.assertEqual(ids(chains.deletion_order(rows)), ['a', 'z'])

    @given(any_cloud)
    def test_cinder_accepts_the_deletion_order(self, cloud: Cloud) -> None:
        for id_ in cloud.made:
            cloud.change(id_, status='available')
        for row in chains.deletion_order(cloud.rows()):
            self.assertTrue(cloud.delete(row.id), row)
        self.assertEqual(cloud.made, {})


class BlockersTest(unittest.TestCase):
    def test_later_incremental_blocks(self) -> None:
        rows = [full('a', 1), incremental('b', 2), full('c', 3)]
        self.assertEqual(ids(chains.blockers(rows[0], rows)), ['b'])
        self.assertEqual(chains.blockers(rows[1], rows), [])
        self.assertEqual(chains.blockers(rows[2], rows), [])

    def test_other_volumes_and_projects_do_not_block(self) -> None:
        others = [incremental('b', 2, volume_id='other'), incremental('c', 2, project_id='other')]
        self.assertEqual(chains.blockers(full('a', 1), others), [])

    def test_backups_of_the_same_instant_block_in_one_direction(self) -> None:
        rows = [full('z', 1), incremental('a', 1), incremental('b', 1)]
        blocking = [ids(chains.blockers(row, rows)) for row in rows]
        self.assertEqual(blocking, [['a', 'b'], ['b'], []])

    def test_backup_does_not_block_itself(self) -> None:
        child = incremental('a', 1)
        self.assertEqual(chains.blockers(child, [child]), [])

    @given(any_cloud)
    def test_every_child_blocks_its_parent(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        for row in rows:
            blocking = ids(chains.blockers(row, rows))
            self.assertLessEqual(cloud.descendants(row.id), set(blocking))

    @given(hasty_clouds, st.randoms(use_true_random=False))
    def test_some_backup_is_never_blocked(self, cloud: Cloud, random: Any) -> None:
        rows = cloud.rows()
        left = [row for row in rows if random.random() < 0.5]
        while left:
            free = [row for row in left if not chains.blockers(row, left)]
            self.assertTrue(free)
            left = [row for row in left if row not in free]


class GraphTest(unittest.TestCase):
    """The graph of many volumes, with parents known from Cinder."""

    #: The end of each child updates its parent.
    CHAIN = (
        full('a', 1, updated_at=incremental('b', 2).updated_at),
        incremental('b', 2, updated_at=incremental('c', 3).updated_at),
        incremental('c', 3),
    )

    def test_parents_and_children_are_found(self) -> None:
        graph = chains.Graph(self.CHAIN)
        self.assertEqual([ids(graph.parents(each)) for each in self.CHAIN], [[], ['a'], ['b']])
        self.assertEqual([ids(graph.children(each)) for each in self.CHAIN], [['b'], ['c'], []])

    def test_only_a_single_possible_parent_is_certain(self) -> None:
        graph = chains.Graph(self.CHAIN)
        self.assertTrue(all(graph.is_certain(each) for each in self.CHAIN))
        orphan, doubtful = incremental('x', 1), incremental('d', 4)
        self.assertFalse(chains.Graph([orphan]).is_certain(orphan))
        self.assertFalse(chains.Graph([*self.CHAIN, doubtful]).is_certain(doubtful))

    def test_known_parent_replaces_inferred_parents(self) -> None:
        graph = chains.Graph(self.CHAIN, {'c': 'a'})
        self.assertEqual(ids(graph.parents(self.CHAIN[2])), ['a'])
        self.assertEqual(ids(graph.children(self.CHAIN[0])), ['b', 'c'])
        self.assertEqual(graph.restorable, {'a', 'b', 'c'})
        self.assertTrue(graph.is_certain(self.CHAIN[2]))

    def test_known_absence_of_a_parent_is_certain(self) -> None:
        for known in ({'c': None}, {'c': 'gone'}):
            with self.subTest(known):
                graph = chains.Graph(self.CHAIN, known)
                self.assertEqual(graph.parents(self.CHAIN[2]), ())
                self.assertTrue(graph.is_certain(self.CHAIN[2]))
                self.assertEqual(graph.restorable, {'a', 'b'})

    def test_ancestors_name_the_first_backup_that_needs_them(self) -> None:
        branch = incremental('d', 4)
        graph = chains.Graph([*self.CHAIN, branch], {'d': 'a'})
        found = graph.ancestors([branch, self.CHAIN[2]])
        self.assertEqual({id_: heir.id for id_, heir in found.items()}, {'a': 'd', 'b': 'c'})

    def test_descendants_name_the_first_backup_that_they_need(self) -> None:
        graph = chains.Graph([*self.CHAIN, full('d', 4)])
        found = graph.descendants([self.CHAIN[1], self.CHAIN[0]])
        self.assertEqual({id_: head.id for id_, head in found.items()}, {'b': 'a', 'c': 'b'})

    def test_no_backup_is_its_own_ancestor_if_the_order_is_unknown(self) -> None:
        rows = [full('a', 1), incremental('b', 2), incremental('c', 2)]
        graph = chains.Graph(rows)
        for row in rows:
            self.assertNotIn(row.id, graph.ancestors([row]))
            self.assertNotIn(row.id, graph.descendants([row]))

    def test_unknown_backup_has_no_relatives(self) -> None:
        graph = chains.Graph(self.CHAIN)
        self.assertEqual((graph.parents(full('x', 1)), graph.children(full('x', 1))), ((), ()))

    def test_uncertain_backup_is_restorable_only_if_all_parents_are(self) -> None:
        broken = full('b', 2, status='error')
        rows = [full('a', 1), broken, incremental('c', 3)]
        graph = chains.Graph(rows)
        self.assertEqual(graph.restorable, {'a', 'c'})
        self.assertEqual(graph.surely_restorable, {'a'})
        self.assertEqual(
            chains.Graph([full('a', 1), full('b', 2), rows[2]]).surely_restorable, {'a', 'b', 'c'}
        )

    @given(any_cloud | hasty_clouds)
    def test_surely_restorable_backups_can_be_restored(self, cloud: Cloud) -> None:
        for id_ in chains.Graph(cloud.rows()).surely_restorable:
            needed = [cloud.made[each] for each in (id_, *cloud.ancestors(id_))]
            self.assertEqual({each.status for each in needed}, {'available'})
            self.assertTrue(any(not each.is_incremental for each in needed))

    @given(any_cloud | hasty_clouds)
    def test_all_ancestors_are_found_and_all_descendants(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        graph = chains.Graph(rows)
        for row in rows:
            self.assertLessEqual(cloud.ancestors(row.id), set(graph.ancestors([row])))
            self.assertLessEqual(cloud.descendants(row.id), set(graph.descendants([row])))

    @given(any_cloud | hasty_clouds)
    def test_graph_with_known_parents_is_exact(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        graph = chains.Graph(rows, {row.id: cloud.parent(row.id) for row in rows})
        for row in rows:
            self.assertEqual(set(graph.ancestors([row])), cloud.ancestors(row.id))
            certain, possible = graph.dependents(row)
            self.assertEqual((set(ids(certain)), possible), (cloud.descendants(row.id), []))

    @given(any_cloud | hasty_clouds)
    def test_volumes_and_projects_are_independent(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        graph = chains.Graph(rows)
        for row in rows:
            group = [each for each in rows if chains.group_of(each) == chains.group_of(row)]
            self.assertEqual(ids(graph.parents(row)), ids(chains.Graph(group).parents(row)))

    def test_cost_grows_linearly_with_the_chain(self) -> None:
        def build(length: int) -> None:
            chain = nightly_chain(length)
            graph = chains.Graph(chain)
            self.assertEqual(len(graph.restorable), length)
            self.assertEqual(len(graph.ancestors(chain)), length - 1)
            self.assertEqual(len(graph.dependents(chain[0])[0]), length - 1)
            self.assertEqual(len(graph.after(chain)), length)

        self.assertLess(steps(lambda: build(800)), 6 * steps(lambda: build(200)))


class AfterTest(unittest.TestCase):
    def after(self, *backups: Backup) -> dict[str, set[str]]:
        return chains.Graph(backups).after(backups)

    def test_backup_waits_for_the_next_newer_incremental(self) -> None:
        rows = [full('a', 1), incremental('b', 2), full('c', 3), incremental('d', 4)]
        self.assertEqual(
            self.after(*rows, full('e', 5)),
            {'a': {'b'}, 'b': {'d'}, 'c': {'d'}, 'd': set(), 'e': set()},
        )

    def test_volumes_and_projects_do_not_wait_for_each_other(self) -> None:
        others = [incremental('b', 2, volume_id='other'), incremental('c', 2, project_id='other')]
        self.assertEqual(self.after(full('a', 1), *others), {'a': set(), 'b': set(), 'c': set()})

    def test_only_backups_to_delete_are_waited_for(self) -> None:
        rows = [full('a', 1), incremental('b', 2)]
        self.assertEqual(chains.Graph(rows).after(rows[:1]), {'a': set()})

    def test_known_parent_waits_for_a_child_that_became_full(self) -> None:
        rows = [full('a', 1), full('b', 2)]
        self.assertEqual(chains.Graph(rows, {'b': 'a'}).after(rows), {'a': {'b'}, 'b': set()})

    @given(any_cloud | hasty_clouds)
    def test_all_later_incrementals_are_deleted_before(self, cloud: Cloud) -> None:
        rows = cloud.rows()
        after = chains.Graph(rows).after(rows)
        awaited: dict[str, set[str]] = {}
        for id_ in TopologicalSorter(after).static_order():
            awaited[id_] = after[id_].union(*(awaited[each] for each in after[id_]))
        for row in rows:
            self.assertEqual(awaited[row.id], set(ids(chains.blockers(row, rows))))
            self.assertLessEqual(len(after[row.id]), 1)

    @given(any_cloud)
    def test_cinder_accepts_every_allowed_order(self, cloud: Cloud) -> None:
        for id_ in cloud.made:
            cloud.change(id_, status='available')
        after = chains.Graph(cloud.rows()).after(cloud.rows())
        for id_ in TopologicalSorter(after).static_order():
            self.assertTrue(cloud.delete(id_))


class LikeliestParentTest(unittest.TestCase):
    def test_parent_has_the_latest_data(self) -> None:
        old = full('b', 5, snapshot_id='s', data_timestamp=at(1))
        found = chains.likeliest_parent([full('a', 3), old])
        self.assertEqual(found and found.id, 'a')

    def test_no_backups_have_no_likeliest_parent(self) -> None:
        self.assertIsNone(chains.likeliest_parent([]))
        self.assertIsNone(chains.refused_by_older_cinder([]))

    def test_unavailable_backup_is_passed_over(self) -> None:
        rows = [full('a', 1), full('b', 2, status='error')]
        found = chains.likeliest_parent(rows)
        self.assertEqual(found and found.id, 'a')
        self.assertIsNone(chains.likeliest_parent(rows[1:]))

    def test_old_cinder_refuses_an_unavailable_parent(self) -> None:
        rows = [full('a', 1), full('b', 2, status='error')]
        found = chains.refused_by_older_cinder(rows)
        self.assertEqual(found and found.id, 'b')
        self.assertIsNone(chains.refused_by_older_cinder([*rows, full('c', 3)]))

    def test_snapshot_parent_has_the_latest_earlier_data(self) -> None:
        snapshot = full('x', 2).created
        found = chains.likeliest_parent([full('a', 1), full('b', 2), full('c', 3)], snapshot)
        self.assertEqual(found and found.id, 'a')

    def test_newest_available_backup_is_the_parent_if_none_is_older(self) -> None:
        snapshot, rows = full('x', 2).created, [full('c', 3), full('d', 4)]
        found = chains.likeliest_parent(rows, snapshot)
        self.assertEqual(found and found.id, 'd')
        rows.append(full('e', 5, status='error'))
        self.assertIsNone(chains.likeliest_parent(rows, snapshot))
        refused = chains.refused_by_older_cinder(rows, snapshot)
        self.assertEqual(refused and refused.id, 'e')

    # If times are equal, the order of Cinder's rows decides.
    @given(clouds(range(1, 4)))
    def test_likeliest_parent_is_the_one_that_cinder_chooses(self, cloud: Cloud) -> None:
        for snapshot in (None, *cloud.snapshots):
            for volume in {snapshot.volume_id} if snapshot else set(VOLUMES):
                for project in set(PROJECTS):
                    self.check(cloud, snapshot, volume or '', project)

    def check(self, cloud: Cloud, snapshot: Snapshot | None, volume: str, project: str) -> None:
        new = Backup(
            'new',
            volume_id=volume,
            project_id=project,
            snapshot_id=snapshot.id if snapshot else None,
            data_timestamp=snapshot.created_at if snapshot else None,
        )
        rows = [each for each in cloud.rows() if chains.group_of(each) == (project, volume)]
        before = snapshot.created if snapshot else None
        parent = chains.likeliest_parent(rows, before)
        choices = cloud.choices(new)
        if cloud.is_old:
            refused = chains.refused_by_older_cinder(rows, before)
            self.assertTrue(refused or choices or not rows)
            self.assertNotIn(refused.id if refused else None, choices)
        if choices or not cloud.is_old:
            self.assertIn(parent.id if parent else None, choices or [None])


class ReasonForFullTest(unittest.TestCase):
    SNAPSHOT = Snapshot('s', created_at=at(2))
    CHUNKED = full('z', 0, object_count=1)

    def assert_reason(
        self, reason: str | None, *backups: Backup, snapshot: Snapshot | None = None, size: int = 1
    ) -> None:
        self.assertEqual(chains.reason_for_full(size, snapshot, backups), reason)

    def test_possible_incremental_has_no_reason_for_full(self) -> None:
        self.assert_reason(None, full('a', 1, size=1))
        self.assert_reason(None, full('a', 1, size=1), snapshot=self.SNAPSHOT)
        self.assert_reason(None, full('a', 3, size=1), snapshot=self.SNAPSHOT)

    def test_volume_without_available_backup_needs_a_full_one(self) -> None:
        reason = 'the volume has no available backup to build on'
        self.assert_reason(reason)
        self.assert_reason(reason, full('a', 1, status='creating'))
        self.assert_reason(reason, full('a', 3, status='creating'), snapshot=self.SNAPSHOT)

    def test_old_snapshot_needs_a_full_backup_if_the_newest_is_unavailable(self) -> None:
        newest = full('b', 4, name='nightly', status='error')
        self.assert_reason(
            'the volume has no available backup that is older than the snapshot, and its newest '
            "backup, 'nightly' (b), is in status error",
            *(full('a', 3), newest),
            snapshot=self.SNAPSHOT,
        )

    def test_refusals_of_old_cinder_are_not_a_reason(self) -> None:
        self.assert_reason(None, full('a', 1), full('b', 2, status='error'))

    def test_grown_volume_needs_a_full_backup(self) -> None:
        small = full('a', 1, name='nightly', size=1)
        self.assert_reason(
            "the volume has grown from 1 to 2 GiB since 'nightly' (a)", small, size=2
        )
        self.assertIsNone(chains.reason_for_full(None, None, [small]))

    def test_snapshot_backup_on_ceph_cannot_be_the_parent(self) -> None:
        parent = full('a', 1, name='nightly', snapshot_id='s')
        self.assert_reason(
            "the parent would be 'nightly' (a), and on Ceph a backup of a snapshot cannot be a "
            'parent',
            parent,
        )
        self.assert_reason(None, parent, self.CHUNKED)
        self.assert_reason(None, parent, full('b', 2))


class IndexTest(unittest.TestCase):
    def test_backups_are_indexed_by_id(self) -> None:
        one, other = full('a', 1), full('b', 2)
        self.assertEqual(chains.by_id([one, other]), {'a': one, 'b': other})
