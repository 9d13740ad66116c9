# SPDX-License-Identifier: Apache-2.0
"""The jobs of the guide "Back up every night" work as shown, and its numbers are right."""

import argparse
import csv
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from backupext.cli import rotating
from backupext.core import labels, rotation
from backupext.core.models import Backup, Volume
from tests.restructuredtext import code, section
from tests.unit.project.pages import read
from tests.unit.project.typed import PREFIX, parsers

#: Versions of Kubernetes whose schemas must accept the manifests.
VERSIONS = ('1.27', '1.33')
#: Only the environment of `make lint` has the schemas, which are large.
HAS_SCHEMAS = unittest.skipUnless(
    importlib.util.find_spec('kubernetes_validate'), 'kubernetes-validate is not installed.'
)
CALL = 'openstack volume backup rotate'

#: Records its arguments, and ends with the status that the test asks for.
OPENSTACK = """#!/bin/sh
printf '%s\\n' "$@" >>"$RECORD"
echo 'a message' >&2
exit "${STATUS:-0}"
"""


def page() -> str:
    return read('user', 'nightly.rst')


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse the arguments after ``openstack``, which must be those of a rotation."""
    words = PREFIX.split()
    if arguments[: len(words) + 1] != [*words, 'rotate']:
        raise AssertionError(arguments)
    return parsers()[f'{PREFIX}rotate'].parse_args(arguments[len(words) + 1 :])


def validate(manifest: dict[str, Any], version: str) -> None:
    """Validate a manifest; fields that Kubernetes does not know are errors."""
    importlib.import_module('kubernetes_validate').validate(manifest, version, strict=True)


class Machine:
    """A folder in whose ``openstack`` a job runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._record = folder / 'record'
        self.write('openstack', OPENSTACK, 0o755)

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        path = self.folder / name
        path.write_text(text, 'utf-8')
        path.chmod(mode)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a job's command, and return what it printed."""
        environment = {
            'PATH': f'{self.folder}:{os.defpath}',
            'HOME': str(self.folder),
            'RECORD': str(self._record),
            **variables,
        }
        self._record.write_text('', 'utf-8')
        return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)

    @property
    def asked(self) -> argparse.Namespace:
        """The options of the rotation that the job called."""
        return parse(self._record.read_text('utf-8').splitlines())


