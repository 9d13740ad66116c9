# SPDX-License-Identifier: Apache-2.0
import json
import unittest
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backupext.core import records
from backupext.core.models import Backup
from backupext.core.records import Document, InvalidDocumentError, Record, Source, backup_id
from tests.unit.recording import SOURCE, WHEN, document, record, url
from tests.unit.rows import ID, OTHER_ID, VOLUME_ID

_TEXT = st.text(max_size=20)
_RECORDS = st.builds(
    lambda id_, parent, **changes: record(str(id_), parent and str(parent), **changes),
    id_=st.uuids(),
    parent=st.none() | st.uuids(),
    name=st.none() | _TEXT,
    description=st.none() | _TEXT,
    size=st.integers(0),
    container=st.none() | _TEXT,
    metadata=st.dictionaries(_TEXT, _TEXT, max_size=3),
    backup_service=_TEXT,
)
_DOCUMENTS = st.builds(
    lambda source, known: Document(source, WHEN, tuple(known)),
    st.builds(Source, _TEXT, _TEXT, _TEXT, _TEXT),
    st.lists(_RECORDS, max_size=4, unique_by=lambda one: one.id),
)


class DocumentTest(unittest.TestCase):
    def assert_refused(self, text: str, why: str = '') -> None:
        """Expect that a text is refused with a clause."""
        with self.assertRaises(InvalidDocumentError) as caught:
            records.parse(text)
        clause = str(caught.exception)
        self.assertIn(why, clause)
        self.assertRegex(clause, r'^[a-z][^\n]+[^.]$')


class RoundTripTest(DocumentTest):
    @given(_DOCUMENTS)
    def test_document_is_read_as_it_was_written(self, written: Document) -> None:
        text = records.render(written)
        self.assertTrue(text.isascii())
        self.assertEqual(records.parse(text), written)

    def test_document_has_what_people_and_other_programs_need(self) -> None:
        content = json.loads(records.render(document(record())))
        self.assertEqual(content['version'], 1)
        self.assertEqual(content['exported_at'], WHEN)
        self.assertEqual(content['source'], SOURCE._asdict())
        self.assertRegex(content['sha256'], '^[0-9a-f]{64}$')
        (entry,) = content['records']
        self.assertRegex(entry.pop('sha256'), '^[0-9a-f]{64}$')
        self.assertEqual(entry, record()._asdict())


class DamageTest(DocumentTest):
    """What is not exactly what was written is refused."""

    whole = records.render(document(record(), record(OTHER_ID, ID))).encode()

    def refuse(self, damaged: bytes) -> None:
        self.assert_refused(damaged.decode('utf-8', 'replace'))

    def test_every_cut_is_refused(self) -> None:
        for length in range(len(self.whole)):
            self.refuse(self.whole[:length])

    def test_every_missing_byte_is_refused(self) -> None:
        for place in range(len(self.whole)):
            self.refuse(self.whole[:place] + self.whole[place + 1 :])

    def test_every_flipped_bit_is_refused(self) -> None:
        for place, byte in enumerate(self.whole):
            self.refuse(self.whole[:place] + bytes([byte ^ 1]) + self.whole[place + 1 :])

    @given(st.integers(0, len(whole)), st.binary(min_size=1, max_size=4))
    def test_every_added_byte_is_refused(self, place: int, added: bytes) -> None:
        self.refuse(self.whole[:place] + added + self.whole[place:])

    @given(st.data(), _DOCUMENTS)
    def test_every_other_byte_is_refused(self, data: st.DataObject, written: Document) -> None:
        text = records.render(written).encode()
        place = data.draw(st.integers(0, len(text) - 1))
        byte = data.draw(st.integers(0, 255).filter(lambda one: one != text[place]))
        self.refuse(text[:place] + bytes([byte]) + text[place + 1 :])

    @given(st.text())
    def test_any_other_text_is_refused(self, text: str) -> None:
        self.assert_refused(text)

    def test_reason_tells_the_cases_apart(self) -> None:
        whole = self.whole.decode()
        for text, why in (
            ('', 'is empty'),
            (whole[:-20], 'is cut off or damaged'),
            (
                whole.replace('nightly', 'daily', 1),
                f'was changed after the export, in the record of backup {ID}',
            ),
            (whole.replace('alpha', 'beta'), 'was changed after the export'),
            (whole.replace('\n  ', '\n', 1), 'was changed after the export'),
            (
                whole.replace('"version": 1', '"version": 2'),
                'newer release of the plugin wrote it (format 2;',
            ),
            (whole.replace('"version": 1', '"version": "1"'), 'is not a file that record export'),
            ('{"backup_service": "a", "backup_url": "b"}', 'is not a file that record export'),
            ('[]', 'is not a file that record export'),
            ('[' * 100_000, 'is not a file that record export'),
            ('-----BEGIN', 'is not a file that record export'),
        ):
            with self.subTest(why, text=text[:40]):
                self.assert_refused(text, why)


