# SPDX-License-Identifier: Apache-2.0
"""Reading a list whose rows are deleted and created in between."""

import itertools
import unittest
from collections.abc import Callable, Iterable, Iterator

from hypothesis import given
from hypothesis import strategies as st

from backupext.core.paging import Trail

Page = list[dict[str, str]]


class Server:
    """A server with sorted rows in pages; like Cinder, it rejects a deleted marker."""

    def __init__(self, ids: Iterable[str], size: int) -> None:
        self.ids = list(ids)
        self._size = size
        self.refused = 0

    def page(self, marker: str | None = None) -> tuple[Page, bool] | None:
        """Return the rows after a marker, and whether there are more; None if it was deleted."""
        if marker is not None and marker not in self.ids:
            self.refused += 1
            return None
        first = 0 if marker is None else self.ids.index(marker) + 1
        page = self.ids[first : first + self._size]
        return [{'id': id_} for id_ in page], first + self._size < len(self.ids)


def read(server: Server, between: Callable[[], object] = lambda: None) -> list[str]:
    """Read all pages, with an event between two of them; return the IDs of the rows."""
    return [row for page in pages(server, between) for row in page]


def pages(server: Server, between: Callable[[], object]) -> Iterator[list[str]]:
    trail = Trail()
    answer = server.page()
    while answer:
        yield [row['id'] for row in trail.new(answer[0])]
        if not answer[1] or trail.stands_still:
            return
        between()
        answer = next(filter(None, (server.page(**marker) for marker in trail.markers())))


class NewTest(unittest.TestCase):
    def test_each_row_is_new_once(self) -> None:
        trail = Trail()
        self.assertEqual(trail.new([{'id': 'a'}, {'id': 'b'}]), [{'id': 'a'}, {'id': 'b'}])
        self.assertEqual(trail.new([{'id': 'b'}, {'id': 'c'}]), [{'id': 'c'}])
        self.assertEqual(trail.new([{'id': 'c'}]), [])

    def test_repeated_page_stands_still(self) -> None:
        trail = Trail()
        for page, stands in (([{'id': 'a'}], False), ([{'id': 'b'}], False), ([{'id': 'b'}], True)):
            trail.new(page)
            self.assertEqual(trail.stands_still, stands)

    def test_empty_page_stands_still(self) -> None:
        trail = Trail()
        trail.new([])
        self.assertTrue(trail.stands_still)


class MarkerTest(unittest.TestCase):
    def test_markers_begin_with_the_last_row_and_end_without_marker(self) -> None:
        trail = Trail()
        trail.new([{'id': str(number)} for number in range(10)])
        self.assertEqual(
            [marker.get('marker') for marker in trail.markers()], ['9', '8', '6', '2', None]
        )

    def test_first_page_has_no_marker(self) -> None:
        self.assertEqual(list(Trail().markers()), [{}])

    def test_thousand_deleted_rows_take_few_requests(self) -> None:
        trail = Trail()
        trail.new([{'id': str(number)} for number in range(1000)])
        self.assertLess(len(list(trail.markers())), 12)


class ReadTest(unittest.TestCase):
    def test_deleted_marker_loses_and_repeats_no_row(self) -> None:
        server = Server('abcdef', 2)

        def delete_the_marker() -> None:
            server.ids = [id_ for id_ in server.ids if id_ != 'b']

        self.assertEqual(read(server, delete_the_marker), [*'abcdef'])
        self.assertEqual(server.refused, 1)

    def test_deleted_page_loses_and_repeats_no_row(self) -> None:
        server = Server('abcdef', 2)

        def delete_what_was_read() -> None:
            server.ids = server.ids[-2:]

        self.assertEqual(read(server, delete_what_was_read), [*'abef'])
        self.assertEqual(server.refused, 2)

    def test_reading_ends_if_the_server_ignores_markers(self) -> None:
        class Deaf(Server):
            def page(self, marker: str | None = None) -> tuple[Page, bool] | None:
                del marker
                return super().page()

        self.assertEqual(read(Deaf('abcd', 2)), ['a', 'b'])

    @given(st.integers(1, 30), st.integers(1, 5), st.data())
    def test_remaining_rows_come_once_and_in_order(
        self, number: int, size: int, data: st.DataObject
    ) -> None:
        ids = [f'{place:02}' for place in range(number)]
        server = Server(ids, size)
        deleted: set[str] = set()

        def delete_some() -> None:
            some = data.draw(st.sets(st.sampled_from(server.ids)) if server.ids else st.just(set()))
            deleted.update(some)
            server.ids = [id_ for id_ in server.ids if id_ not in some]

        found = read(server, delete_some)
        self.assertEqual(found, sorted(set(found)))
        self.assertLessEqual(set(ids) - deleted, set(found))

    @given(st.integers(1, 20), st.integers(1, 5), st.data())
    def test_new_rows_at_the_beginning_do_not_matter(
        self, number: int, size: int, data: st.DataObject
    ) -> None:
        ids = [f'{place:02}' for place in range(number)]
        server = Server(ids, size)
        new = (f'new {place}' for place in itertools.count())
        deleted: set[str] = set()

        def make_and_delete() -> None:
            server.ids[:0] = itertools.islice(new, data.draw(st.integers(0, 2)))
            doomed = data.draw(st.sampled_from(server.ids))
            server.ids.remove(doomed)
            deleted.add(doomed)

        found = read(server, make_and_delete)
        self.assertEqual(len(found), len(set(found)))
        self.assertLessEqual(set(ids) - deleted, set(found))
