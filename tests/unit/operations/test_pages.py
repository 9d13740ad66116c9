# SPDX-License-Identifier: Apache-2.0
"""Lists of several pages while other commands delete and create, through the real shell."""

import json
from collections.abc import Callable, Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.living import LivingTest
from tests.unit.rows import OTHER_VOLUME_ID
from tests.unit.shell import Result

LIST = 'GET /backups/detail'


class PagesTest(LivingTest):
    def use_pages(self, *, page: int, backups: int, takes: float = 2.0) -> list[str]:
        """Create full backups in small pages; return their IDs, newest first."""
        self.use_living(page=page, takes=takes)
        return [self.cloud.keep(number) for number in range(1, backups + 1)][::-1]

    def after_first_page(self, happens: Callable[[], object]) -> None:
        self.after_page(1, happens)

    def after_page(self, number: int, happens: Callable[[], object]) -> None:
        """Run a function once, after a number of pages has been read."""
        pages = 0

        def turn() -> None:
            nonlocal pages
            pages += 1
            if pages == number:
                happens()

        self.cloud.after_page = turn

    def listed(self, options: str = '') -> list[str]:
        """List everything; return the IDs of the rows."""
        result = self.openstack(f'volume backup list -f json {options}')
        self.assertEqual((result.status, result.stderr), (0, ''))
        return [row['ID'] for row in json.loads(result.stdout)]

    def assert_done(self, result: Result) -> None:
        self.assertEqual(result.status, 0, result.stderr)
        self.assertNotIn('could not be found', result.stderr)

    def refused_markers(self) -> int:
        """Count the pages that were requested twice, or after a deleted row."""
        pages = [line for line in self.cloud.lines if line.startswith(LIST)]
        return len(pages) - len(set(pages))


class ListTest(PagesTest):
    def test_list_continues_if_the_marker_is_gone(self) -> None:
        ids = self.use_pages(page=2, backups=5)
        self.after_first_page(lambda: self.cloud.remove(ids[1]))
        self.assertEqual(self.listed(), ids)
        self.assert_asked(
            LIST, f'{LIST}?marker={ids[1]}', f'{LIST}?marker={ids[0]}', f'{LIST}?marker={ids[3]}'
        )

    def test_list_continues_if_the_whole_page_is_gone(self) -> None:
        ids = self.use_pages(page=2, backups=5)
        self.after_first_page(lambda: self.cloud.remove(*ids[:2]))
        self.assertEqual(self.listed(), ids)
        # The list starts again, because there is no row before.
        self.assertEqual(self.cloud.lines[:4], [LIST, *self.behind(ids[1], ids[0]), LIST])

    def test_list_continues_if_several_pages_are_gone(self) -> None:
        ids = self.use_pages(page=2, backups=9)
        self.after_page(3, lambda: self.cloud.remove(*ids[:6]))
        self.assertEqual(self.listed(), ids)

    def test_list_continues_if_all_read_rows_but_the_first_are_gone(self) -> None:
        ids = self.use_pages(page=2, backups=9)
        self.after_page(3, lambda: self.cloud.remove(*ids[1:6]))
        self.assertEqual(self.listed(), ids)

    def test_list_ends_if_all_rows_are_gone(self) -> None:
        ids = self.use_pages(page=2, backups=6)
        self.after_page(2, lambda: self.cloud.remove(*ids))
        self.assertEqual(self.listed(), ids[:4])

    def test_filter_is_kept_when_the_list_starts_again(self) -> None:
        ids = self.use_pages(page=1, backups=4)
        self.cloud.change(ids[0], name='x')
        self.cloud.change(ids[2], name='x')
        self.after_first_page(lambda: self.cloud.remove(ids[0]))
        self.assertEqual(self.listed('--name x'), [ids[0], ids[2]])

    def test_max_items_is_kept_when_rows_are_deleted(self) -> None:
        ids = self.use_pages(page=2, backups=7)
        self.after_first_page(lambda: self.cloud.remove(ids[1]))
        self.assertEqual(self.listed('--max-items 3'), ids[:3])

    def test_deleted_marker_of_the_user_is_a_failure(self) -> None:
        self.use_pages(page=2, backups=2)
        marker = '99999999-aaaa-4bbb-8ccc-000000000001'
        self.assert_fails(
            f'volume backup list --marker {marker}',
            f'Cannot list backups: Backup {marker} could not be found.',
        )

    def test_list_starts_again_at_the_marker_of_the_user(self) -> None:
        ids = self.use_pages(page=1, backups=4)
        self.after_first_page(lambda: self.cloud.remove(ids[1]))
        self.assertEqual(self.listed(f'--marker {ids[0]}'), ids[1:])

    def behind(self, *markers: str) -> list[str]:
        return [f'{LIST}?marker={marker}' for marker in markers]

    @settings(max_examples=60)
    @given(st.integers(1, 4), st.integers(1, 9), st.data())
    def test_remaining_rows_are_listed_once_and_in_order(
        self, page: int, backups: int, data: st.DataObject
    ) -> None:
        ids = self.use_pages(page=page, backups=backups)
        deleted: set[str] = set()

        def delete_some() -> None:
            deleted.update(data.draw(st.sets(st.sampled_from(ids))))
            self.cloud.remove(*deleted)

        self.cloud.after_page = delete_some
        try:
            found = self.listed()
        finally:
            self.cloud.stop()
        self.assertEqual(found, [id_ for id_ in ids if id_ in found])
        self.assertLessEqual(set(ids) - deleted, set(found))


