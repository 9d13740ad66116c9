# SPDX-License-Identifier: Apache-2.0
import itertools
import unittest

from hypothesis import given
from hypothesis import strategies as st

from backupext.core import features
from backupext.core.features import Feature, Microversion, Range

microversions = st.builds(Microversion, st.just(3), st.integers(0, 120))
ranges = st.tuples(microversions, microversions).map(lambda ends: Range(min(ends), max(ends)))
every_feature = list(itertools.chain(features.OPTIONS.values(), features.COLUMNS.values()))


def below(version: Microversion) -> Microversion:
    return Microversion(version.major, version.minor - 1)


class MicroversionTest(unittest.TestCase):
    def test_microversions_are_compared_as_numbers(self) -> None:
        self.assertLess(Microversion.parse('3.9'), Microversion.parse('3.18'))
        self.assertLess(Microversion.parse('3.70'), Microversion.parse('4.0'))

    def test_invalid_microversion_is_refused(self) -> None:
        for text in ('', '3', 'latest', '3.latest', '3.4.5', '3.'):
            with self.subTest(text), self.assertRaises(ValueError):
                Microversion.parse(text)

    @given(st.integers(0, 10**6), st.integers(0, 10**6))
    def test_written_microversion_can_be_parsed(self, major: int, minor: int) -> None:
        text = f'{major}.{minor}'
        self.assertEqual(Microversion.parse(text), (major, minor))
        self.assertEqual(str(Microversion.parse(text)), text)


class TableTest(unittest.TestCase):
    def test_features_are_indexed_by_name(self) -> None:
        for table in (features.OPTIONS, features.COLUMNS):
            for name, feature in table.items():
                self.assertEqual(feature.name, name)

    def test_no_feature_is_newer_than_the_newest_known_microversion(self) -> None:
        for feature in every_feature:
            with self.subTest(feature.name):
                self.assertLessEqual(feature.since, features.NEWEST)
                self.assertGreater(feature.since, Microversion(3, 0))

    def test_options_are_named_with_their_command(self) -> None:
        for name in features.OPTIONS:
            self.assertRegex(name, r'^(record )?[a-z]+( --[a-z-]+)?$')


class OfferTest(unittest.TestCase):
    def test_range_is_read_from_cinders_refusal(self) -> None:
        message = (
            '{"computeFault": {"code": 406, "message": "Version 3.71 is not supported by the API. '
            'Minimum is 3.0 and maximum is 3.59."}}'
        )
        self.assertEqual(
            features.read_offer(message), Range(Microversion(3, 0), Microversion(3, 59))
        )

    def test_other_messages_have_no_range(self) -> None:
        for message in ('', 'Not Acceptable', 'Minimum is 3 and maximum is 3', '<html></html>'):
            with self.subTest(message):
                self.assertIsNone(features.read_offer(message))

    @given(ranges, st.text(), st.text())
    def test_range_is_found_in_any_message(self, offer: Range, before: str, after: str) -> None:
        words = f'minimum is {offer.minimum} and maximum is {offer.maximum}.'
        self.assertEqual(features.read_offer(f'{before} {words} {after}'), offer)

    def test_range_is_written_with_both_ends(self) -> None:
        self.assertEqual(str(Range(Microversion(3, 0), Microversion(3, 59))), '3.0 to 3.59')


class HighestCommonTest(unittest.TestCase):
    def test_older_cloud_uses_its_newest_microversion(self) -> None:
        offer = Range(Microversion(3, 0), Microversion(3, 59))
        self.assertEqual(features.choose_version(offer), Microversion(3, 59))

    def test_newer_cloud_uses_the_newest_known_microversion(self) -> None:
        offer = Range(Microversion(3, 0), Microversion(3, 99))
        self.assertEqual(features.choose_version(offer), features.NEWEST)

    def test_cloud_without_known_microversions_has_none_in_common(self) -> None:
        offer = Range(Microversion(3, 80), Microversion(3, 99))
        self.assertIsNone(features.choose_version(offer))

    @given(ranges)
    def test_result_is_the_highest_common_microversion(self, offer: Range) -> None:
        both = [
            version
            for version in (Microversion(3, minor) for minor in range(200))
            if offer.minimum <= version <= offer.maximum and version <= features.NEWEST
        ]
        self.assertEqual(features.choose_version(offer), max(both, default=None))


class ObjectionTest(unittest.TestCase):
    def test_unknown_cloud_is_no_objection(self) -> None:
        for feature in every_feature:
            with self.subTest(feature.name):
                self.assertIsNone(features.find_objection(feature, None, None))

    def test_sufficient_pin_and_cloud_are_no_objection(self) -> None:
        for feature in every_feature:
            offer = Range(Microversion(3, 0), feature.since)
            with self.subTest(feature.name):
                self.assertIsNone(features.find_objection(feature, feature.since, offer))

    def test_low_pin_names_the_sufficient_one(self) -> None:
        for feature in every_feature:
            pin = below(feature.since)
            offer = Range(Microversion(3, 0), features.NEWEST)
            with self.subTest(feature.name):
                self.assertEqual(
                    features.find_objection(feature, pin, offer),
                    features.find_objection(feature, pin, None),
                )
                self.assertRegex(
                    features.find_objection(feature, pin, offer) or '',
                    rf'requires Block Storage {feature.since}[^,]*, but {pin} was requested: '
                    rf'use --os-volume-api-version {feature.since}, or leave the version out',
                )

    def test_old_cloud_is_named_with_its_range_and_no_pin(self) -> None:
        for feature in every_feature:
            offer = Range(Microversion(3, 0), below(feature.since))
            with self.subTest(feature.name):
                said = features.find_objection(feature, None, offer) or ''
                self.assertRegex(
                    said,
                    rf'requires Block Storage {feature.since}[ ,].* too old: it offers {offer}$',
                )
                self.assertNotIn('--os-volume-api-version', said)

    def test_old_cloud_is_reported_before_a_low_pin(self) -> None:
        for feature in every_feature:
            offer = Range(Microversion(3, 0), below(feature.since))
            with self.subTest(feature.name):
                self.assertEqual(
                    features.find_objection(feature, Microversion(3, 0), offer),
                    features.find_objection(feature, None, offer),
                )

    def test_sentence_begins_with_the_option(self) -> None:
        for name, feature in features.OPTIONS.items():
            said = features.find_objection(feature, Microversion(3, 0), None) or ''
            with self.subTest(name):
                self.assertTrue(said.startswith(f'{name.split()[-1]} requires Block Storage'), said)

    def test_sentence_names_the_purpose(self) -> None:
        feature = Feature('prune', Microversion(3, 43), purpose='to see properties')
        offer = Range(Microversion(3, 0), Microversion(3, 42))
        self.assertEqual(
            features.find_objection(feature, None, offer),
            'prune requires Block Storage 3.43 to see properties, but this '
            'cloud is too old: it offers 3.0 to 3.42',
        )

    @given(st.sampled_from(every_feature), st.none() | microversions, st.none() | ranges)
    def test_objection_is_none_only_if_pin_and_cloud_allow_it(
        self, feature: Feature, pin: Microversion | None, offer: Range | None
    ) -> None:
        known = [version for version in (pin, offer and offer.maximum) if version]
        allowed = all(version >= feature.since for version in known)
        self.assertEqual(features.find_objection(feature, pin, offer) is None, allowed)
