# SPDX-License-Identifier: Apache-2.0
"""Progress, warnings and failures on stderr; only this module knows the streams and the terminal.

It prints nothing on stdout, whose content is the same with and without waiting.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from backupext import errors

if TYPE_CHECKING:
    from backupext.operations.wait import Row, Target


class _View(Protocol):
    """A way to show statuses."""

    def see(self, target: 'Target', status: str, row: 'Row') -> None:
        """Show a status, whether it has changed or not."""

    def print(self, sentence: str) -> None:
        """Print a permanent line."""


class Reporter:
    """Shows statuses, notes, warnings and failures; threads may share it.

    With ``-q``, it shows warnings and failures only.
    """

    def __init__(self, app: Any) -> None:
        """Write to the streams of the OSC application."""
        self._app = app
        self._view: _View = _Lines(app.stderr)
        # One line is printed at a time, and the live display begins once.
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """Show statuses as live lines within this context, if there is a terminal."""
        if self._is_quiet or not sys.stderr.isatty():
            yield
            return
        from backupext.cli.board import Board

        with contextlib.closing(Board()) as board:
            self._view, before = board, self._view
            try:
                yield
            finally:
                self._view = before

    def see(self, target: 'Target', status: str, row: 'Row') -> None:
        """Show the status of a backup or volume, if it has changed."""
        if not self._is_quiet:
            with self._lock:
                self._view.see(target, status, row)

    def note(self, sentence: str) -> None:
        """Report what was done, or what is in progress."""
        if not self._is_quiet:
            with self._lock:
                self._view.print(sentence)

    def warn(self, sentence: str) -> None:
        """Report a problem that does not stop the command."""
        self._log(self._app.LOG.warning, sentence)

    def fail(self, error: errors.BackupError) -> None:
        """Report a failure."""
        self._log(self._app.LOG.error, str(error))

    @property
    def can_ask(self) -> bool:
        """Whether there is a terminal to ask on."""
        return bool(self._app.stderr and sys.stdin and sys.stdin.isatty())

    def ask(self, sentence: str) -> bool:
        """Ask for confirmation, and return whether the answer is yes."""
        self._app.stdout.flush()
        self._app.stderr.write(f'{sentence} Are you sure? [y/N] ')
        self._app.stderr.flush()
        return sys.stdin.readline().strip().lower() in {'y', 'yes'}

    @property
    def _is_quiet(self) -> bool:
        # Python has no stream for a closed one, as in ``openstack ... 2>&-``.
        return not self._app.options.verbose_level or self._app.stderr is None

    def _log(self, log: Any, sentence: str) -> None:
        """Log a sentence, which OSC prints, or print it above live lines, which would erase it."""
        with self._lock:
            if isinstance(self._view, _Lines):
                log('%s', sentence)
            else:
                self._view.print(sentence)


class _Lines:
    """Prints a line for each change of status."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._seen: dict[str, str] = {}

    def see(self, target: 'Target', status: str, _row: 'Row') -> None:
        """Print a line if the status has changed."""
        if self._seen.get(target.id) != status:
            self._seen[target.id] = status
            self.print(f'{target}: {status}')

    def print(self, sentence: str) -> None:
        """Print a line and flush it, for a program that reads the output."""
        self._stream.write(f'{sentence[0].upper()}{sentence[1:]}\n')
        self._stream.flush()