class JobTest(unittest.TestCase):
    """What runs the command every night."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.machine = Machine(Path(folder.name))

    def assert_needs_nobody(self, asked: argparse.Namespace) -> None:
        """Expect a rotation that asks nothing, ends, and may be repeated."""
        self.assertTrue(asked.all_volumes and asked.auto_approve and asked.force)
        self.assertTrue(rotating.deletes(asked))
        self.assertFalse(asked.dry_run)
        self.assertTrue(asked.timeout and asked.start_within and asked.skip_newer_than)


class SystemdTest(JobTest):
    def units(self) -> dict[str, str]:
        names = re.findall(r'``/etc/systemd/system/(\S+)``', page())
        return dict(zip(names, code(page(), 'ini'), strict=True))

    def test_service_starts_a_rotation(self) -> None:
        (command,) = re.findall(r'^ExecStart=/usr/bin/(openstack (?:.*\\\n)*.*)$', self.service())
        self.assert_needs_nobody(parse(shlex.split(command.replace('\\\n', ' '))[1:]))

    def service(self) -> str:
        text = self.units()['volume-backup.service']
        return text[text.index('ExecStart') :].removesuffix('\n')

    def test_every_run_of_the_timer_backs_up_what_the_last_has_not(self) -> None:
        times = re.findall(r'^OnCalendar=\*-\*-\* (\d\d):00:00 UTC$', self.timer(), re.MULTILINE)
        first, second = (timedelta(hours=int(time)) for time in times)
        (command,) = re.findall(r'openstack ((?:.*\\\n)*.*)$', self.service())
        asked = parse(shlex.split(command.replace('\\\n', ' ')))
        latest = asked.start_within
        # In the second run, everything from the first one is recent; in the next night nothing is.
        self.assertLess(second - first, asked.skip_newer_than)
        self.assertGreater(timedelta(days=1) + first - (second + latest), asked.skip_newer_than)

    def timer(self) -> str:
        return self.units()['volume-backup.timer']

    def test_systemd_accepts_the_units(self) -> None:
        analyze = shutil.which('systemd-analyze')
        if analyze is None:
            self.skipTest('systemd-analyze is not installed: nothing can read the units')
        units = self.units()
        for name, unit in units.items():
            self.machine.write(name, unit.replace('/usr/bin/', f'{self.machine.folder}/'))
        for name in units:
            with self.subTest(name):
                read = subprocess.run(
                    [analyze, 'verify', '--man=no', f'./{name}'],
                    cwd=self.machine.folder,
                    check=False,
                    capture_output=True,
                )
                self.assertEqual((read.returncode, read.stderr), (0, b''))


class CronTest(JobTest):
    def run_job(self, status: str) -> subprocess.CompletedProcess[str]:
        (table,) = (text for text in code(page(), 'text') if text.startswith('MAILTO'))
        *_, line = table.splitlines()
        command = line.split(maxsplit=6)[6]
        return self.machine.run('/bin/sh', '-c', command, STATUS=status)

    def test_job_is_a_rotation(self) -> None:
        self.run_job('0')
        self.assert_needs_nobody(self.machine.asked)

    def test_success_mails_nothing(self) -> None:
        done = self.run_job('0')
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '', ''))

    def test_failure_mails_the_exit_status_and_the_messages(self) -> None:
        self.assertEqual(self.run_job('4').stdout, 'Exit status 4\na message\n')


class KubernetesTest(JobTest):
    def manifests(self) -> list[dict[str, Any]]:
        found = [yaml.safe_load(text) for text in code(page(), 'yaml')]
        return [each for each in found if 'apiVersion' in each]

    def run_pod(self, manifest: dict[str, Any], **variables: str) -> argparse.Namespace:
        """Run the command of a pod, and return the options of the rotation."""
        (container,) = self.job(manifest)['template']['spec']['containers']
        done = self.machine.run(*container['command'], *container['args'], **variables)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.machine.asked

    def job(self, manifest: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = manifest['spec']['jobTemplate']['spec']
        return found

    def test_pods_run_a_rotation(self) -> None:
        for manifest in self.manifests():
            self.assert_needs_nobody(self.run_pod(manifest, JOB_COMPLETION_INDEX='0'))

    def test_indexed_job_covers_every_shard_once(self) -> None:
        _, indexed = self.manifests()
        job = self.job(indexed)
        self.assertEqual(job['completionMode'], 'Indexed')
        count = job['completions']
        shards = [
            self.run_pod(indexed, JOB_COMPLETION_INDEX=str(index)).shard for index in range(count)
        ]
        self.assertEqual(shards, [(part, count) for part in range(1, count + 1)])
        self.assertEqual(job['parallelism'], count)

    @HAS_SCHEMAS
    def test_kubernetes_accepts_the_manifests(self) -> None:
        for manifest in self.manifests():
            for version in VERSIONS:
                with self.subTest(version):
                    validate(manifest, version)

    @HAS_SCHEMAS
    def test_unknown_field_is_noticed(self) -> None:
        manifest, _ = self.manifests()
        self.job(manifest)['completion'] = 4
        with self.assertRaisesRegex(Exception, 'completion'):
            validate(manifest, VERSIONS[-1])


class Rule(NamedTuple):
    """An access rule of an application credential."""

    service: str
    method: str
    path: str


class CredentialTest(unittest.TestCase):
    def test_rules_are_well_formed(self) -> None:
        (text,) = code(page(), 'json')
        rules = [Rule(**each) for each in json.loads(text)]
        self.assertEqual(len(rules), len(set(rules)))
        self.assertEqual({each.service for each in rules}, {'block-storage'})
        self.assertEqual([each for each in rules if not each.path.startswith('/v3/')], [])


class NumbersTest(unittest.TestCase):
    """The numbers of backups that rules need."""

    def rows(self) -> list[list[str]]:
        (table,) = re.findall(r'"Rules", "Backups at most"\n\n((?:   .*\n)+)', page())
        return list(csv.reader(table.splitlines(), skipinitialspace=True))

    def test_numbers_are_those_of_a_dry_run(self) -> None:
        self.assertGreater(len(self.rows()), 1)
        for rules, shown in self.rows():
            with self.subTest(rules):
                self.assertEqual(str(self.need(rules.strip().strip('`'))), shown)

    def need(self, rules: str) -> int:
        """Return how many backups of a volume a rotation keeps at most."""
        request = rotating.request(parse([*CALL.split()[1:], 'ledger', *rules.split()]))
        found = rotation.steady_state(
            [Volume('ledger', size=1)],
            request.policy,
            request.keep,
            datetime(2026, 11, 23, 2, tzinfo=timezone.utc),
            request.zone,
        )
        assert found is not None
        return found.backups


class Night(NamedTuple):
    """A night of the worked example."""

    date: datetime
    happens: str
    kind: str
    reason: str


class WorkedExampleTest(unittest.TestCase):
    """The nights that the guide shows are what the command decides."""

    maxDiff = None
    TITLE = 'How it decides between full and incremental'
    #: The turn of the volume: Tuesdays at noon, before Wednesday's backup. Day 0 was a Thursday.
    TURN = timedelta(days=5, hours=12)

    def nights(self) -> Iterator[Night]:
        text = section(page(), self.TITLE)
        (table,) = re.findall(r':header: "Night", .*\n\n((?:   .*\n)+)', text)
        for day, happens, kind, reason in csv.reader(
            table.splitlines(), delimiter=',', skipinitialspace=True
        ):
            date = datetime.strptime(f'{day.strip()} 02 +0000', '%a %Y-%m-%d %H %z')
            yield Night(date, happens, kind, reason)

    def policy(self) -> rotation.Policy:
        (options,) = re.findall(
            r'^``(--full-every .*)``:$', section(page(), self.TITLE), re.MULTILINE
        )
        return rotating.request(parse([*CALL.split()[1:], 'ledger', *options.split()])).policy

    def test_worked_example_is_what_the_command_decides(self) -> None:
        volume = Volume('ledger', 'ledger', 'available', 1)
        backups: list[Backup] = []
        shown, decided = [], []
        for night in self.nights():
            shown.append((night.kind, night.reason))
            if night.happens == 'grown':
                volume = replace(volume, size=2)
            step = rotation.decide(
                volume, backups, self.policy(), night.date, timezone.utc, self.TURN
            )
            kind = 'incremental' if step.is_incremental else 'full'
            decided.append((kind, re.sub(r' \(id-[\d-]+\)', '', step.reason)))
            backups = [*self.counted(backups, night, step), self.made(volume, night, step)]
            if night.happens != 'failed':
                backups = [each for each in backups if each.status == 'available']
        self.assertEqual(shown, decided)

    def counted(self, backups: list[Backup], night: Night, step: rotation.Step) -> list[Backup]:
        """Update the parent, as Cinder does when an incremental backup is available."""
        if not step.is_incremental or night.happens == 'failed':
            return backups
        return [*backups[:-1], replace(backups[-1], updated_at=night.date.isoformat())]

    def made(self, volume: Volume, night: Night, step: rotation.Step) -> Backup:
        time = night.date.isoformat()
        has_failed = night.happens == 'failed'
        return Backup(
            f'id-{night.date:%Y-%m-%d}',
            f'ledger-{night.date:%Y-%m-%d}',
            status='error' if has_failed else 'available',
            volume_id=volume.id,
            size=volume.size,
            is_incremental=step.is_incremental,
            object_count=None if has_failed else 1,
            created_at=time,
            data_timestamp=time,
            updated_at=time,
            metadata={labels.ROTATION: labels.DEFAULT_LABEL},
        )
