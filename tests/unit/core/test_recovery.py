# SPDX-License-Identifier: Apache-2.0
import unittest
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backupext.core import labels
from backupext.core.labels import Origin
from backupext.core.models import Attachment, Backup, Volume
from backupext.core.naming import check_format
from backupext.core.recovery import (
    NAME_FIELDS,
    READABLE,
    Choice,
    History,
    Source,
    format_name,
    time_of,
)
from tests.unit.core.histories import BEGINNING, Cloud, clouds, hasty_clouds

SERVER = '99999999-aaaa-4bbb-8ccc-000000000001'
REBUILT = '99999999-aaaa-4bbb-8ccc-000000000002'
FIRST = datetime(2026, 11, 1, 2, tzinfo=timezone.utc)


def night(number: int, minute: int = 0) -> datetime:
    """Return the time of the nightly backups of a day of November, counted from 1."""
    return FIRST + timedelta(days=number - 1, minutes=minute)


def backup(volume: str, time: datetime, **changes: Any) -> Backup:
    """Return a full backup by hand."""
    text = f'{time:%Y-%m-%dT%H:%M:%S.%f}'
    row = Backup(
        f'{volume}@{time:%d-%H%M}',
        status='available',
        volume_id=volume,
        is_incremental=False,
        created_at=text,
        updated_at=text,
        data_timestamp=text,
        object_count=1,
    )
    return replace(row, **changes)


def nightly(
    volume: str,
    time: datetime,
    *,
    label: str = 'nightly',
    run: str | None = None,
    changes: dict[str, Any] | None = None,
    **origin: str,
) -> Backup:
    """Return a backup that a rotation made, by default of a volume of a server."""
    known = {'volume_name': volume, 'server': SERVER, 'server_name': 'web', **origin}
    metadata = labels.properties(label, run or f'{time:%d}', Origin(**known))
    return backup(volume, time, metadata=metadata, **(changes or {}))


def ids(choice: Choice) -> list[str | None]:
    """Return the IDs of the chosen backups."""
    return [each.backup.id if each.backup else None for each in choice.picks]


def sources(history: History, *volumes: str) -> list[Source]:
    return [history.describe(each) for each in volumes]


class ChoiceTest(unittest.TestCase):
    def choose(
        self, backups: list[Backup], *volumes: str, at: datetime | None = None, **options: Any
    ) -> Choice:
        history = History(backups, (), at)
        return history.choose(sources(history, *volumes), **options)

    def test_latest_data_up_to_the_time_is_chosen(self) -> None:
        rows = [backup('db', night(day)) for day in (1, 2, 3)]
        for at, expected in (
            (None, 'db@03-0200'),
            (night(2, 5), 'db@02-0200'),
            (night(2), 'db@02-0200'),
            (night(2) - timedelta(microseconds=1), 'db@01-0200'),
            (night(1) - timedelta(seconds=1), None),
        ):
            with self.subTest(at=at):
                self.assertEqual(ids(self.choose(rows, 'db', at=at)), [expected])

    def test_time_of_a_snapshot_counts(self) -> None:
        early = backup('db', night(1))
        late = backup('db', night(3), data_timestamp='2026-11-02T00:00:00', snapshot_id='s')
        self.assertEqual(ids(self.choose([early, late], 'db', at=night(2))), [late.id])

    def test_unfinished_and_failed_backups_are_passed_over(self) -> None:
        good = backup('db', night(1))
        for changes in (
            {'status': 'creating'},
            {'status': 'error'},
            {'status': 'deleting'},
            {'status': 'available', 'fail_reason': 'disk full'},
        ):
            with self.subTest(changes=changes):
                rows = [good, backup('db', night(2), **changes)]
                self.assertEqual(ids(self.choose(rows, 'db')), [good.id])

    def test_backup_that_is_being_restored_is_chosen(self) -> None:
        rows = [backup('db', night(1)), backup('db', night(2), status='restoring')]
        self.assertEqual(ids(self.choose(rows, 'db')), ['db@02-0200'])

    def test_incremental_backup_without_its_parent_is_passed_over(self) -> None:
        rows = [
            backup('db', night(1)),
            backup('db', night(2), status='error', updated_at='2026-11-03T02:01:00'),
            backup('db', night(3), is_incremental=True),
        ]
        (pick,) = self.choose(rows, 'db').picks
        self.assertEqual(pick.backup, rows[0])

    def test_uncertain_backup_is_named(self) -> None:
        # The parent is one of two, of which one failed later.
        rows = [
            backup('db', night(1), updated_at='2026-11-05T00:00:00'),
            backup('db', night(2), status='error', updated_at='2026-11-05T00:00:00'),
            backup('db', night(3), is_incremental=True),
        ]
        (pick,) = self.choose(rows, 'db').picks
        self.assertEqual((pick.backup, pick.uncertain), (rows[0], rows[2]))

    def test_older_uncertain_backup_is_not_named(self) -> None:
        rows = [
            backup('db', night(1), updated_at='2026-11-05T00:00:00'),
            backup('db', night(2), status='error', updated_at='2026-11-05T00:00:00'),
            backup('db', night(3), is_incremental=True),
            backup('db', night(4)),
        ]
        (pick,) = self.choose(rows, 'db').picks
        self.assertEqual((pick.backup, pick.uncertain), (rows[3], None))

    def test_label_narrows_the_choice(self) -> None:
        rows = [nightly('db', night(1)), nightly('db', night(2), label='weekly')]
        self.assertEqual(ids(self.choose(rows, 'db', label='nightly')), ['db@01-0200'])
        self.assertEqual(ids(self.choose(rows, 'db', label='weekly')), ['db@02-0200'])
        self.assertEqual(ids(self.choose(rows, 'db', label='monthly')), [None])

    def test_chain_across_rotations_is_restorable(self) -> None:
        incremental = {'is_incremental': True}
        rows = [
            nightly('db', night(1), label='weekly'),
            nightly('db', night(2), changes=incremental),
        ]
        self.assertEqual(ids(self.choose(rows, 'db', label='nightly')), ['db@02-0200'])

    def test_volume_without_backups_has_none(self) -> None:
        self.assertEqual(
            ids(self.choose([backup('db', night(1))], 'log', 'db')), [None, 'db@01-0200']
        )

    def test_span_is_that_of_the_data(self) -> None:
        rows = [backup('db', night(1)), backup('log', night(1, 7)), backup('home', night(1, 3))]
        choice = self.choose(rows, 'db', 'log', 'home', 'nothing')
        self.assertEqual(choice.span, (night(1), night(1, 7)))
        self.assertIsNone(self.choose(rows, 'db').span)


