# SPDX-License-Identifier: Apache-2.0
import re
import unittest
from pathlib import Path

import yaml

from tests.restructuredtext import warnings_of
from tests.unit.project import inventory
from tests.unit.project.typed import parsers

NOTES = inventory.ROOT / 'releasenotes' / 'notes'
NOTE_NAME = re.compile(r'[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{16}')
NOTE_SECTIONS = {'prelude', 'features', 'upgrade', 'security', 'fixes', 'deprecations', 'issues'}


class ReleaseNoteTest(unittest.TestCase):
    def notes(self) -> list[Path]:
        return sorted(NOTES.glob('*.yaml'))

    def test_each_note_has_a_name_of_reno(self) -> None:
        for path in self.notes():
            with self.subTest(path.name):
                self.assertRegex(path.stem, rf'^{NOTE_NAME.pattern}$')

    def test_each_note_has_sections_of_reno(self) -> None:
        for path in self.notes():
            with self.subTest(path.name):
                self.assertLessEqual(set(yaml.safe_load(path.read_text('utf-8'))), NOTE_SECTIONS)

    def test_each_note_is_valid_restructuredtext(self) -> None:
        for path in self.notes():
            for text in _texts(yaml.safe_load(path.read_text('utf-8'))):
                with self.subTest(path.name):
                    self.assertEqual(warnings_of(text), '')

    def test_each_command_has_a_note(self) -> None:
        text = '\n'.join(path.read_text('utf-8') for path in self.notes())
        for name in parsers():
            with self.subTest(name):
                verb = name.split()[-1]
                self.assertTrue(re.search(rf'``[^`]*\b{verb}\b[^`]*``', text), verb)


def _texts(note: dict[str, str | list[str]]) -> list[str]:
    return [
        text
        for section in note.values()
        for text in ([section] if isinstance(section, str) else section)
    ]
