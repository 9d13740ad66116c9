# SPDX-License-Identifier: Apache-2.0
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from backupext.core.verification import Result
from tests.restructuredtext import code
from tests.unit.project.pages import read
from tests.unit.project.typed import PREFIX, parsers

_OPENSTACK = '/usr/bin/openstack'


class DrillsTest(unittest.TestCase):
    """The units and the line for cron of the guide "Test your backups" work as shown."""

    def page(self) -> str:
        return read('user', 'drills.rst')

    def units(self) -> dict[str, str]:
        names = re.findall(r'``/etc/systemd/system/(\S+)``', self.page())
        return dict(zip(names, code(self.page(), 'ini'), strict=True))

    def test_service_and_cron_run_the_same_command(self) -> None:
        (service,) = re.findall(
            r'^ExecStart=\S+ -q (.*)$', '\n'.join(self.units().values()), re.MULTILINE
        )
        (line,) = code(self.page(), 'text')
        self.assertTrue(line.strip().endswith(f'openstack -q {service}'), line)
        arguments = shlex.split(service.removeprefix(PREFIX))
        parsed = parsers()[f'{PREFIX}verify'].parse_args(arguments[1:])
        self.assertTrue(parsed.all_volumes)

    def test_every_result_is_explained(self) -> None:
        explained = re.findall(r'^   \* - ``([a-z ]+)``$', self.page(), re.MULTILINE)
        self.assertEqual(explained, [each.value for each in Result])

    def test_systemd_accepts_the_units(self) -> None:
        analyze = shutil.which('systemd-analyze')
        if analyze is None:
            self.skipTest('systemd-analyze is not installed: nothing can read the units')
        true = shutil.which('true') or ''
        with tempfile.TemporaryDirectory() as folder:
            for name, unit in self.units().items():
                Path(folder, name).write_text(unit.replace(_OPENSTACK, true), 'utf-8')
            for name in self.units():
                with self.subTest(name):
                    found = subprocess.run(
                        [analyze, 'verify', '--man=no', f'./{name}'],
                        cwd=folder,
                        check=False,
                        capture_output=True,
                    )
                    self.assertEqual((found.returncode, found.stderr), (0, b''))
