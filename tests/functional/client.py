# SPDX-License-Identifier: Apache-2.0
"""The ``openstack`` command of an environment, with and without the plugin."""

import atexit
import functools
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_FORK_SERVER = Path(__file__).with_name('fork_server.py')


class Result(NamedTuple):
    """The exit status and output of a command."""

    status: int
    stdout: str
    stderr: str


class OpenStack:
    """Runs ``openstack`` commands with one environment's packages, each in a process of its own."""

    def __init__(self, python: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix='backupext-openstack-')
        self._server = subprocess.Popen(
            [python, _FORK_SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={'PATH': os.environ['PATH']},
        )
        atexit.register(self._stop)

    def run(
        self,
        arguments: str | list[str],
        environment: Mapping[str, str],
        *,
        pause: float | None = None,
    ) -> Result:
        """Run a command; arguments are written as a shell would read them, or as a list.

        :param pause: the seconds before the plugin looks at a status for the first time.
        """
        stdout, stderr = Path(self._folder.name, 'stdout'), Path(self._folder.name, 'stderr')
        status = self._run(arguments, environment, stdout, stderr, pause)
        return Result(status, stdout.read_text(), stderr.read_text())

    def send_signal(self, number: int) -> None:
        """Send a signal to the command that runs."""
        os.kill(int(self._pid.read_text()), number)

    @property
    def _pid(self) -> Path:
        return Path(self._folder.name, 'pid')

    def seen(self, arguments: str | list[str], environment: Mapping[str, str]) -> str:
        """Run a command and return stdout and stderr in the order in which they were written."""
        both = Path(self._folder.name, 'both')
        self._run(arguments, environment, both, both)
        return both.read_text()

    def _run(
        self,
        arguments: str | list[str],
        environment: Mapping[str, str],
        stdout: Path,
        stderr: Path,
        pause: float | None = None,
    ) -> int:
        """Run a command that writes to files, and return its exit status."""
        self._pid.unlink(missing_ok=True)
        command = {
            'arguments': shlex.split(arguments) if isinstance(arguments, str) else arguments,
            'environment': {'PATH': os.environ['PATH'], 'LANG': 'C.UTF-8', **environment},
            'folder': self._folder.name,
            'stdout': str(stdout),
            'stderr': str(stderr),
            'pause': pause,
            'pid': str(self._pid),
        }
        return self._ask(json.dumps(command))

    def _ask(self, line: str) -> int:
        if self._server.stdin is None or self._server.stdout is None:
            raise RuntimeError('the fork server has no pipes')
        print(line, file=self._server.stdin, flush=True)
        return int(self._server.stdout.readline())

    def _stop(self) -> None:
        self._server.communicate()
        self._folder.cleanup()


def heed_ctrl_c() -> None:
    """Let a started process react to Ctrl-C even if the test run ignores it.

    Shells start background processes so that they ignore it, and child processes inherit that.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@functools.cache
def with_plugin() -> OpenStack:
    """Return OSC with the plugin, from the environment of the tests."""
    return OpenStack(Path(sys.executable))


@functools.cache
def osc_alone() -> OpenStack:
    """Return OSC without the plugin."""
    return OpenStack(osc_python())


def osc_python() -> Path:
    """Return the Python of the environment that ``make functional`` creates for OSC alone."""
    return Path(os.environ.get('OSC_PYTHON', ROOT / '.venvs' / 'osc' / 'bin' / 'python'))
