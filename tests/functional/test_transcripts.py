# SPDX-License-Identifier: Apache-2.0
"""The README and the guide show what the commands print; see :mod:`tests.functional.replay`."""

import tempfile
import unittest
from pathlib import Path

from tests.functional import replay
from tests.functional.client import ROOT
from tests.functional.masks import Numbering
from tests.functional.scenarios import SCENARIOS
from tests.restructuredtext import Block

ONE, TWO, THREE = (f'{number}0000000-aaaa-4bbb-8ccc-000000000000' for number in '123')


class ReadmeTest(replay.ReplayTest):
    page = 'README.rst'


class BackupsTest(replay.ReplayTest):
    page = 'doc/source/user/backups.rst'


class CannotDeleteTest(replay.ReplayTest):
    page = 'doc/source/user/cannot-delete.rst'


class ChainsTest(replay.ReplayTest):
    page = 'doc/source/user/chains.rst'


class DeletingTest(replay.ReplayTest):
    page = 'doc/source/user/deleting.rst'


class DrillsTest(replay.ReplayTest):
    page = 'doc/source/user/drills.rst'


class ListsTest(replay.ReplayTest):
    page = 'doc/source/user/lists.rst'


class MicroversionsTest(replay.ReplayTest):
    page = 'doc/source/user/microversions.rst'


class NightlyTest(replay.ReplayTest):
    page = 'doc/source/user/nightly.rst'


class MonitoringTest(replay.ReplayTest):
    page = 'doc/source/user/monitoring.rst'


class PropertiesTest(replay.ReplayTest):
    page = 'doc/source/user/properties.rst'


class RestoreTest(replay.ReplayTest):
    page = 'doc/source/user/restore.rst'


class RetentionTest(replay.ReplayTest):
    page = 'doc/source/user/retention.rst'


class SupportTest(replay.ReplayTest):
    page = 'doc/source/user/support.rst'


class WaitingTest(replay.ReplayTest):
    page = 'doc/source/user/waiting.rst'


class MarkTest(unittest.TestCase):
    """The comments that mark transcripts."""

    def marks(self) -> dict[str, list[replay.Mark]]:
        pages = [ROOT / 'README.rst', *(ROOT / 'doc' / 'source').rglob('*.rst')]
        paths = [str(page.relative_to(ROOT)) for page in pages]
        return {path: [mark for _, mark in replay.marked(path)] for path in paths}

    def test_every_page_with_marks_is_replayed(self) -> None:
        replayed = {class_.page for class_ in replay.ReplayTest.__subclasses__()}
        self.assertEqual(replayed, {path for path, marks in self.marks().items() if marks})

    def test_every_mark_names_a_scenario_and_circumstances(self) -> None:
        for path, marks in self.marks().items():
            for mark in marks:
                with self.subTest(path, mark=mark):
                    self.assertIn(mark.scenario, SCENARIOS)
                    self.assertLessEqual(set(mark.circumstances), set(replay.CIRCUMSTANCES))

    def test_mark_is_split_into_scenario_and_circumstances(self) -> None:
        comment = 'replayed: chain, as an administrator, from the beginning'
        mark = replay.Mark.of(Block('console', {}, [], comment))
        self.assertEqual(mark, ('chain', ('as an administrator',), True))

    def test_other_comments_are_not_marks(self) -> None:
        self.assertIsNone(replay.Mark.of(Block('console', {}, [], 'note: chain')))


class NumberingTest(unittest.TestCase):
    """How IDs, times and ports are compared."""

    def test_different_ids_in_the_same_places_are_equal(self) -> None:
        page, sandbox = Numbering(), Numbering()
        self.assertEqual(page.masked(f'{ONE} {TWO} {ONE}'), sandbox.masked(f'{TWO} {THREE} {TWO}'))

    def test_known_id_in_a_different_place_is_noticed(self) -> None:
        page, sandbox = Numbering(), Numbering()
        page.masked(f'{ONE} {TWO}')
        sandbox.masked(f'{ONE} {TWO}')
        self.assertNotEqual(page.masked(ONE), sandbox.masked(TWO))

    def test_times_and_ports_are_blanked(self) -> None:
        text = 'created 2026-11-23T17:20:18.789799 at http://127.0.0.1:8776/v3'
        self.assertEqual(Numbering().masked(text), 'created <time> at <address>/v3')

    def test_ids_are_translated_by_number(self) -> None:
        page, sandbox = Numbering(), Numbering()
        page.masked(ONE)
        sandbox.masked(TWO)
        self.assertEqual(page.translated(f'{ONE} {THREE}', sandbox), f'{TWO} {THREE}')


class CorrectionTest(unittest.TestCase):
    def test_transcript_is_replaced(self) -> None:
        page = '- An item:\n\n  .. code-block:: console\n\n     $ one\n     a\n\nLast.\n'
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'page.rst')
            path.write_text(page, 'utf-8')
            block = Block('console', {}, ['$ one', 'a'], indent=' ' * 5)
            replay.correct(str(path), block, '$ one\nb\n')
            self.assertEqual(path.read_text('utf-8'), page.replace('     a\n', '     b\n'))
