# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import unittest
import uuid
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from backupext.core.models import Attachment, Backup, Snapshot, Volume, is_id, parse_time
from tests.unit import rows


class IsIdTest(unittest.TestCase):
    @given(st.uuids())
    def test_uuid_is_an_id_in_upper_and_lower_case(self, id_: uuid.UUID) -> None:
        self.assertTrue(is_id(str(id_)))
        self.assertTrue(is_id(str(id_).upper()))

    @given(st.uuids(), st.text(min_size=1))
    def test_text_around_a_uuid_is_not_an_id(self, id_: uuid.UUID, more: str) -> None:
        self.assertFalse(is_id(f'{id_}{more}'))
        self.assertFalse(is_id(f'{more}{id_}'))

    def test_other_text_is_not_an_id(self) -> None:
        for reference in (
            '',
            'nightly',
            'detail',
            '..',
            f'../volumes/{rows.VOLUME_ID}',
            f'{rows.ID}\n',
            rows.ID.replace('-', ''),
            rows.ID.replace('-', '/'),
            f'{{{rows.ID}}}',
            'gggggggg-aaaa-4bbb-8ccc-000000000001',
            '\u0661' * 8 + rows.ID[8:],
        ):
            with self.subTest(reference):
                self.assertFalse(is_id(reference))


class ParseTimeTest(unittest.TestCase):
    def test_naive_time_is_utc(self) -> None:
        self.assertEqual(
            parse_time('2026-11-01T02:00:00.250000'),
            datetime(2026, 11, 1, 2, 0, 0, 250000, tzinfo=timezone.utc),
        )

    def test_time_without_fractions_is_parsed(self) -> None:
        self.assertEqual(
            parse_time('2026-11-01T02:00:00'), datetime(2026, 11, 1, 2, tzinfo=timezone.utc)
        )

    def test_aware_time_remains_the_same_instant(self) -> None:
        self.assertEqual(
            parse_time('2026-11-01T02:00:00+02:00'), datetime(2026, 11, 1, 0, tzinfo=timezone.utc)
        )

    def test_invalid_time_is_refused(self) -> None:
        for text in ('', 'yesterday', '2026-13-01T00:00:00'):
            with self.subTest(text), self.assertRaises(ValueError):
                parse_time(text)

    @given(st.datetimes())
    def test_every_naive_time_becomes_aware_utc(self, time: datetime) -> None:
        parsed = parse_time(time.isoformat())
        self.assertEqual(parsed.utcoffset(), timedelta(0))
        self.assertEqual(parsed.replace(tzinfo=None), time)

    @given(st.datetimes(timezones=st.just(timezone(timedelta(hours=-5)))))
    def test_every_aware_time_remains_the_same_instant(self, time: datetime) -> None:
        self.assertEqual(parse_time(time.isoformat()), time)


