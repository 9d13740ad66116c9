# SPDX-License-Identifier: Apache-2.0
"""Runs ``openstack`` repeatedly without the cost of its start.

Started by path with the Python of any environment that has python-openstackclient; it imports OSC
once and forks a process for each command. A command is a JSON line on standard input: arguments,
environment, working folder, files for stdout and stderr; its exit status is the line that answers.
"""

import contextlib
import importlib
import importlib.metadata
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

#: Seconds after which a command is ended.
LONGEST = 240

sys.argv[0] = 'openstack'

from openstackclient import shell  # noqa: E402  # cliff reads the program's name when imported


def load_commands() -> None:
    """Load what every command loads: all command modules and the SDK."""
    distributions = importlib.metadata.distributions()
    for entry_point in (entry for each in distributions for entry in each.entry_points):
        if entry_point.group.startswith(('openstack.', 'cliff.formatter', 'keystoneauth1')):
            with contextlib.suppress(Exception):
                entry_point.load()
    importlib.import_module('openstack.connection')


def serve() -> None:
    """Answer each line until the input ends."""
    for line in sys.stdin:
        sys.stdout.write(f'{_run_in_a_child(json.loads(line))}\n')
        sys.stdout.flush()


def _run_in_a_child(command: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        _become(command)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become(command: dict[str, Any]) -> None:
    status = 70
    # No command takes this long, but one that never ends must not block the test run.
    signal.alarm(LONGEST)
    # A test run in the background ignores Ctrl-C, and its children would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        os.chdir(command['folder'])
        _write_pid(Path(command['pid']))
        os.environ.clear()
        os.environ.update(command['environment'])
        _redirect(command['stdout'], 1)
        _redirect(command['stderr'], 2)
        sys.stdin = io.StringIO()
        if command['stdout'] == command['stderr'] and isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        sys.argv[1:] = command['arguments']
        if command['pause'] is not None:
            _hurry(command['pause'])
        try:
            status = shell.main()
        except SystemExit as exit_:
            status = exit_.code if isinstance(exit_.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _write_pid(path: Path) -> None:
    unfinished = path.with_suffix('.new')
    unfinished.write_text(str(os.getpid()), 'ascii')
    unfinished.replace(path)


def _hurry(pause: float) -> None:
    """Let the plugin look more often: Cinder needs milliseconds here."""
    patience: Any = importlib.import_module('backupext.operations.patience')
    patience._FIRST_PAUSE = pause  # noqa: SLF001


def _redirect(path: str, descriptor: int) -> None:
    # Stdout and stderr may share a file. Appending prevents overwriting.
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    os.dup2(file, descriptor)
    os.close(file)


if __name__ == '__main__':
    load_commands()
    serve()