class ForgedTest(DocumentTest):
    """Documents with right checksums that this program would not write."""

    def assert_forged(self, why: str, *entries: Any, **changes: Any) -> None:
        entries = entries or (records._sealed(record()._asdict()),)  # noqa: SLF001
        content = {
            'format': records.FORMAT,
            'version': 1,
            'exported_at': WHEN,
            'source': SOURCE._asdict(),
            'records': list(entries),
            **changes,
        }
        text = json.dumps(records._sealed(content), indent=2) + '\n'  # noqa: SLF001
        self.assert_refused(text, why)

    def sealed(self, known: Record, **changes: Any) -> dict[str, Any]:
        return records._sealed({**known._asdict(), **changes})  # noqa: SLF001

    def test_other_fields_are_refused(self) -> None:
        self.assert_forged('was changed', self.sealed(record(), more=1))
        self.assert_forged('was changed', more=1)
        self.assert_forged('not valid', source={**SOURCE._asdict(), 'more': 1})
        self.assert_forged('was changed', source={})

    def test_other_types_are_refused(self) -> None:
        for field, value in (('size', '1'), ('name', 1), ('metadata', []), ('backup_url', None)):
            with self.subTest(field):
                self.assert_forged('not valid', self.sealed(record(), **{field: value}))
        self.assert_forged('not valid', 'text')
        self.assert_forged('not valid', records=7)
        self.assert_forged('not valid', source=[])
        self.assert_forged('not valid', exported_at=0)

    def test_record_of_another_backup_is_refused(self) -> None:
        other = record()._replace(backup_url=url({'id': OTHER_ID}))
        self.assert_forged(f'record of backup {ID} is not valid', self.sealed(other))
        self.assert_forged('is not valid', self.sealed(record(), backup_url='rubbish'))

    def test_second_record_of_a_backup_is_refused(self) -> None:
        entry = self.sealed(record())
        self.assert_forged(f'several records of backup {ID}', entry, entry)


class SourceTest(unittest.TestCase):
    def test_project_is_recognized_at_another_url(self) -> None:
        self.assertTrue(SOURCE.is_same_project(SOURCE._replace(cloud='https://other.test')))
        self.assertFalse(SOURCE.is_same_project(SOURCE._replace(project_id='q')))
        self.assertFalse(SOURCE.is_same_project(SOURCE._replace(region='RegionTwo')))

    def test_sentence_names_project_and_region(self) -> None:
        id_ = SOURCE.project_id
        self.assertEqual(str(SOURCE), f"project 'alpha' ({id_}) in region RegionOne")
        self.assertEqual(str(Source(project_id='p', project_name='a\x1b')), "project 'a\\x1b' (p)")

    def test_file_name_is_safe(self) -> None:
        self.assertEqual(SOURCE.file_name, f'alpha-RegionOne-{SOURCE.project_id}.json')
        strange = Source('', '', 'p', '../a b\n\u00e9')
        self.assertEqual(strange.file_name, '.._a_b_-p.json')