class BackupTest(unittest.TestCase):
    def test_row_has_every_field_of_the_api(self) -> None:
        row = rows.backup(
            metadata={'a': 'b'}, user_id='u', encryption_key_id='k', snapshot_id='s', description=''
        )
        found = dataclasses.asdict(Backup.from_api(row))
        del row['links']
        self.assertEqual(found, {**row, 'project_id': None})

    def test_summary_has_none_for_other_fields(self) -> None:
        found = Backup.from_api({'id': rows.ID, 'name': 'nightly', 'links': []})
        self.assertEqual(found, Backup(id=rows.ID, name='nightly'))
        self.assertIsNone(found.status)
        self.assertIsNone(found.metadata)

    def test_unknown_keys_are_ignored(self) -> None:
        self.assertEqual(
            Backup.from_api({'id': rows.ID, 'colour': 'red'}), Backup.from_api({'id': rows.ID})
        )

    def test_project_is_read_from_its_own_key(self) -> None:
        found = Backup.from_api({'id': rows.ID, 'os-backup-project-attr:project_id': 'p'})
        self.assertEqual(found.project_id, 'p')

    def test_plain_project_id_is_ignored(self) -> None:
        self.assertIsNone(Backup.from_api({'id': rows.ID, 'project_id': 'p'}).project_id)

    def test_row_without_id_is_refused(self) -> None:
        with self.assertRaises(TypeError):
            Backup.from_api({'name': 'nightly'})

    def test_rows_with_the_same_texts_share_them(self) -> None:
        texts: dict[str, str] = {}
        made = []
        for _ in range(2):
            row = json.loads(
                json.dumps({**rows.backup(), 'os-backup-project-attr:project_id': 'p'})
            )
            made.append(Backup.from_api(row, texts))
            self.assertEqual(made[-1], Backup.from_api(row))
        for name in ('volume_id', 'status', 'project_id', 'created_at'):
            self.assertIs(getattr(made[0], name), getattr(made[1], name))

    def test_row_is_immutable(self) -> None:
        with self.assertRaises(dataclasses.FrozenInstanceError):
            Backup(rows.ID).name = 'other'  # type: ignore[misc]

    def test_times_are_kept_as_text_and_parsed_as_utc(self) -> None:
        found = Backup.from_api(rows.backup(data_timestamp='2026-10-31T23:00:00.000000'))
        self.assertEqual(found.created_at, '2026-11-01T02:00:00.000000')
        self.assertEqual(found.created, datetime(2026, 11, 1, 2, tzinfo=timezone.utc))
        self.assertEqual(found.data_time, datetime(2026, 10, 31, 23, tzinfo=timezone.utc))

    def test_missing_time_is_none(self) -> None:
        self.assertIsNone(Backup(rows.ID).created)
        self.assertIsNone(Backup(rows.ID, data_timestamp='').data_time)

    def test_sentence_has_name_and_id(self) -> None:
        self.assertEqual(str(Backup(rows.ID, 'nightly')), f"'nightly' ({rows.ID})")

    def test_sentence_has_only_the_id_without_a_name(self) -> None:
        self.assertEqual(str(Backup(rows.ID)), rows.ID)
        self.assertEqual(str(Backup(rows.ID, '')), rows.ID)

    def test_control_characters_in_a_name_are_escaped(self) -> None:
        self.assertEqual(str(Backup(rows.ID, 'a\x1b[2J')), f"'a\\x1b[2J' ({rows.ID})")


class VolumeTest(unittest.TestCase):
    def test_row_has_the_used_fields(self) -> None:
        row = rows.volume()
        found = Volume.from_api({**row, 'attachments': [], 'links': []})
        known = {key: getattr(found, key) for key in row}
        others = {field.name for field in dataclasses.fields(Volume)} - {*row, 'attachments'}
        self.assertEqual(known, row)
        self.assertEqual({getattr(found, name) for name in others}, {None})
        self.assertEqual(found.attachments, ())

    def test_attachments_have_server_and_device(self) -> None:
        attached = {'server_id': 's', 'device': '/dev/vdb', 'attachment_id': 'a'}
        found = Volume.from_api({'id': 'v', 'attachments': [attached]})
        self.assertEqual(found.attachments, (Attachment('s', '/dev/vdb'),))

    def test_project_is_read_from_its_own_key(self) -> None:
        found = Volume.from_api({'id': 'v', 'os-vol-tenant-attr:tenant_id': 'p'})
        self.assertEqual(found.project_id, 'p')
        self.assertIsNone(Volume.from_api({'id': 'v', 'project_id': 'p'}).project_id)

    def test_summary_has_none_for_other_fields(self) -> None:
        self.assertEqual(Volume.from_api({'id': 'v', 'name': None}), Volume('v'))

    def test_sentence_has_name_and_id(self) -> None:
        self.assertEqual(str(Volume('v', 'data\n')), "'data\\n' (v)")
        self.assertEqual(str(Volume('v')), 'v')


class SnapshotTest(unittest.TestCase):
    def test_row_has_the_used_fields(self) -> None:
        row = {
            'id': 's',
            'name': 'before',
            'status': 'available',
            'volume_id': 'v',
            'created_at': 'then',
        }
        found = Snapshot.from_api({**row, 'size': 1})
        self.assertEqual(dataclasses.asdict(found), row)

    def test_time_is_parsed_as_utc(self) -> None:
        found = Snapshot.from_api(rows.snapshot())
        self.assertEqual(found.created, datetime(2026, 10, 2, tzinfo=timezone.utc))
        self.assertIsNone(Snapshot('s').created)
