# SPDX-License-Identifier: Apache-2.0
"""Replaces what differs between runs: IDs, times, and names that contain them."""

import base64
import re

_ADDRESS = re.compile(r'http://127\.0\.0\.1:\d+')
_CONTAINER = re.compile(r'[0-9a-f]{2}/[0-9a-f]{2}/<id>')
_ID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_RECORD = re.compile(r'eyJ[A-Za-z0-9+/=]+')
_TIME = re.compile(r'\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{6}|Z)?')


def masked(text: str) -> str:
    """Mask IDs and times."""
    return _CONTAINER.sub('<container>', _TIME.sub('<time>', _ID.sub('<id>', text)))


class Numbering:
    """Replaces each ID by a number, and masks times and ports."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def masked(self, text: str) -> str:
        """Replace IDs, times and ports."""
        numbered = _ID.sub(lambda found: f'<id {self._number(found[0])}>', text)
        return _ADDRESS.sub('<address>', _TIME.sub('<time>', numbered))

    def translated(self, text: str, other: 'Numbering') -> str:
        """Replace each known ID by the ID with the same number in another numbering."""
        pairs = dict(zip(self.ids, other.ids, strict=False))
        return _ID.sub(lambda found: pairs.get(found[0], found[0]), text)

    def _number(self, id_: str) -> int:
        if id_ not in self.ids:
            self.ids.append(id_)
        return self.ids.index(id_)


def records_without_times(text: str) -> str:
    """Mask the times in a record: every export changes updated_at."""
    return _RECORD.sub(lambda found: _TIME.sub('<time>', _decoded(found[0])), text)


def _decoded(record: str) -> str:
    return base64.b64decode(record).decode()