class RecordTest(unittest.TestCase):
    def test_record_has_parent_and_properties_from_cinders_text(self) -> None:
        text = url({'id': ID, 'parent_id': OTHER_ID, 'metadata': {'a': 'b'}})
        made = Record.of(Backup(ID, 'nightly', 'available', VOLUME_ID, 2), 'posix', text)
        self.assertEqual((made.parent_id, made.metadata), (OTHER_ID, {'a': 'b'}))
        self.assertEqual(
            (made.volume_id, made.size, str(made)), (VOLUME_ID, 2, f"'nightly' ({ID})")
        )

    def test_text_of_another_backup_is_an_error(self) -> None:
        for text in (url({'id': OTHER_ID}), url([]), 'rubbish', url({})):
            with self.subTest(text), self.assertRaises(ValueError):
                Record.of(Backup(ID), 'posix', text)

    def test_record_is_current_until_name_description_or_properties_change(self) -> None:
        backup = Backup(ID, 'nightly', metadata={})
        self.assertTrue(record().is_current(backup))
        self.assertTrue(record().is_current(Backup(ID, 'nightly', metadata=None)))
        for other in (
            Backup(ID, 'daily', metadata={}),
            Backup(ID, 'nightly', description='x', metadata={}),
            Backup(ID, 'nightly', metadata={'protected': 'true'}),
        ):
            with self.subTest(other):
                self.assertFalse(record().is_current(other))


class OrderTest(unittest.TestCase):
    @given(st.permutations(range(6)), st.randoms(use_true_random=False))
    def test_parents_come_first_whatever_the_times_say(self, order: list[int], dice: Any) -> None:
        chain = [
            record(
                str(number), str(number - 1) if number % 3 else None, created_at=dice.choice('ab')
            )
            for number in range(6)
        ]
        ids = [each.id for each in records.parents_first(chain[number] for number in order)]
        self.assertEqual(sorted(ids), list('012345'))
        for each in chain:
            if each.parent_id:
                self.assertLess(ids.index(each.parent_id), ids.index(each.id))

    def test_oldest_comes_first(self) -> None:
        made = [record(id_, created_at=time) for id_, time in (('c', '1'), ('a', '2'), ('b', '1'))]
        self.assertEqual([each.id for each in records.parents_first(made)], ['b', 'c', 'a'])

    def test_parents_of_each_other_are_refused(self) -> None:
        with self.assertRaisesRegex(
            InvalidDocumentError, '^two of its backups build on each other'
        ):
            records.parents_first([record('a', 'b'), record('b', 'a')])

    def test_last_export_of_a_backup_wins(self) -> None:
        newer = document(record(name='new'), when='2026-11-26T02:00:00Z')
        older = document(record(name='old'), record(OTHER_ID))
        merged = records.merge([newer, older])
        self.assertEqual([each.name for each in merged if each.id == ID], ['new'])
        self.assertEqual(len(merged), 2)

    def test_orphans_are_incrementals_without_their_parent(self) -> None:
        child, root = record('b', 'a'), record('a')
        self.assertEqual(records.find_orphans([child]), [child])
        self.assertEqual(records.find_orphans([child, root]), [])
        self.assertEqual(records.find_orphans([child], ['a']), [])


class BackupIdTest(unittest.TestCase):
    def test_id_is_read(self) -> None:
        self.assertEqual(backup_id(url({'id': ID, 'size': 1})), ID)

    def test_record_without_id_has_none(self) -> None:
        cases: list[object] = [{}, [], 'text', {'id': None}, {'id': '../volumes'}, {'id': 7}]
        for fields in cases:
            with self.subTest(fields):
                self.assertIsNone(backup_id(url(fields)))

    @given(st.text())
    def test_invalid_record_has_no_id(self, text: str) -> None:
        self.assertIsNone(backup_id(text))
