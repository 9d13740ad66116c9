# SPDX-License-Identifier: Apache-2.0
import argparse
import unittest

from backupext.cli import workarounds


class KeyValueActionTest(unittest.TestCase):
    def test_values_are_collected_without_changing_the_default(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument('--property', action=workarounds.KeyValueAction, default={})
        first = parser.parse_args(['--property', 'a=1', '--property', 'b=2'])
        self.assertEqual(first.property, {'a': '1', 'b': '2'})
        self.assertEqual(parser.parse_args([]).property, {})
