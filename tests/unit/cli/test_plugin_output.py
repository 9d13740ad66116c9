# SPDX-License-Identifier: Apache-2.0
import unittest
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from backupext.cli.plugin_output import lines, unknown
from backupext.core import findings
from backupext.core.findings import Finding, Health, Kind, Policy, Report
from backupext.core.text import visible

NOW = datetime(2026, 11, 20, 8, tzinfo=timezone.utc)
DAY = timedelta(days=1)
POLICY = Policy(timedelta(hours=26), timedelta(hours=25))
GOOD = Health('v', 'mail', age=timedelta(hours=6))


def having(*kinds: Kind, name: str = 'db', age: timedelta | None = None, brief: str = '') -> Health:
    """Return a volume with a finding of each kind."""
    said = tuple(Finding(kind, f'This is {kind.name}.', brief) for kind in kinds)
    return Health('w', name, findings=said, age=age)


def late(name: str, days: int | None = None) -> Health:
    """Return a volume whose newest backup is some days old."""
    age = None if days is None else days * DAY
    return having(findings.LATE, name=name, age=age, brief=f'{days}d' if days else 'never')


def report(*volumes: Health, policy: Policy = POLICY) -> Report:
    return Report(volumes, [], policy, NOW)


class SummaryTest(unittest.TestCase):
    def summary(self, *volumes: Health) -> str:
        first = next(iter(lines(report(*volumes))))
        return first.partition(' | ')[0]

    def test_good_volumes_are_counted(self) -> None:
        new = Health('x', 'fresh', is_new=True)
        for volumes, said in (
            ([GOOD], '1 volume has a backup in 26h'),
            ([GOOD] * 120, '120 volumes have a backup in 26h'),
            ([GOOD, new], '1 volume has a backup in 26h, 1 is new'),
            ([GOOD, GOOD, new, new], '2 volumes have a backup in 26h, 2 are new'),
            ([new], '1 volume is new'),
        ):
            with self.subTest(said):
                self.assertEqual(self.summary(*volumes), f'BACKUP OK: {said}')

    def test_late_volumes_are_named_the_oldest_first(self) -> None:
        self.assertEqual(
            self.summary(late('db1', 3), late('db2', 9), late('mail'), *[GOOD] * 117),
            'BACKUP CRITICAL: 3 of 120 volumes have no backup in 26h (mail never, db2 9d, db1 3d)',
        )
        self.assertEqual(
            self.summary(late('db1', 3)),
            'BACKUP CRITICAL: 1 of 1 volume has no backup in 26h (db1 3d)',
        )

    def test_only_five_volumes_are_named(self) -> None:
        said = self.summary(*(late(f'v{number}', number) for number in range(2, 9)))
        self.assertTrue(said.endswith('(v8 8d, v7 7d, v6 6d, v5 5d, v4 4d, and 2 more)'), said)

    def test_other_findings_are_counted_in_the_order_of_severity(self) -> None:
        kinds = findings.KINDS[1:]
        self.assertEqual(
            self.summary(having(*kinds), having(findings.STUCK), having(findings.FAILED)),
            'BACKUP CRITICAL: 1 cannot be restored, 2 stuck, 1 not found, the metrics file was not '
            'written, 1 older than 25h, 2 failed, 1 running for too long, 1 with too long a chain, '
            'the next round exceeds the quota, 1 left over, 1 in the future',
        )

    def test_severity_is_that_of_the_worst_finding(self) -> None:
        for kinds, severity in (
            ([findings.FAILED], 'WARNING'),
            ([findings.FAILED, findings.MISSING], 'UNKNOWN'),
            ([findings.MISSING, findings.STUCK], 'CRITICAL'),
        ):
            with self.subTest(severity):
                self.assertTrue(self.summary(having(*kinds)).startswith(f'BACKUP {severity}: '))


class PerformanceTest(unittest.TestCase):
    def numbers(self, *volumes: Health, policy: Policy = POLICY) -> list[str]:
        first = next(iter(lines(report(*volumes, policy=policy))))
        return first.partition(' | ')[2].split()

    def test_every_kind_has_a_number_with_its_limits(self) -> None:
        numbers = self.numbers(GOOD, late('db1', 3), having(findings.FAILED))
        self.assertEqual(numbers[:3], ['volumes=3', 'new=0', 'late=1;;0'])
        self.assertIn('failed=1;0', numbers)
        self.assertIn('missing=0', numbers)
        self.assertEqual(len(numbers), 2 + len(findings.KINDS) + 1)

    def test_oldest_backup_has_the_limits_in_seconds(self) -> None:
        self.assertEqual(self.numbers(GOOD, late('db1', 3))[-1], 'oldest=259200s;90000;93600')
        without = self.numbers(GOOD, policy=Policy(DAY))
        self.assertEqual(without[-1], 'oldest=21600s;;86400')

    def test_age_is_left_out_if_there_is_no_backup(self) -> None:
        self.assertFalse([each for each in self.numbers(late('db1')) if 'oldest' in each])

    def test_backup_in_the_future_has_age_0(self) -> None:
        numbers = self.numbers(having(findings.FUTURE, age=-DAY))
        self.assertEqual(numbers[-1], 'oldest=0s;90000;93600')


class LinesTest(unittest.TestCase):
    def test_each_finding_has_a_line_with_its_severity_and_advice(self) -> None:
        printed = list(lines(report(having(findings.FAILED), late('db1', 3))))
        self.assertEqual(
            printed[1:],
            [
                f'CRITICAL: This is late. {findings.LATE.advice}',
                f'WARNING: This is failed. {findings.FAILED.advice}',
            ],
        )

    def test_long_list_says_how_much_is_left_out(self) -> None:
        printed = list(lines(report(*[late('db1', 3)] * 102)))
        self.assertEqual(len(printed), 1 + 100 + 1)
        self.assertEqual(printed[-1], 'There are 2 more findings: use -f table to see all.')

    @given(st.text())
    def test_no_name_breaks_the_format(self, name: str) -> None:
        bad = Finding(findings.LATE, f'Volume {name} has no backup.', 'never')
        printed = list(lines(report(Health('w', name, findings=(bad,)))))
        self.assertEqual([line.count('|') for line in printed], [1, 0])
        self.assertEqual(printed, [visible(line) for line in printed])

    @given(st.text())
    def test_no_reason_breaks_the_line_of_an_unknown_result(self, reason: str) -> None:
        line = unknown(reason)
        self.assertTrue(line.startswith('BACKUP UNKNOWN: '))
        self.assertNotIn('|', line)
        self.assertEqual(line, visible(line))
