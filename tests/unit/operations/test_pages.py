# SPDX-License-Identifier: Apache-2.0
"""Lists of several pages, while somebody else deletes and makes backups, through the real shell."""

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
        """Have some backups, all full, in small pages; give their IDs, the newest first."""
        self.use_living(page=page, takes=takes)
        return [self.cloud.keep(number) for number in range(1, backups + 1)][::-1]

    def after_first_page(self, happens: Callable[[], object]) -> None:
        self.after_page(1, happens)

    def after_page(self, number: int, happens: Callable[[], object]) -> None:
        """Let something happen once, when so many pages have been read."""
        pages = 0

        def turn() -> None:
            nonlocal pages
            pages += 1
            if pages == number:
                happens()

        self.cloud.after_page = turn

    def listed(self, options: str = '') -> list[str]:
        """List everything; give the IDs of the rows."""
        result = self.openstack(f'volume backup list -f json {options}')
        self.assertEqual((result.status, result.stderr), (0, ''))
        return [row['ID'] for row in json.loads(result.stdout)]

    def assert_done(self, result: Result) -> None:
        self.assertEqual(result.status, 0, result.stderr)
        self.assertNotIn('could not be found', result.stderr)

    def refused_markers(self) -> int:
        """Count the pages that were asked for behind a row that was gone, or twice."""
        pages = [line for line in self.cloud.lines if line.startswith(LIST)]
        return len(pages) - len(set(pages))


class ListTest(PagesTest):
    def test_a_row_behind_which_a_page_begins_may_be_gone(self) -> None:
        ids = self.use_pages(page=2, backups=5)
        self.after_first_page(lambda: self.cloud.remove(ids[1]))
        self.assertEqual(self.listed(), ids)
        self.assert_asked(
            LIST, f'{LIST}?marker={ids[1]}', f'{LIST}?marker={ids[0]}', f'{LIST}?marker={ids[3]}'
        )

    def test_so_may_the_whole_page(self) -> None:
        ids = self.use_pages(page=2, backups=5)
        self.after_first_page(lambda: self.cloud.remove(*ids[:2]))
        self.assertEqual(self.listed(), ids)
        # From the beginning: there is nothing before it.
        self.assertEqual(self.cloud.lines[:4], [LIST, *self.behind(ids[1], ids[0]), LIST])

    def test_so_may_several_pages(self) -> None:
        ids = self.use_pages(page=2, backups=9)
        self.after_page(3, lambda: self.cloud.remove(*ids[:6]))
        self.assertEqual(self.listed(), ids)

    def test_so_may_all_but_the_first(self) -> None:
        ids = self.use_pages(page=2, backups=9)
        self.after_page(3, lambda: self.cloud.remove(*ids[1:6]))
        self.assertEqual(self.listed(), ids)

    def test_so_may_all_that_is_left(self) -> None:
        ids = self.use_pages(page=2, backups=6)
        self.after_page(2, lambda: self.cloud.remove(*ids))
        self.assertEqual(self.listed(), ids[:4])

    def test_a_filter_stays_when_it_begins_again(self) -> None:
        ids = self.use_pages(page=1, backups=4)
        self.cloud.change(ids[0], name='x')
        self.cloud.change(ids[2], name='x')
        self.after_first_page(lambda: self.cloud.remove(ids[0]))
        self.assertEqual(self.listed('--name x'), [ids[0], ids[2]])

    def test_a_number_of_rows_is_kept(self) -> None:
        ids = self.use_pages(page=2, backups=7)
        self.after_first_page(lambda: self.cloud.remove(ids[1]))
        self.assertEqual(self.listed('--max-items 3'), ids[:3])

    def test_a_marker_of_the_users_that_is_gone_is_an_error(self) -> None:
        self.use_pages(page=2, backups=2)
        marker = '99999999-aaaa-4bbb-8ccc-000000000001'
        self.assert_fails(
            f'volume backup list --marker {marker}',
            f'Cannot list backups: Backup {marker} could not be found.',
        )

    def test_behind_a_marker_of_the_users_it_begins_there_again(self) -> None:
        ids = self.use_pages(page=1, backups=4)
        self.after_first_page(lambda: self.cloud.remove(ids[1]))
        self.assertEqual(self.listed(f'--marker {ids[0]}'), ids[1:])

    def behind(self, *markers: str) -> list[str]:
        return [f'{LIST}?marker={marker}' for marker in markers]

    @settings(max_examples=60)
    @given(st.integers(1, 4), st.integers(1, 9), st.data())
    def test_what_stays_is_listed_once_and_in_order(
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
    def test_four_by_name_are_found_while_others_go(self) -> None:
        ids = self.use_pages(page=2, backups=8)
        self.after_first_page(lambda: self.cloud.remove(ids[0], ids[1]))
        result = self.openstack('volume backup delete b1 b2 b3 b4')
        self.assert_done(result)
        self.assertEqual(self.cloud.deletions, ids[-4:])
        self.assertEqual(self.cloud.left, set(ids[2:4]))

    def test_waiting_for_them_goes_on_too(self) -> None:
        ids = self.use_pages(page=2, backups=8, takes=60)
        # The third page is of the first look while they are being deleted.
        self.after_page(5, lambda: self.cloud.remove(ids[0], ids[1]))
        self.assert_done(self.openstack('volume backup delete b1 b2 b3 b4 b5 --wait'))
        self.assertEqual(self.cloud.left, {ids[2]})


class WaitTest(PagesTest):
    def test_several_are_waited_for_while_others_go(self) -> None:
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

    def test_it_goes_on_while_another_prunes(self) -> None:
        ids = self.use_pages(page=2, backups=7)
        self.cloud.keep(8, volume_id=OTHER_VOLUME_ID)
        self.after_page(2, lambda: self.cloud.remove(ids[1], ids[2]))
        self.assert_done(self.openstack(self.PRUNE))
        self.assertEqual(len(self.cloud.left), 2)
        self.assertIn(ids[0], self.cloud.left)

    def test_what_is_read_twice_is_planned_once(self) -> None:
        ids = self.use_pages(page=2, backups=5)
        self.after_first_page(lambda: self.cloud.remove(ids[1]))
        result = self.openstack(f'{self.PRUNE} -f json')
        self.assert_done(result)
        rows = [row['ID'] for row in json.loads(result.stdout)]
        self.assertEqual(rows, ids)
        self.assertEqual(self.cloud.left, {ids[0]})
