# SPDX-License-Identifier: Apache-2.0
import re
import unittest
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from backupext.core import findings
from backupext.core.filters import Property
from backupext.core.findings import Finding, Health, Policy, Report
from backupext.core.metrics import render
from backupext.core.models import Backup

PREFIX = 'openstack_volume_backup_'
NOW = datetime(2026, 11, 20, 8, tzinfo=timezone.utc)
POLICY = Policy(timedelta(hours=26), label='nightly')
NEWEST = Backup('b', status='available', data_timestamp='2026-11-20T02:00:00.000000')
GOOD = Health(
    *('v', 'mail', 'p', (), NEWEST, timedelta(hours=6)),
    is_restorable=True,
    chain=3,
    statuses={'available': 4, 'error': 1},
)
BAD = Health('w', None, None, (Finding(findings.LATE, 'Volume w has no restorable backup.'),))

Samples = dict[tuple[str, ...], float]

#: Endings that promtool reserves for other types, and units that are not base units.
RESERVED = ('_total', '_count', '_sum', '_bucket', '_info')
NO_BASE_UNITS = ('milliseconds', 'minutes', 'hours', 'days', 'weeks', 'kilobytes', 'gigabytes')


def families(report: Report, project: str | None = 'own') -> dict[str, Metric]:
    """Parse the metrics of a report by their names without the prefix."""
    parsed = list(text_string_to_metric_families(render(report, project)))
    return {each.name.removeprefix(PREFIX): each for each in parsed}


def report(*volumes: Health, policy: Policy = POLICY) -> Report:
    return Report(volumes, [], policy, NOW)


class RenderTest(unittest.TestCase):
    def samples(self, name: str, *labels: str) -> Samples:
        """Return the values of a metric of two volumes by these labels."""
        found = families(report(GOOD, BAD))[name].samples
        return {tuple(each.labels[key] for key in labels): each.value for each in found}

    def test_newest_backup_has_the_time_of_its_data(self) -> None:
        time = datetime(2026, 11, 20, 2, tzinfo=timezone.utc).timestamp()
        self.assertEqual(
            self.samples('newest_timestamp_seconds', 'volume_id'), {('v',): time, ('w',): 0}
        )

    def test_volume_has_its_names_its_project_and_the_label(self) -> None:
        keys = ('volume_id', 'volume_name', 'project_id', 'label')
        self.assertEqual(
            set(self.samples('state', *keys)),
            {('v', 'mail', 'p', 'nightly'), ('w', '', 'own', 'nightly')},
        )

    def test_backups_are_counted_by_status(self) -> None:
        self.assertEqual(
            self.samples('backups', 'volume_id', 'status'),
            {('v', 'available'): 4, ('v', 'error'): 1, ('w', 'available'): 0},
        )

    def test_restorable_chain_and_state_are_numbers(self) -> None:
        for name, good, bad in (
            ('newest_restorable', 1, 0),
            ('chain_length', 3, 0),
            ('state', 0, 2),
        ):
            with self.subTest(name):
                self.assertEqual(self.samples(name, 'volume_id'), {('v',): good, ('w',): bad})

    def test_every_kind_of_finding_is_counted(self) -> None:
        counts = self.samples('findings', 'finding', 'label')
        expected = {(kind.name, 'nightly'): float(kind is findings.LATE) for kind in findings.KINDS}
        self.assertEqual(counts, expected)

    def test_check_has_its_time_and_its_state(self) -> None:
        self.assertEqual(
            self.samples('check_timestamp_seconds', 'label'), {('nightly',): NOW.timestamp()}
        )
        self.assertEqual(self.samples('check_state', 'label'), {('nightly',): 2})

    def test_properties_are_the_label_if_there_is_none(self) -> None:
        properties = (Property('job', 'nightly'), Property('tier'))
        known = families(report(GOOD, policy=Policy(timedelta(1), properties=properties)))
        self.assertEqual(known['check_state'].samples[0].labels, {'label': 'job=nightly,tier'})

    @given(st.text())
    def test_any_name_is_read_back(self, name: str) -> None:
        known = families(report(GOOD._replace(name=name)))
        self.assertEqual(known['state'].samples[0].labels['volume_name'], name)


class NamingTest(unittest.TestCase):
    """The rules of ``promtool check metrics``."""

    def test_every_metric_is_a_gauge_with_a_help(self) -> None:
        for name, metric in families(report(GOOD)).items():
            with self.subTest(name):
                self.assertEqual(metric.type, 'gauge')
                self.assertRegex(metric.documentation, r'^[A-Z].*\.$')

    def test_no_name_has_an_ending_of_another_type(self) -> None:
        for name in families(report(GOOD)):
            with self.subTest(name):
                self.assertFalse(name.endswith(RESERVED))

    def test_every_name_and_label_is_in_lower_case_with_base_units(self) -> None:
        for name, metric in families(report(GOOD)).items():
            for word in (name, *metric.samples[0].labels):
                with self.subTest(name, word=word):
                    self.assertRegex(word, r'^[a-z]+(_[a-z]+)*$')
                    self.assertFalse([unit for unit in NO_BASE_UNITS if unit in word])

    def test_each_metric_is_declared_once_before_its_samples(self) -> None:
        lines = render(report(GOOD, BAD), None).splitlines()
        declared = [line.split()[2] for line in lines if line.startswith('# TYPE')]
        self.assertEqual(len(declared), len(set(declared)))
        order = [re.split('[ {]', line.removeprefix('# TYPE '))[0] for line in lines]
        order = [name for name in order if name != '#']
        self.assertEqual(order, sorted(order, key=declared.index))

    def test_no_sample_has_a_time(self) -> None:
        # The textfile collector of node_exporter refuses the whole file then.
        for metric in families(report(GOOD)).values():
            self.assertEqual({each.timestamp for each in metric.samples}, {None})
