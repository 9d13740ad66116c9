# SPDX-License-Identifier: Apache-2.0
import unittest
from dataclasses import replace

from hypothesis import given

from backupext.core.models import Backup
from backupext.core.tree import Node, connect, infer
from tests.unit.core.histories import Cloud, clouds


def made(
    number: int, heir: int = 0, *, full: bool = False, volume: str = 'v', project: str = 'p'
) -> Backup:
    """Return the backup of a day, updated when its child finished, if it has one."""
    time = f'2026-11-{number:02}T02:00:00.000000'
    return Backup(
        f'b{number}',
        status='available',
        volume_id=volume,
        project_id=project,
        is_incremental=not full,
        created_at=time,
        updated_at=f'2026-11-{heir:02}T02:09:00.000000' if heir else time,
        data_timestamp=time,
    )


def certain(backup: Backup, parent: str | None = None) -> Node:
    return Node(backup, parent, is_certain=True)


class InferTest(unittest.TestCase):
    def test_each_backup_builds_on_the_previous_one(self) -> None:
        full, second, third = made(1, 2, full=True), made(2, 3), made(3)
        self.assertEqual(
            infer([third, full, second]),
            [certain(full), certain(second, 'b1'), certain(third, 'b2')],
        )

    def test_latest_possible_parent_is_the_likeliest(self) -> None:
        node = infer([made(1, 3, full=True), made(2, 3), made(3)])[2]
        self.assertEqual((node.parent, node.is_certain), ('b2', False))

    def test_two_backups_of_the_same_time_do_not_build_on_each_other(self) -> None:
        full, one = made(1, 2, full=True), made(2)
        _, second, third = infer([full, one, replace(one, id='twin')])
        self.assertFalse(
            second.parent == third.backup.id and third.parent == second.backup.id,
            (second, third),
        )

    def test_full_backup_certainly_has_no_parent(self) -> None:
        nodes = infer([made(1, full=True), made(2, full=True)])
        self.assertEqual([(node.parent, node.is_certain) for node in nodes], [(None, True)] * 2)

    def test_incremental_without_possible_parent_is_uncertain(self) -> None:
        self.assertEqual(infer([made(2)]), [Node(made(2), None, is_certain=False)])

    def test_volumes_and_projects_have_separate_chains_in_order(self) -> None:
        backups = [
            made(1, full=True, volume='w'),
            made(2, full=True, project='q'),
            made(3, full=True),
            made(4, volume='w'),
            made(5, project='q'),
            made(6),
        ]
        self.assertEqual(
            [(node.backup.id, node.parent) for node in infer(backups)],
            [('b3', None), ('b6', 'b3'), ('b1', None), ('b4', 'b1'), ('b2', None), ('b5', 'b2')],
        )

    @given(clouds())
    def test_certain_parents_are_real(self, cloud: Cloud) -> None:
        for node in infer(cloud.rows()):
            if node.is_certain:
                self.assertEqual(node.parent, cloud.parent(node.backup.id))

    @given(clouds())
    def test_every_backup_appears_once_after_its_parent(self, cloud: Cloud) -> None:
        nodes = infer(cloud.rows())
        ids = [node.backup.id for node in nodes]
        self.assertEqual(sorted(ids), sorted(row.id for row in cloud.rows()))
        for node in nodes:
            if node.parent is not None:
                self.assertLess(ids.index(node.parent), ids.index(node.backup.id))


class ExactTest(unittest.TestCase):
    def test_parents_of_cinder_replace_inferred_ones(self) -> None:
        backups = [made(1, full=True), made(2), made(3)]
        self.assertEqual(
            [(node.parent, node.is_certain) for node in connect(backups, {'b2': 'b1', 'b3': 'b1'})],
            [(None, True), ('b1', True), ('b1', True)],
        )

    def test_parent_unknown_to_cinder_is_not_inferred(self) -> None:
        (_, child) = connect([made(1, full=True), made(2)], {})
        self.assertEqual((child.parent, child.is_certain), (None, True))