class RunTest(unittest.TestCase):
    """Preferring one run of a rotation, so that the volumes fit together."""

    def choose(self, backups: list[Backup], *, together: bool = True) -> Choice:
        history = History(backups, ())
        return history.choose(sources(history, 'db', 'log'), together=together)

    def both(self, day: int, **changes: Any) -> list[Backup]:
        return [
            nightly('db', night(day)),
            nightly('log', night(day, 1), run=f'{day:02}', changes=changes),
        ]

    def test_complete_run_is_preferred_to_a_later_backup(self) -> None:
        later = backup('db', night(2, 60))
        choice = self.choose([*self.both(1), *self.both(2), later])
        self.assertEqual(ids(choice), ['db@02-0200', 'log@02-0201'])
        self.assertEqual((choice.run, choice.picks[0].newer), ('02', later))
        self.assertIsNone(choice.picks[1].newer)

    def test_latest_of_each_is_chosen_if_the_latest_run_lacks_one(self) -> None:
        choice = self.choose([*self.both(1), *self.both(2, status='error')])
        self.assertEqual(ids(choice), ['db@02-0200', 'log@01-0201'])
        self.assertIsNone(choice.run)

    def test_time_of_the_latest_complete_run_gives_that_run(self) -> None:
        rows = [*self.both(1), *self.both(2), *self.both(3, status='error')]
        until = self.choose(rows).complete_until
        self.assertEqual(until, night(2, 1))
        history = History(rows, (), until)
        choice = history.choose(sources(history, 'db', 'log'), together=True)
        self.assertEqual((ids(choice), choice.run), (['db@02-0200', 'log@02-0201'], '02'))

    def test_runs_of_two_rotations_are_not_mixed(self) -> None:
        rows = [
            nightly('db', night(1), label='a', run='1'),
            nightly('log', night(1, 1), label='b', run='1'),
        ]
        choice = self.choose(rows)
        self.assertEqual((ids(choice), choice.run), (['db@01-0200', 'log@01-0201'], None))
        self.assertIsNone(choice.complete_until)

    def test_run_is_not_preferred_unless_asked(self) -> None:
        choice = self.choose([*self.both(1), backup('db', night(2))], together=False)
        self.assertEqual(ids(choice), ['db@02-0200', 'log@01-0201'])

    def test_single_volume_gets_its_latest_backup(self) -> None:
        rows = [nightly('db', night(1)), backup('db', night(2))]
        history = History(rows, ())
        choice = history.choose(sources(history, 'db'), together=True)
        self.assertEqual(ids(choice), ['db@02-0200'])


