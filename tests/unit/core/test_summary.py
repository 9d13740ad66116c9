# SPDX-License-Identifier: Apache-2.0
import unittest

from hypothesis import given
from hypothesis import strategies as st

from backupext.core.models import Backup
from backupext.core.summary import Line, summarize

EARLY, MIDDLE, LATE = (f'2026-11-0{day}T02:00:00.000000' for day in (1, 2, 3))


def made(
    volume: str | None = 'v',
    status: str = 'available',
    *,
    incremental: bool | None = False,
    size: int | None = 1,
    created_at: str | None = EARLY,
) -> Backup:
    return Backup(
        'b',
        status=status,
        volume_id=volume,
        size=size,
        is_incremental=incremental,
        created_at=created_at,
    )


BACKUPS = st.builds(
    made,
    st.sampled_from(['v', 'w', 'x']),
    st.sampled_from(['available', 'error']),
    incremental=st.booleans(),
    size=st.integers(1, 9),
    created_at=st.sampled_from([EARLY, MIDDLE, LATE]),
)


class SummarizeTest(unittest.TestCase):
    def test_empty_list_has_no_lines(self) -> None:
        self.assertEqual(summarize([], {}), [])

    def test_backups_of_one_kind_and_status_are_added_up(self) -> None:
        backups = [made(created_at=time, size=2) for time in (MIDDLE, LATE, EARLY)]
        self.assertEqual(
            summarize(backups, {'v': 'data'}),
            [Line('v', 'available', 'full', 3, 6, EARLY, LATE)],
        )

    def test_kinds_statuses_and_volumes_have_separate_lines(self) -> None:
        backups = [
            made('w'),
            made(status='error'),
            made(incremental=True),
            made(),
        ]
        self.assertEqual(
            [
                (line.volume_id, line.status, line.kind, line.count)
                for line in summarize(backups, {})
            ],
            [
                ('v', 'available', 'full', 1),
                ('v', 'available', 'incremental', 1),
                ('v', 'error', 'full', 1),
                ('w', 'available', 'full', 1),
            ],
        )

    def test_volume_without_backups_has_a_line(self) -> None:
        self.assertEqual(summarize([made()], {'v': 'a', 'w': 'b'})[1], Line('w'))
        self.assertEqual((Line('w').count, Line('w').size, Line('w').oldest), (0, 0, None))

    def test_lines_are_sorted_by_name_then_id(self) -> None:
        names = {'1': 'b', '2': 'a', '3': None, '4': 'a'}
        lines = summarize([made('gone')], names)
        self.assertEqual([line.volume_id for line in lines], ['3', 'gone', '2', '4', '1'])

    def test_missing_values_are_not_counted(self) -> None:
        backups = [made(size=None, created_at=None), made(size=3, created_at=MIDDLE)]
        self.assertEqual(
            summarize(backups, {}), [Line('v', 'available', 'full', 2, 3, MIDDLE, MIDDLE)]
        )

    def test_backup_without_volume_is_counted(self) -> None:
        self.assertEqual(summarize([made(None)], {})[0].count, 1)

    @given(st.lists(BACKUPS), st.sets(st.sampled_from(['v', 'w', 'y'])))
    def test_every_backup_is_counted_once_and_every_volume_listed(
        self, backups: list[Backup], volumes: set[str]
    ) -> None:
        lines = summarize(backups, dict.fromkeys(volumes))
        self.assertEqual(sum(line.count for line in lines), len(backups))
        self.assertEqual(sum(line.size for line in lines), sum(each.size or 0 for each in backups))
        self.assertEqual(
            {line.volume_id for line in lines}, {each.volume_id for each in backups} | volumes
        )
        keys = [(line.volume_id, line.status, line.kind) for line in lines]
        self.assertEqual(len(keys), len(set(keys)))
