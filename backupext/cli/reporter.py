# SPDX-License-Identifier: Apache-2.0
"""What a command tells a person on stderr: the one place that knows the streams and the terminal.

stdout is left alone: it has the same with and without waiting.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from backupext import errors

if TYPE_CHECKING:
    from backupext.operations.wait import Row, Target


class _View(Protocol):
    """How statuses are shown."""

    def see(self, target: 'Target', status: str, row: 'Row') -> None:
        """Show a status, changed or not."""

    def print(self, sentence: str) -> None:
        """Write a line that stays."""


class Reporter:
    """Shows statuses, and tells notes, warnings and failures.

    With ``-q`` there are warnings and failures only.
    """

    def __init__(self, app: Any) -> None:
        """Write to the streams of OSC's application."""
        self._app = app
        self._view: _View = _Lines(app.stderr)

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """Show statuses as live lines, where there is a terminal; leave it as it was in the end."""
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
        """Show how something stands, as far as that is new."""
        if not self._is_quiet:
            self._view.see(target, status, row)

    def note(self, sentence: str) -> None:
        """Tell what was done, or what is going on."""
        if not self._is_quiet:
            self._view.print(sentence)

    def warn(self, sentence: str) -> None:
        """Tell something that does not keep the command from its work."""
        self._log(self._app.LOG.warning, sentence)

    def fail(self, error: errors.BackupError) -> None:
        """Tell a failure."""
        self._log(self._app.LOG.error, str(error))

    @property
    def can_ask(self) -> bool:
        """Whether somebody sits at the terminal."""
        return sys.stdin.isatty()

    def ask(self, sentence: str) -> bool:
        """Ask whether to go on; tell whether the answer is yes."""
        self._app.stdout.flush()
        self._app.stderr.write(f'{sentence} Are you sure? [y/N] ')
        self._app.stderr.flush()
        return sys.stdin.readline().strip().lower() in {'y', 'yes'}

    @property
    def _is_quiet(self) -> bool:
        return not self._app.options.verbose_level

    def _log(self, log: Any, sentence: str) -> None:
        """Log a sentence, which OSC prints; live lines of a terminal would wipe that out."""
        if isinstance(self._view, _Lines):
            log('%s', sentence)
        else:
            self._view.print(sentence)


class _Lines:
    """Writes a line for each change of a status."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._seen: dict[str, str] = {}

    def see(self, target: 'Target', status: str, _row: 'Row') -> None:
        """Write a line if the status is new."""
        if self._seen.get(target.id) != status:
            self._seen[target.id] = status
            self.print(f'{target}: {status}')

    def print(self, sentence: str) -> None:
        """Write a line at once: what reads it may wait for it."""
        self._stream.write(f'{sentence[0].upper()}{sentence[1:]}\n')
        self._stream.flush()
