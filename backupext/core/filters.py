# SPDX-License-Identifier: Apache-2.0
"""Filters and sort keys of a list: which of them the server applies, and which the plugin.

Cinder lets every user filter by name, status and volume. With other filters it refuses, ignores
them or returns no rows, depending on the version, the role and the key. The plugin applies those.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from backupext.core.models import Backup


class Scope(NamedTuple):
    """Whose backups to look at: those of the user's project, of one project, or of all."""

    all_projects: bool = False
    project_id: str | None = None

    @property
    def query(self) -> dict[str, str]:
        """The parameters of a request, which Cinder respects for administrators only."""
        if self.project_id:
            return {'all_tenants': '1', 'project_id': self.project_id}
        return {'all_tenants': '1'} if self.all_projects else {}


#: The project of the user's token.
OWN_PROJECT = Scope()

#: The keys by which every Cinder can sort, by the attribute. ``name`` is a key only from 3.37 on,
#: ``display_name`` in every version.
_SERVER_KEYS = {
    key: key
    for key in (
        *('id', 'status', 'size', 'volume_id', 'created_at', 'updated_at', 'project_id'),
        *('user_id', 'container', 'availability_zone', 'snapshot_id', 'object_count'),
        'data_timestamp',
    )
} | {'name': 'display_name'}

#: The attributes that only the plugin can sort by.
_LOCAL_KEYS = ('description', 'fail_reason', 'has_dependent_backups', 'is_incremental')

#: All attributes that a list can be sorted by.
SORT_KEYS = tuple(sorted((*_SERVER_KEYS, *_LOCAL_KEYS)))


class SortKey(NamedTuple):
    """An attribute to sort by; descending by default, as in Cinder."""

    attribute: str
    ascending: bool = False

    @classmethod
    def parse(cls, text: str) -> 'SortKey':
        """Parse ``key``, ``key:asc`` or ``key:desc``.

        :raises ValueError: the key or the direction is not known.
        """
        attribute, _, direction = text.partition(':')
        if attribute not in SORT_KEYS:
            raise ValueError(f"Invalid sort key '{attribute}': use one of {', '.join(SORT_KEYS)}")
        if direction not in {'', 'asc', 'desc'}:
            raise ValueError(f"Invalid sort direction '{direction}': use asc or desc")
        return cls(attribute, direction == 'asc')


class Property(NamedTuple):
    """A property that a backup must have; without a value, any value matches."""

    key: str
    value: str | None = None

    @classmethod
    def parse(cls, text: str) -> 'Property':
        """Parse ``key`` or ``key=value``.

        :raises ValueError: the key is missing.
        """
        key, equals, value = text.partition('=')
        if not key:
            raise ValueError(f"Invalid property '{text}': use <key> or <key>=<value>")
        return cls(key, value if equals else None)

    def is_in(self, properties: dict[str, str] | None) -> bool:
        """Return whether properties include it."""
        if not properties or self.key not in properties:
            return False
        return self.value is None or properties[self.key] == self.value


@dataclass(frozen=True)
class Criteria:
    """The filters, the order and the part of a list.

    ``since`` (included) and ``before`` (not included) are aware times. The list begins after the
    backup whose ID is ``marker``. ``page_size`` is the number of rows per request, ``most`` the
    number in total.
    """

    scope: Scope = OWN_PROJECT
    name: str | None = None
    status: str | None = None
    volume_id: str | None = None
    snapshot_id: str | None = None
    is_incremental: bool | None = None
    properties: tuple[Property, ...] = ()
    since: datetime | None = None
    before: datetime | None = None
    sort: tuple[SortKey, ...] = ()
    marker: str | None = None
    page_size: int | None = None
    most: int | None = None

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the request."""
        asked = {'name': self.name, 'status': self.status, 'volume_id': self.volume_id}
        if self.is_sorted_by_server:
            asked['sort'] = self._server_sort
            asked['marker'] = self.marker
        given = {key: value for key, value in asked.items() if value is not None}
        return {**self.scope.query, **given}

    @property
    def _server_sort(self) -> str | None:
        keys = [
            f'{_SERVER_KEYS[key.attribute]}:{"asc" if key.ascending else "desc"}'
            for key in self.sort
        ]
        return ','.join(keys) or None

    @property
    def is_sorted_by_server(self) -> bool:
        """Whether the server can sort by every key; without keys it sorts the newest first."""
        return all(key.attribute in _SERVER_KEYS for key in self.sort)

    @property
    def is_filtered_by_server(self) -> bool:
        """Whether the server applies all the filters."""
        left = (self.snapshot_id, self.is_incremental, self.since, self.before)
        return not self.properties and all(each is None for each in left)

    @property
    def page_limit(self) -> int | None:
        """Page size to request; capped at ``most`` if the server filters and sorts."""
        if self.most is None or not (self.is_sorted_by_server and self.is_filtered_by_server):
            return self.page_size
        return self.most if self.page_size is None else min(self.page_size, self.most)


def select(rows: Iterable[Backup], criteria: Criteria) -> Iterator[Backup]:
    """Apply what the server has not applied: filters, order, marker and number.

    :param rows: the result of :attr:`Criteria.query`, in its order.
    """
    if criteria.since is not None and not criteria.sort:
        # The newest come first: every row after the first that is too old is even older.
        rows = itertools.takewhile(lambda row: _is_since(row, criteria.since), rows)
    if not criteria.is_filtered_by_server:
        rows = filter(_predicate(criteria), rows)
    if not criteria.is_sorted_by_server:
        rows = _after(criteria.marker, _sorted(rows, criteria.sort))
    return itertools.islice(rows, criteria.most)


def _predicate(criteria: Criteria) -> Callable[[Backup], bool]:
    def is_wanted(row: Backup) -> bool:
        return (
            (criteria.snapshot_id is None or row.snapshot_id == criteria.snapshot_id)
            and (
                criteria.is_incremental is None
                or bool(row.is_incremental) == criteria.is_incremental
            )
            and _is_since(row, criteria.since)
            and (
                criteria.before is None
                or (row.created is not None and row.created < criteria.before)
            )
            and all(each.is_in(row.metadata) for each in criteria.properties)
        )

    return is_wanted


def _is_since(row: Backup, since: datetime | None) -> bool:
    return since is None or (row.created is not None and row.created >= since)


def _sorted(rows: Iterable[Backup], keys: Iterable[SortKey]) -> list[Backup]:
    """Sort by several keys; rows without a value come last, equal rows keep their order."""
    result = list(rows)
    for key in reversed(tuple(keys)):
        known = [row for row in result if getattr(row, key.attribute) is not None]
        unknown = [row for row in result if getattr(row, key.attribute) is None]
        known.sort(key=lambda row: _value(row, key), reverse=not key.ascending)
        result = known + unknown
    return result


def _value(row: Backup, key: SortKey) -> Any:
    return getattr(row, key.attribute)


def _after(marker: str | None, rows: list[Backup]) -> list[Backup]:
    if marker is None:
        return rows
    ids = [row.id for row in rows]
    return rows[ids.index(marker) + 1 :] if marker in ids else []
