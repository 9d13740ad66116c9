# SPDX-License-Identifier: Apache-2.0
"""The server's and the plugin's part of every list match a simple model."""

import itertools
import unittest
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backupext.core.filters import SORT_KEYS, Criteria, Property, SortKey, select
from backupext.core.models import Backup
from backupext.core.timespec import parse_instant

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
_SERVER_NAMES = {'display_name': 'name'}

# Few values, so that rows often have equal ones.
_NAMES = st.sampled_from(['a', 'b', ''])
_HOURS = st.integers(0, 6)


def _time(hour: int) -> str:
    return (START + timedelta(hours=hour)).strftime('%Y-%m-%dT%H:%M:%S.%f')


@st.composite
def _backups(draw: st.DrawFn) -> list[Backup]:
    rows = draw(
        st.lists(
            st.builds(
                Backup,
                id=st.just(''),
                name=_NAMES,
                status=st.sampled_from(['available', 'error']),
                volume_id=st.sampled_from(['v', 'w']),
                size=st.integers(1, 3),
                description=st.none() | _NAMES,
                is_incremental=st.booleans(),
                snapshot_id=st.none() | st.sampled_from(['s', 't']),
                created_at=_HOURS.map(_time),
                metadata=st.dictionaries(st.sampled_from(['k', 'l']), _NAMES, max_size=2),
            ),
            max_size=12,
        )
    )
    return [replace(row, id=f'id-{number:02}') for number, row in enumerate(rows)]


_criteria = st.builds(
    Criteria,
    name=st.none() | _NAMES,
    status=st.none() | st.just('error'),
    volume_id=st.none() | st.just('v'),
    snapshot_id=st.none() | st.just('s'),
    is_incremental=st.none() | st.booleans(),
    properties=st.lists(
        st.builds(Property, st.sampled_from(['k', 'l']), st.none() | _NAMES), max_size=2
    ).map(tuple),
    since=st.none() | _HOURS.map(lambda hour: START + timedelta(hours=hour)),
    before=st.none() | _HOURS.map(lambda hour: START + timedelta(hours=hour)),
    sort=st.lists(
        st.builds(
            SortKey,
            st.sampled_from(['name', 'size', 'created_at', 'description', 'is_incremental']),
            st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    most=st.none() | st.integers(0, 5),
)


def _newest_first(rows: Iterable[Backup]) -> list[Backup]:
    return sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)


def _ordered(rows: Iterable[Backup], keys: Iterable[tuple[str, bool]]) -> list[Backup]:
    result = _newest_first(rows)
    for attribute, ascending in reversed(list(keys)):
        known = [row for row in result if getattr(row, attribute) is not None]
        known.sort(key=lambda row: getattr(row, attribute), reverse=not ascending)
        result = known + [row for row in result if getattr(row, attribute) is None]
    return result


def _server(rows: Iterable[Backup], query: dict[str, str]) -> list[Backup]:
    """Return a list as Cinder does: three filters, an order, and a marker."""
    wanted = [
        row
        for row in rows
        if all(
            getattr(row, key) == query[key]
            for key in ('name', 'status', 'volume_id')
            if key in query
        )
    ]
    words = [word.partition(':') for word in query.get('sort', '').split(',') if word]
    keys = [(_SERVER_NAMES.get(key, key), direction == 'asc') for key, _, direction in words]
    return list(_behind(_ordered(wanted, keys), query.get('marker')))


def _behind(rows: list[Backup], marker: str | None) -> Iterable[Backup]:
    if marker is None:
        return rows
    return list(itertools.dropwhile(lambda row: row.id != marker, rows))[1:]


def _model(rows: Iterable[Backup], criteria: Criteria) -> list[Backup]:
    """Return the expected rows of a list, computed in the simplest way."""
    wanted = [row for row in rows if _is_wanted(row, criteria)]
    keys = [(key.attribute, key.ascending) for key in criteria.sort]
    return list(_behind(_ordered(wanted, keys), criteria.marker))[: criteria.most]


def _is_wanted(row: Backup, criteria: Criteria) -> bool:
    asked: dict[str, Any] = {
        key: getattr(criteria, key)
        for key in ('name', 'status', 'volume_id', 'snapshot_id', 'is_incremental')
    }
    created = parse_instant(row.created_at or '', START)
    properties = row.metadata or {}
    return (
        all(getattr(row, key) == value for key, value in asked.items() if value is not None)
        and (criteria.since is None or created >= criteria.since)
        and (criteria.before is None or created < criteria.before)
        and all(
            each.key in properties and each.value in {None, properties[each.key]}
            for each in criteria.properties
        )
    )


class SelectTest(unittest.TestCase):
    @given(_backups(), _criteria)
    def test_server_and_plugin_together_match_the_model(
        self, rows: list[Backup], criteria: Criteria
    ) -> None:
        found = list(select(_server(rows, criteria.query), criteria))
        self.assertEqual(found, _model(rows, criteria))

    @given(_backups(), _criteria, st.data())
    def test_marker_continues_a_list(
        self, rows: list[Backup], criteria: Criteria, data: st.DataObject
    ) -> None:
        whole = _model(rows, replace(criteria, most=None))
        if whole:
            marker = data.draw(st.sampled_from(whole)).id
            marked = replace(criteria, marker=marker)
            found = list(select(_server(rows, marked.query), marked))
            self.assertEqual(found, _model(rows, marked))

    @given(_backups(), _criteria)
    def test_page_is_limited_only_without_local_filters(
        self, rows: list[Backup], criteria: Criteria
    ) -> None:
        limited = replace(criteria, page_size=None)
        if limited.page_limit is not None:
            cut = _server(rows, limited.query)[: limited.page_limit]
            self.assertEqual(list(select(cut, limited)), _model(rows, limited))


class ParseTest(unittest.TestCase):
    def test_sort_key_is_descending_by_default(self) -> None:
        self.assertEqual(SortKey.parse('name'), SortKey('name'))
        self.assertEqual(SortKey.parse('name:desc'), SortKey('name', ascending=False))
        self.assertEqual(SortKey.parse('name:asc'), SortKey('name', ascending=True))

    def test_unknown_key_or_direction_is_refused(self) -> None:
        for text in ('', 'nosuch', 'name:up', ':asc', 'name:asc:desc'):
            with self.subTest(text), self.assertRaises(ValueError):
                SortKey.parse(text)

    def test_every_key_is_an_attribute_of_a_backup(self) -> None:
        backup = Backup('id')
        for key in SORT_KEYS:
            self.assertTrue(hasattr(backup, key), key)

    def test_property_may_have_a_value(self) -> None:
        self.assertEqual(Property.parse('k'), Property('k'))
        self.assertEqual(Property.parse('k='), Property('k', ''))
        self.assertEqual(Property.parse('k=v=w'), Property('k', 'v=w'))
        with self.assertRaises(ValueError):
            Property.parse('=v')