class ServerTest(unittest.TestCase):
    """Which volumes a server had."""

    def volumes(
        self, backups: list[Backup], *volumes: Volume, at: datetime | None = None
    ) -> list[str]:
        return [each.id for each in History(backups, volumes, at).volumes_of_server(SERVER)]

    def test_devices_are_in_order(self) -> None:
        rows = [
            nightly(name, night(1), device=device)
            for name, device in (
                *(('v1', '/dev/vdaa'), ('v2', '/dev/vdc'), ('v3', '/dev/vda')),
                ('v4', '/dev/vdz'),
            )
        ]
        rows += [nightly('v6', night(1)), nightly('v5', night(1))]
        self.assertEqual(self.volumes(rows), ['v3', 'v2', 'v4', 'v1', 'v5', 'v6'])

    def test_attachment_is_that_of_the_time(self) -> None:
        rows = [
            nightly('db', night(1), server=REBUILT),
            nightly('db', night(2)),
            nightly('db', night(3), server=''),
        ]
        for at, expected in ((night(1, 5), []), (night(2, 5), ['db']), (None, [])):
            with self.subTest(at=at):
                self.assertEqual(self.volumes(rows, at=at), expected)

    def test_failed_backup_shows_the_attachment_too(self) -> None:
        rows = [
            nightly('db', night(1), server=''),
            nightly('db', night(2), changes={'status': 'error'}),
        ]
        self.assertEqual(self.volumes(rows), ['db'])

    def test_backup_by_hand_says_nothing_about_the_attachment(self) -> None:
        rows = [nightly('db', night(1)), backup('db', night(2))]
        self.assertEqual(self.volumes(rows), ['db'])

    def test_volume_with_the_device_of_a_later_one_was_replaced(self) -> None:
        rows = [
            nightly('old', night(1), device='/dev/vdb'),
            nightly('new', night(2), device='/dev/vdb'),
        ]
        self.assertEqual(self.volumes(rows), ['new'])
        self.assertEqual(self.volumes(rows, at=night(1, 5)), ['old'])

    def test_attached_volume_without_labels_counts_if_it_existed(self) -> None:
        here = (Attachment(SERVER, '/dev/vdb'),)
        volume = Volume('db', 'data', attachments=here, created_at='2026-11-01T00:00:00')
        history = History([], [volume])
        (source,) = history.volumes_of_server(SERVER)
        self.assertEqual((source.origin.device, source.origin.volume_name), ('/dev/vdb', 'data'))
        self.assertEqual(self.volumes([], volume, at=night(1)), ['db'])
        self.assertEqual(self.volumes([], volume, at=night(1) - timedelta(hours=3)), [])

    def test_labels_of_the_time_win_over_the_attachment_of_today(self) -> None:
        volume = Volume('db', attachments=(Attachment(SERVER, '/dev/vdb'),))
        rows = [nightly('db', night(1), server='')]
        self.assertEqual(self.volumes(rows, volume), [])

    def test_server_is_found_by_its_last_name(self) -> None:
        rows = [
            nightly('db', night(1), server_name='web'),
            nightly('db', night(2), server_name='front'),
            nightly('log', night(2), server=REBUILT, server_name='web'),
        ]
        history = History(rows, ())
        self.assertEqual(history.find_servers('web'), [REBUILT])
        self.assertEqual(history.find_servers('front'), [SERVER])
        self.assertEqual(history.server_name(SERVER), 'front')
        self.assertEqual(History(rows, (), night(1)).find_servers('web'), [SERVER])

    def test_name_that_a_server_has_lost_finds_it_if_no_other_has_it(self) -> None:
        rows = [
            nightly('db', night(1), server_name='web'),
            nightly('db', night(2), server_name='front'),
        ]
        self.assertEqual(History(rows, ()).find_servers('web'), [SERVER])
        self.assertEqual(History(rows, ()).find_servers('mail'), [])

    def test_rebuilt_server_without_volumes_does_not_hide_the_old_one(self) -> None:
        history = History([nightly('db', night(1))], ())
        self.assertEqual(history.find_servers('web', [REBUILT]), [SERVER])
        self.assertEqual(history.find_servers('mail', [REBUILT]), [REBUILT])

    def test_servers_that_share_a_name_are_all_found(self) -> None:
        rows = [nightly('db', night(1)), nightly('log', night(1), server=REBUILT)]
        self.assertEqual(sorted(History(rows, ()).find_servers('web')), [SERVER, REBUILT])

    def test_name_of_an_unknown_server_is_unknown(self) -> None:
        self.assertIsNone(History([], ()).server_name(SERVER))


