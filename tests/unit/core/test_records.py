# SPDX-License-Identifier: Apache-2.0
import base64
import json
import unittest

from hypothesis import given
from hypothesis import strategies as st

from backupext.core.records import backup_id
from tests.unit.rows import ID


def record(fields: object) -> str:
    return base64.b64encode(json.dumps(fields).encode()).decode()


class BackupIdTest(unittest.TestCase):
    def test_id_is_read(self) -> None:
        self.assertEqual(backup_id(record({'id': ID, 'size': 1})), ID)

    def test_record_without_id_has_none(self) -> None:
        cases: list[object] = [{}, [], 'text', {'id': None}, {'id': '../volumes'}, {'id': 7}]
        for fields in cases:
            with self.subTest(fields):
                self.assertIsNone(backup_id(record(fields)))

    @given(st.text())
    def test_invalid_record_has_no_id(self, text: str) -> None:
        self.assertIsNone(backup_id(text))
