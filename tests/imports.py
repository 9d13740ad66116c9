# SPDX-License-Identifier: Apache-2.0
"""The modules that ``openstack`` imports because of the plugin, and their cost in process."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# OSC runs a command that needs no cloud, without the plugin, and so loads what it loads at every
# start. Then the plugin is imported. Python's own import timing would count itself, and whole
# processes with and without the plugin differ by less than any two of the same kind.
_SCRIPT = """
import contextlib, importlib, importlib.metadata, io, json, sys, time

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
entries = importlib.metadata.entry_points(group='openstack.volume_backup.v3')
modules = [entry.module for entry in entries]
begin = time.process_time()
import backupext.plugin
for module in modules:
    importlib.import_module(module)
seconds = time.process_time() - begin
new = sorted(set(sys.modules) - before)
print(json.dumps({'status': status, 'before': sorted(before), 'new': new, 'seconds': seconds}))
"""


class Imported(NamedTuple):
    """The modules that OSC loads, those that the plugin adds, and the CPU seconds of the latter.

    Python writes what it has compiled at the first run, which costs more than those after it.
    """

    before: set[str]
    new: set[str]
    seconds: float


def import_plugin(python: str | Path, environment: Mapping[str, str], folder: Path) -> Imported:
    """Import the plugin in a separate process.

    :param environment: nothing in it may name a cloud.
    :param folder: where the process runs, and looks for the plugin first.
    """
    compiled = {'PYTHONDONTWRITEBYTECODE': '', 'OS_CLIENT_CONFIG_FILE': '/nonexistent'}
    run = subprocess.run(
        [python, '-c', _SCRIPT],
        cwd=folder,
        env={**environment, **compiled},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(run.stdout)
    if answer['status']:
        raise RuntimeError(f'OSC did not start: {run.stderr}')
    return Imported(set(answer['before']), set(answer['new']), answer['seconds'])
