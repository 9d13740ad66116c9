# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
import unittest

from tests.unit.project.ours import ROOT

#: Every run of ``openstack``, of any command, imports this many files of ours, at about a third of
#: a millisecond each: one per command, and the few that their parsers and columns need. It is 32
#: now, with those of waiting, consent and keeping, which the parsers of several commands share;
#: four more may come before somebody has to think.
MOST = 36

#: What only a command that runs may load.
LATE = {f'backupext.{layer}' for layer in ('cloud', 'operations', 'resource', 'session')}

# OSC runs a command that needs no cloud, without us, and so has loaded what it loads at every
# start. Then come we.
SCRIPT = """
import contextlib, importlib, io, json, pkgutil, sys

class WithoutUs:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] == 'backupext':
            raise ImportError(name)

without_us = WithoutUs()
sys.meta_path.insert(0, without_us)
with contextlib.redirect_stdout(io.StringIO()):
    from openstackclient import shell
    status = shell.main(['module', 'list'])
sys.meta_path.remove(without_us)

before = set(sys.modules)
import backupext.plugin
import backupext.commands
for module in pkgutil.iter_modules(backupext.commands.__path__, 'backupext.commands.'):
    importlib.import_module(module.name)
new = sorted(set(sys.modules) - before)
print(json.dumps({'status': status, 'before': sorted(before), 'new': new}))
"""


class ImportBudgetTest(unittest.TestCase):
    before: set[str]
    new: set[str]

    @classmethod
    def setUpClass(cls) -> None:
        environment = {key: value for key, value in os.environ.items() if key[:3] != 'OS_'}
        environment['OS_CLIENT_CONFIG_FILE'] = '/nonexistent/clouds.yaml'
        run = subprocess.run(
            [sys.executable, '-c', SCRIPT],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        answer = json.loads(run.stdout)
        if answer['status']:
            raise AssertionError(f'OSC did not start: {run.stderr}')
        cls.before, cls.new = set(answer['before']), set(answer['new'])

    def test_osc_has_loaded_its_own_commands_before(self) -> None:
        packages = {name.rpartition('.')[0] for name in self.before}
        self.assertIn('openstackclient.volume', packages)
        self.assertFalse('backupext' in packages)

    def test_our_commands_load_nothing_that_osc_has_not_loaded(self) -> None:
        self.assertEqual({name for name in self.new if name.split('.')[0] != 'backupext'}, set())

    def test_our_commands_load_few_modules_of_ours(self) -> None:
        self.assertIn('backupext.commands.create', self.new)
        self.assertLessEqual(len(self.new), MOST, sorted(self.new))

    def test_what_speaks_to_a_cloud_waits_for_a_command(self) -> None:
        self.assertEqual({name for name in self.new if name in LATE}, set())