class DeleteTest(PagesTest):
    def test_four_names_are_found_while_others_are_deleted(self) -> None:
        ids = self.use_pages(page=2, backups=8)
        self.after_first_page(lambda: self.cloud.remove(ids[0], ids[1]))
        result = self.openstack('volume backup delete b1 b2 b3 b4')
        self.assert_done(result)
        self.assertEqual(sorted(self.cloud.deletions), sorted(ids[-4:]))
        self.assertEqual(self.cloud.left, set(ids[2:4]))

    def test_wait_for_deletions_continues(self) -> None:
        ids = self.use_pages(page=2, backups=8, takes=60)
        # The third page belongs to the first look during the deletions.
        self.after_page(5, lambda: self.cloud.remove(ids[0], ids[1]))
        self.assert_done(self.openstack('volume backup delete b1 b2 b3 b4 b5 --wait'))
        self.assertEqual(self.cloud.left, {ids[2]})


class WaitTest(PagesTest):
    def test_wait_for_several_continues_while_others_are_deleted(self) -> None:
        ids = self.use_pages(page=1, backups=6)
        awaited = ids[-3:]
        self.set_statuses('creating', awaited)
        self.cloud.after(9, lambda: self.set_statuses('available', awaited))
        self.after_first_page(lambda: self.cloud.remove(ids[0]))
        self.assert_done(self.openstack(f'volume backup wait {" ".join(awaited)}'))

    def set_statuses(self, status: str, ids: Iterable[str]) -> None:
        for id_ in ids:
            self.cloud.change(id_, status=status)


class PruneTest(PagesTest):
    PRUNE = 'volume backup prune --all-volumes --keep-last 1 --auto-approve'

    def test_prune_continues_while_another_prune_runs(self) -> None:
        ids = self.use_pages(page=2, backups=7)
        self.cloud.keep(8, volume_id=OTHER_VOLUME_ID)
        self.after_page(2, lambda: self.cloud.remove(ids[1], ids[2]))
        self.assert_done(self.openstack(self.PRUNE))
        self.assertEqual(len(self.cloud.left), 2)
        self.assertIn(ids[0], self.cloud.left)

    def test_backup_read_twice_is_planned_once(self) -> None:
        ids = self.use_pages(page=2, backups=5)
        self.after_first_page(lambda: self.cloud.remove(ids[1]))
        result = self.openstack(f'{self.PRUNE} -f json')
        self.assert_done(result)
        rows = [row['ID'] for row in json.loads(result.stdout)]
        self.assertEqual(rows, ids)
        self.assertEqual(self.cloud.left, {ids[0]})