class VolumeTest(unittest.TestCase):
    """Finding and describing volumes that may be gone."""

    def test_deleted_volume_is_found_by_its_labelled_name_and_by_its_id(self) -> None:
        history = History([nightly('v1', night(1), volume_name='db')], ())
        for reference in ('db', 'v1', ' db '):
            with self.subTest(reference=reference):
                self.assertEqual(history.find_volumes(reference), ['v1'])
        self.assertEqual(history.find_volumes('v2'), [])

    def test_existing_volume_with_a_backup_wins_over_labels(self) -> None:
        rows = [nightly('v1', night(1), volume_name='db'), backup('v2', night(1))]
        self.assertEqual(History(rows, [Volume('v2', 'db')]).find_volumes('db'), ['v2'])

    def test_new_volume_without_backups_does_not_hide_the_old_one(self) -> None:
        rows = [nightly('v1', night(1), volume_name='db'), backup('v2', night(3))]
        existing = [Volume('v2', 'db')]
        self.assertEqual(History(rows, existing, night(2)).find_volumes('db'), ['v1'])
        self.assertEqual(History(rows[:1], existing).find_volumes('db'), ['v1'])

    def test_last_name_wins_over_an_earlier_one(self) -> None:
        rows = [
            nightly('v1', night(1), volume_name='db'),
            nightly('v1', night(2), volume_name='db-old'),
            nightly('v2', night(2), volume_name='db'),
        ]
        self.assertEqual(History(rows, ()).find_volumes('db'), ['v2'])
        self.assertEqual(History(rows[:2], ()).find_volumes('db'), ['v1'])

    def test_name_that_a_volume_got_later_finds_it_if_no_other_has_it(self) -> None:
        rows = [nightly('v1', night(2), volume_name='db')]
        self.assertEqual(History(rows, (), night(1)).find_volumes('db'), ['v1'])

    def test_volumes_that_share_a_name_are_all_found(self) -> None:
        rows = [nightly(id_, night(1), volume_name='db') for id_ in ('v1', 'v2')]
        self.assertEqual(sorted(History(rows, ()).find_volumes('db')), ['v1', 'v2'])

    def test_volume_without_any_backup_is_found_by_name(self) -> None:
        self.assertEqual(History([], [Volume('v1', 'db')]).find_volumes('db'), ['v1'])

    def test_volumes_of_a_label_are_those_up_to_the_time(self) -> None:
        rows = [
            nightly('v2', night(1), device='/dev/vdc'),
            nightly('v1', night(1), device='/dev/vdb'),
            nightly('v3', night(2)),
            nightly('v4', night(1), label='weekly'),
            backup('v5', night(1)),
        ]
        history = History(rows, (), night(1))
        self.assertEqual([each.id for each in history.volumes_of_label('nightly')], ['v1', 'v2'])

    def test_description_is_that_of_the_time(self) -> None:
        rows = [
            nightly('v1', night(1), volume_type='fast'),
            nightly('v1', night(2), volume_type='slow'),
        ]
        self.assertEqual(History(rows, (), night(1)).describe('v1').origin.volume_type, 'fast')
        self.assertEqual(History(rows, ()).describe('v1').origin.volume_type, 'slow')

    def test_description_of_a_deleted_volume_may_come_from_later_labels(self) -> None:
        rows = [backup('v1', night(1))]
        rows += [nightly('v1', night(day), volume_type=f'type-{day}') for day in (3, 2)]
        origin = History(rows, (), night(1)).describe('v1').origin
        self.assertEqual(origin.volume_type, 'type-2')

    def test_description_without_labels_is_that_of_the_volume(self) -> None:
        volume = Volume(
            'v1', 'db', volume_type='fast', attachments=(Attachment(SERVER, '/dev/vdb'),)
        )
        origin = History([], [volume]).describe('v1').origin
        self.assertEqual((origin.volume_type, origin.device), ('fast', '/dev/vdb'))
        self.assertEqual(History([], ()).describe('v1'), Source('v1', Origin()))


