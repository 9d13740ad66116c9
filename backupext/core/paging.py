# SPDX-License-Identifier: Apache-2.0
"""Continue a list although the last row of a page was deleted before the next page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class Trail:
    """The rows of a list that were read so far."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._seen: set[str] = set()
        #: Whether the last two pages ended with the same row: the server ignores markers.
        self.stands_still = False

    def new(self, page: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the rows of a page that are new, and remember them."""
        ids = [row['id'] for row in page]
        self.stands_still = not ids or self._ids[-1:] == ids[-1:]
        rows = [row for row in page if row['id'] not in self._seen]
        self._ids += ids
        self._seen.update(ids)
        return rows

    def markers(self) -> Iterator[dict[str, str]]:
        """Yield parameters for the next page: first after the last row, then after earlier ones.

        Each step back is twice as long as the one before, since whole pages may be deleted. The
        last attempt has no marker and begins again. :meth:`new` leaves out what was read before.
        """
        back = 1
        while back <= len(self._ids):
            yield {'marker': self._ids[-back]}
            back *= 2
        yield {}
