# SPDX-License-Identifier: Apache-2.0
"""Continuing a list after the row is gone behind which the next page begins."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class Trail:
    """The rows that a list has brought so far."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._seen: set[str] = set()
        #: Whether the last page ended where the one before it did: a server that ignores markers.
        self.stands_still = False

    def new(self, page: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the rows of a page that no page before it had, and remember them."""
        ids = [row['id'] for row in page]
        self.stands_still = not ids or self._ids[-1:] == ids[-1:]
        rows = [row for row in page if row['id'] not in self._seen]
        self._ids += ids
        self._seen.update(ids)
        return rows

    def markers(self) -> Iterator[dict[str, str]]:
        """Yield what to ask the next page with: behind the last row, then behind earlier ones.

        Each step back is twice as long as the one before, since whole pages may be gone. The last
        is to begin again, without a marker. Rows that come twice are left out by :meth:`new`.
        """
        back = 1
        while back <= len(self._ids):
            yield {'marker': self._ids[-back]}
            back *= 2
        yield {}
