# SPDX-License-Identifier: Apache-2.0
import unittest
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from backupext.core.timespec import format_age, format_duration, parse_duration

amounts = st.integers(0, 10_000)
unit_lengths = {
    'w': timedelta(weeks=1),
    'd': timedelta(days=1),
    'h': timedelta(hours=1),
    'm': timedelta(minutes=1),
    's': timedelta(seconds=1),
}


class ParseTest(unittest.TestCase):
    def test_number_with_unit_is_a_duration(self) -> None:
        for text, seconds in (
            ('90s', 90),
            ('30m', 1800),
            ('12h', 43_200),
            ('7d', 604_800),
            ('2w', 1_209_600),
            ('0s', 0),
        ):
            with self.subTest(text):
                self.assertEqual(parse_duration(text), timedelta(seconds=seconds))

    def test_several_numbers_are_added(self) -> None:
        self.assertEqual(parse_duration('1h30m'), timedelta(hours=1, minutes=30))
        self.assertEqual(parse_duration('1d1d'), timedelta(days=2))

    def test_other_text_is_not_a_duration(self) -> None:
        for text in ('', '10', 's', '1.5h', '-1s', '+1s', '1 h', '1h ', '1H', '1y', '1h30', '\n1s'):
            with (
                self.subTest(text),
                self.assertRaisesRegex(ValueError, r'Invalid duration (.|\n)*: use'),
            ):
                parse_duration(text)

    def test_trailing_line_break_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            parse_duration('1s\n')

    def test_duration_longer_than_the_calendar_is_explained(self) -> None:
        with self.assertRaises(OverflowError):
            parse_duration('99999999999w')

    @given(st.lists(st.tuples(amounts, st.sampled_from(sorted(unit_lengths))), min_size=1))
    def test_every_sum_is_parsed(self, parts: list[tuple[int, str]]) -> None:
        text = ''.join(f'{number}{unit}' for number, unit in parts)
        total = sum((number * unit_lengths[unit] for number, unit in parts), timedelta())
        self.assertEqual(parse_duration(text), total)

    @given(st.text())
    def test_any_text_is_a_duration_or_a_value_error(self, text: str) -> None:
        try:
            duration = parse_duration(text)
        except (ValueError, OverflowError):
            return
        self.assertGreaterEqual(duration, timedelta())


class FormatTest(unittest.TestCase):
    def test_small_units_after_larger_ones_are_padded(self) -> None:
        for seconds, text in (
            (0, '0s'),
            (5, '5s'),
            (59.9, '59s'),
            (60, '1m00s'),
            (125, '2m05s'),
            (3600, '1h00m00s'),
            (3725, '1h02m05s'),
            (90_000, '25h00m00s'),
        ):
            with self.subTest(seconds):
                self.assertEqual(format_duration(seconds), text)

    @given(st.integers(0, 10**7))
    def test_formatted_duration_can_be_parsed(self, seconds: int) -> None:
        self.assertEqual(parse_duration(format_duration(seconds)), timedelta(seconds=seconds))


class AgeTest(unittest.TestCase):
    def test_age_has_its_two_largest_units(self) -> None:
        for age, text in (
            ('0s', '0s'),
            ('59s', '59s'),
            ('5m', '5m'),
            ('90s', '1m30s'),
            ('1h', '1h'),
            ('1h30m59s', '1h30m'),
            ('26h', '26h'),
            ('47h59m', '47h59m'),
            ('48h', '2d'),
            ('3d4h5m', '3d4h'),
            ('52w', '364d'),
        ):
            with self.subTest(age):
                self.assertEqual(format_age(parse_duration(age)), text)

    @given(st.integers(0, 10**7))
    def test_formatted_age_is_rounded_down_to_its_smaller_unit(self, seconds: int) -> None:
        age = timedelta(seconds=seconds)
        lost = age - parse_duration(format_age(age))
        self.assertGreaterEqual(lost, timedelta())
        self.assertLess(lost, timedelta(hours=1) if seconds >= 2 * 86400 else timedelta(minutes=1))
