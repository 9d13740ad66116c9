# SPDX-License-Identifier: Apache-2.0
import re
import unittest

from tests.restructuredtext import warnings_of
from tests.unit.project import inventory
from tests.unit.project.pages import README


class ReadmeTest(unittest.TestCase):
    def test_files_are_valid_without_sphinx(self) -> None:
        for name in ('README.rst', 'CONTRIBUTING.rst'):
            with self.subTest(name):
                self.assertEqual(warnings_of((inventory.ROOT / name).read_text('utf-8')), '')

    def test_every_make_target_exists(self) -> None:
        makefile = (inventory.ROOT / 'Makefile').read_text('utf-8')
        targets = set(re.findall(r'^([a-z-]+):', makefile, re.MULTILINE))
        for name in ('README.rst', 'CONTRIBUTING.rst'):
            text = (inventory.ROOT / name).read_text('utf-8')
            with self.subTest(name):
                self.assertLessEqual(set(re.findall(r'``make ([a-z-]+)``', text)), targets)

    def test_every_link_has_a_target(self) -> None:
        for target in re.findall(r'<([^<>]+)>`_', README.read_text('utf-8')):
            with self.subTest(target):
                self.assertTrue((inventory.ROOT / target).is_file())