class NameFormatTest(unittest.TestCase):
    def name(self, format_: str, volume: str | None = 'db') -> str:
        row = backup('v1', night(1), name='nightly-1')
        return format_name(check_format(format_, NAME_FIELDS), volume, row)

    def test_fields_are_replaced(self) -> None:
        self.assertEqual(self.name('{volume}/{backup} {time}'), 'db/nightly-1 2026-11-01T02:00')

    def test_volume_without_a_name_is_called_by_its_id(self) -> None:
        self.assertEqual(self.name('{volume}-new', None), 'v1-new')

    def test_braces_can_be_doubled(self) -> None:
        self.assertEqual(self.name('{{{volume}}}'), '{db}')

    def test_long_name_is_cut_before_the_time(self) -> None:
        name = self.name('{volume}-as-of-{time}', 'x' * 255)
        self.assertEqual(len(name), 255)
        self.assertTrue(name.endswith('x-as-of-2026-11-01T02:00'))

    def test_long_format_is_cut(self) -> None:
        self.assertEqual(self.name('y' * 300), 'y' * 255)

    def test_other_fields_are_refused(self) -> None:
        for format_ in ('{}', '{date}', '{volume.id}', '{volume!r}', '{time:%Y}', '{', 'a}'):
            with (
                self.subTest(format_=format_),
                self.assertRaisesRegex(ValueError, 'Invalid name format'),
            ):
                check_format(format_, NAME_FIELDS)


any_cloud = clouds() | hasty_clouds
times = st.none() | st.integers(0, 200).map(
    lambda hours: BEGINNING.replace(tzinfo=timezone.utc) + timedelta(hours=3 * hours)
)


def labelled(cloud: Cloud, random: Random) -> list[Backup]:
    """Return the backups of one project; a rotation has made some of them, run by run."""
    rows = [each for each in cloud.rows() if each.project_id == 'project-0']
    return [
        replace(each, metadata=labels.properties('nightly', run, Origin(server=SERVER)))
        if (run := random.choice(('', '1', '2', '3')))
        else each
        for each in rows
    ]


class HistoryTest(unittest.TestCase):
    """Any history."""

    def is_restorable(self, cloud: Cloud, row: Backup) -> bool:
        """Return whether the real parents of a backup, and it, can be read and are finished."""
        chain = [row, *(cloud.made[id_] for id_ in cloud.ancestors(row.id))]
        return all(
            each.status in READABLE and not each.fail_reason and each.id in cloud.finished
            for each in chain
        )

    @given(any_cloud, times, st.randoms(use_true_random=False))
    def test_choice_is_restorable_and_not_later_than_the_time(
        self, cloud: Cloud, at: datetime | None, random: Random
    ) -> None:
        rows = labelled(cloud, random)
        history = History(rows, (), at)
        both = sources(history, 'volume-0', 'volume-1')
        choice = history.choose(both, together=random.random() < 0.5)
        for pick in choice.picks:
            if pick.backup is not None:
                self.assertEqual(pick.backup.volume_id, pick.source.id)
                self.assertTrue(self.is_restorable(cloud, pick.backup))
                if at is not None:
                    self.assertLessEqual(time_of(pick.backup), at)

    @given(any_cloud, times, st.randoms(use_true_random=False))
    def test_nothing_later_that_is_restorable_is_passed_over_in_silence(
        self, cloud: Cloud, at: datetime | None, random: Random
    ) -> None:
        rows = labelled(cloud, random)
        history = History(rows, (), at)
        choice = history.choose(sources(history, 'volume-0', 'volume-1'))
        for pick in choice.picks:
            for row in rows:
                if (
                    row.volume_id == pick.source.id
                    and (at is None or time_of(row) <= at)
                    and self.is_restorable(cloud, row)
                ):
                    best = max(time_of(each) for each in (pick.backup, pick.uncertain) if each)
                    self.assertGreaterEqual(best, time_of(row))

    @given(any_cloud, times, st.randoms(use_true_random=False))
    def test_run_is_all_or_nothing(self, cloud: Cloud, at: datetime | None, random: Random) -> None:
        history = History(labelled(cloud, random), (), at)
        both = sources(history, 'volume-0', 'volume-1')
        choice, latest = history.choose(both, together=True), history.choose(both)
        if choice.run is None:
            self.assertEqual(ids(choice), ids(latest))
        else:
            runs = {labels.run_of(each.backup) for each in choice.picks if each.backup}
            self.assertEqual((runs, None in ids(choice)), ({choice.run}, False))
        for pick, best in zip(choice.picks, latest.picks, strict=True):
            self.assertEqual(pick.newer or pick.backup, best.backup)

    @given(any_cloud, st.randoms(use_true_random=False))
    def test_later_time_never_gives_older_data(self, cloud: Cloud, random: Random) -> None:
        rows = labelled(cloud, random)
        steps = sorted({time_of(each) for each in rows})
        best: dict[str, datetime] = {}
        for at in (*steps, None):
            history = History(rows, (), at)
            for pick in history.choose(sources(history, 'volume-0', 'volume-1')).picks:
                if pick.backup:
                    time = time_of(pick.backup)
                    self.assertGreaterEqual(time, best.get(pick.source.id, time))
                    best[pick.source.id] = time
