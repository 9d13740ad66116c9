# SPDX-License-Identifier: Apache-2.0
import argparse
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from backupext.cli import keep
from backupext.core import retention
from backupext.core.models import Backup
from tests.restructuredtext import code
from tests.unit.project.pages import read
from tests.unit.project.typed import PREFIX, parsers


class NightlyTest(unittest.TestCase):
    """The script and the units of the guide "Back up every night" work as shown."""

    #: Duration of a backup.
    TAKES = timedelta(minutes=5)
    #: Records its arguments, and fails if the test says so.
    OPENSTACK = """#!/bin/sh
printf '%s\\n' "$@" >>"$RECORD"
echo --end-- >>"$RECORD"
case " $* " in *" $FAIL "*) exit 3;; esac
"""
    #: A ``date`` command with a fixed day of the week.
    DATE = """#!/bin/sh
if [ "$2" = +%u ]; then echo "$DAY"; else echo 2026-11-23; fi
"""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.record = self.folder / 'record'
        self.write('openstack', self.OPENSTACK)
        self.write('date', self.DATE)
        self.write('nightly', self.script())

    def page(self) -> str:
        return read('user', 'nightly.rst')

    def script(self) -> str:
        (script,) = [block for block in code(self.page(), 'sh') if block.startswith('#!')]
        return script

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, 'utf-8')
        path.chmod(0o755)

    def run_script(self, *arguments: str, day: str = '1', fail: str = '-') -> int:
        """Run the script, and return its exit status."""
        environment = {
            'PATH': f'{self.folder}:{os.defpath}',
            'RECORD': str(self.record),
            'DAY': day,
            'FAIL': fail,
        }
        self.record.write_text('', 'utf-8')
        command = ['/bin/sh', str(self.folder / 'nightly'), *arguments]
        return subprocess.run(command, env=environment, check=False, capture_output=True).returncode

    def parsed(self) -> list[tuple[str, argparse.Namespace]]:
        """Parse the commands that the script called."""
        calls = self.record.read_text('utf-8').split('--end--\n')[:-1]
        return [self.parse(call.splitlines()) for call in calls]

    def parse(self, words_of_call: list[str]) -> tuple[str, argparse.Namespace]:
        self.assertEqual(words_of_call[:3], ['-q', 'volume', 'backup'])
        return words_of_call[3], parsers()[PREFIX + words_of_call[3]].parse_args(words_of_call[4:])

    def test_script_backs_up_and_prunes_its_own_backups(self) -> None:
        self.assertEqual(self.run_script('ledger'), 0)
        (first, create), (second, prune) = self.parsed()
        self.assertEqual((first, second), ('create', 'prune'))
        self.assertTrue(create.wait and create.incremental and create.allow_full)
        self.assertTrue(prune.auto_approve)
        self.assertEqual((create.volume, prune.volumes), ('ledger', ['ledger']))
        self.assertEqual(create.properties, {'job': 'nightly'})
        self.assertEqual(prune.properties, [('job', 'nightly')])

    def test_script_creates_a_full_backup_on_sundays(self) -> None:
        self.run_script('ledger', day='7')
        (_, create), _ = self.parsed()
        self.assertFalse(create.incremental or create.allow_full)

    def test_script_stops_at_an_error(self) -> None:
        self.assertEqual(self.run_script('ledger', fail='create'), 3)
        self.assertEqual([name for name, _ in self.parsed()], ['create'])

    def test_script_fails_if_the_deletion_fails(self) -> None:
        self.assertEqual(self.run_script('ledger', fail='prune'), 3)

    def test_script_does_nothing_without_a_volume(self) -> None:
        self.assertEqual(self.run_script(), 2)
        self.assertEqual(self.parsed(), [])

    def test_number_of_kept_backups_matches_the_guide(self) -> None:
        self.run_script('ledger')
        _, (_, prune) = self.parsed()
        kept: list[Backup] = []
        counts = []
        for night in range(400):
            kept = self.after_a_night(
                kept, datetime(2026, 1, 1, 2, tzinfo=timezone.utc), night, prune
            )
            counts.append(len(kept))
        said = re.findall(r'a volume has (\d+) to (\d+) backups', self.page())
        self.assertEqual(said, [(str(min(counts[200:])), str(max(counts[200:])))])

    def after_a_night(
        self, kept: list[Backup], first: datetime, night: int, prune: argparse.Namespace
    ) -> list[Backup]:
        """Add the backup of a night with the parent that Cinder chooses, and prune."""
        now = first + timedelta(days=night)
        full = not kept or now.isoweekday() == 7  # Sunday
        done = (now + self.TAKES).isoformat()
        if not full:
            kept = [*kept[:-1], replace(kept[-1], updated_at=done)]
        made = Backup(
            id=str(night),
            name=str(night),
            status='available',
            volume_id='ledger',
            is_incremental=not full,
            created_at=now.isoformat(),
            data_timestamp=now.isoformat(),
            updated_at=done,
            metadata={'job': 'nightly'},
        )
        plan = retention.plan(
            [*kept, made], keep.policy(prune), now + timedelta(hours=1), prune.timezone
        )
        gone = {one.backup.id for one in plan if one.action is retention.Action.DELETE}
        return [backup for backup in [*kept, made] if backup.id not in gone]

    def test_systemd_accepts_the_units(self) -> None:
        analyze = shutil.which('systemd-analyze')
        if analyze is None:
            self.skipTest('systemd-analyze is not installed: nothing can read the units')
        names_of_units = re.findall(r'``/etc/systemd/system/(\S+)``', self.page())
        units = code(self.page(), 'ini')
        self.assertEqual(len(names_of_units), len(units))
        for name, unit in zip(names_of_units, units, strict=True):
            here = unit.replace('/usr/local/bin/volume-backup-', f'{self.folder}/')
            (self.folder / name).write_text(here, 'utf-8')
        for name in names_of_units:
            with self.subTest(name):
                read = subprocess.run(
                    [analyze, 'verify', '--man=no', f'./{name}'],
                    cwd=self.folder,
                    check=False,
                    capture_output=True,
                )
                self.assertEqual((read.returncode, read.stderr), (0, b''))
