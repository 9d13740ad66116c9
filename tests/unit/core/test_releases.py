# SPDX-License-Identifier: Apache-2.0
import unittest

from backupext.core.releases import LIMITS, Limit


class LimitTest(unittest.TestCase):
    def test_limit_applies_up_to_a_release(self) -> None:
        limit = Limit('something', (6, 2), 'something else')
        for osc, applies in {
            '6.0.0': True,
            '6.2.1': True,
            '6.3.0': False,
            '7.0.0': False,
            '10.5.0': False,
            '6.2.0.dev3': True,
        }.items():
            with self.subTest(osc):
                self.assertEqual(limit.applies(osc), applies)

    def test_releases_are_compared_as_numbers(self) -> None:
        limit = Limit('something', (10, 1), 'something else')
        self.assertTrue(limit.applies('9.0.0'))
        self.assertFalse(limit.applies('10.10.0'))

    def test_each_limit_is_a_sentence(self) -> None:
        for limit in LIMITS:
            with self.subTest(limit.what):
                self.assertRegex(limit.instead, r'^[A-Z].*\.$')
