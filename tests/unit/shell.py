# SPDX-License-Identifier: Apache-2.0
"""The real OpenStackShell in this process, for tests of commands."""

import contextlib
import functools
import gc
import io
import logging
import os
import shlex
import unittest
import warnings
from collections.abc import Iterator
from typing import NamedTuple
from unittest import mock

from openstackclient import shell

from backupext import parallel
from tests.unit.clock import FakeClock
from tests.unit.stub import StubCloud


class Result(NamedTuple):
    """The exit status and output of a command."""

    status: int
    stdout: str
    stderr: str


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def run(
    arguments: str | list[str],
    environment: dict[str, str],
    *,
    stdin: io.StringIO | None = None,
    stderr: io.StringIO | None = None,
    has_stderr: bool = True,
) -> Result:
    """Run ``openstack`` with arguments, written as a shell would read them or as a list.

    Nobody sits at a terminal, unless stdin or stderr is one. Without stderr it is closed.
    """
    argv = shlex.split(arguments) if isinstance(arguments, str) else arguments
    stdout = io.StringIO()
    stderr = io.StringIO() if stderr is None else stderr
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch('sys.stdin', io.StringIO() if stdin is None else stdin),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr if has_stderr else None),
        _logging_restored(),
        _collector_restored(),
        warnings.catch_warnings(),
    ):
        try:
            status = shell.main(argv)
        except SystemExit as exit_:
            status = int(exit_.code or 0)
    return Result(status, stdout.getvalue(), stderr.getvalue())


@contextlib.contextmanager
def _logging_restored() -> Iterator[None]:
    """Undo the changes of osc-lib to logging: an additional handler in each run, and levels."""
    root = logging.getLogger()
    handlers, levels = list(root.handlers), _levels()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for name, level in _levels().items():
            before = levels.get(name, logging.NOTSET)
            if level != before:
                logging.getLogger(name).setLevel(before)


@contextlib.contextmanager
def _collector_restored() -> Iterator[None]:
    """Let the garbage collector see everything again, as before the command."""
    thresholds = gc.get_threshold()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def _levels() -> dict[str, int]:
    names = ['root', *logging.root.manager.loggerDict]
    return {name: logging.getLogger(name).level for name in names}


class CommandTest(unittest.TestCase):
    """A test of a command against a stubbed cloud."""

    #: How many requests may be in flight at once. With one, their order is certain.
    at_once = 1

    def use_cloud(self, **kwargs: object) -> StubCloud:
        """Start a stubbed cloud that ends with the test."""
        cloud = StubCloud(**kwargs)  # type: ignore[arg-type]
        cloud.start()
        self.addCleanup(cloud.stop)
        self.cloud = cloud
        return cloud

    def setUp(self) -> None:
        self.use_cloud()

    @functools.cached_property
    def clock(self) -> FakeClock:
        """The clock of the machine on which commands run."""
        return FakeClock()

    def openstack(
        self,
        arguments: str | list[str],
        *,
        stdin: io.StringIO | None = None,
        stderr: io.StringIO | None = None,
    ) -> Result:
        """Run a command against the stubbed cloud."""
        with mock.patch.object(parallel, 'LIMIT', self.at_once), self.clock.installed():
            return run(arguments, self.cloud.environment, stdin=stdin, stderr=stderr)

    def assert_prints(self, arguments: str | list[str], stdout: str, stderr: str = '') -> None:
        """Expect exit status 0, exactly this on stdout, and nothing or one sentence on stderr."""
        result = self.openstack(arguments)
        self.assertEqual(result, Result(0, stdout, stderr and f'{stderr}\n'))

    def assert_fails(self, arguments: str | list[str], sentence: str, status: int = 1) -> None:
        """Expect one sentence on stderr, nothing on stdout, and an exit status."""
        result = self.openstack(arguments)
        self.assertEqual(result, Result(status, '', f'{sentence}\n'))

    def assert_misused(self, arguments: str | list[str], complaint: str) -> None:
        """Expect exit status 2, a complaint after the usage, and no request."""
        result = self.openstack(arguments)
        self.assertEqual((result.status, result.stdout), (2, ''))
        self.assertIn('usage: ', result.stderr)
        self.assertTrue(result.stderr.endswith(f'error: {complaint}\n'), result.stderr)
        self.assert_asked()

    def assert_asked(self, *lines: str) -> None:
        """Expect these requests of Block Storage, in this order, and no others."""
        self.assertEqual(self.cloud.lines, list(lines))

    def assert_sent(self, line: str, body: object) -> None:
        """Expect this to be the last request."""
        last = self.cloud.asked[-1]
        self.assertEqual((last.line, last.body), (line, body))
