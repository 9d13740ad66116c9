# SPDX-License-Identifier: Apache-2.0
"""How things stand, on stderr: a live line each on a terminal, a line per change elsewhere.

Nothing with ``-q``. stdout is left alone: it has the same with and without waiting.
"""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from backupext.core.text import visible
from backupext.core.timespec import format_duration

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from backupext.core.models import Backup, Volume
    from backupext.operations.wait import Reporter, Target

#: Spaces between what stands side by side.
_GAP = 2


@contextlib.contextmanager
def reporting(app: Any) -> Iterator['Reporter']:
    """Choose how to report, and clean the terminal up at the end whatever happens."""
    if app.options.verbose_level == 0:
        yield _Silent()
    elif sys.stderr.isatty():
        with contextlib.closing(Board()) as board:
            yield board
    else:
        yield _Lines()


class _Silent:
    """Says nothing; failures are still told by the command."""

    def see(self, target: 'Target', status: str, row: 'Backup | Volume | None') -> None:
        """Say nothing."""

    def say(self, sentence: str) -> None:
        """Say nothing."""


class _Lines:
    """Writes a line for each change of a status."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def see(self, target: 'Target', status: str, _row: 'Backup | Volume | None') -> None:
        """Write a line if the status is new."""
        if self._seen.get(target.id) != status:
            self._seen[target.id] = status
            self.say(f'{target}: {status}')

    def say(self, sentence: str) -> None:
        """Write a line."""
        sys.stderr.write(f'{sentence[0].upper()}{sentence[1:]}\n')
        sys.stderr.flush()


class Board:
    """A line for each backup or volume, which a terminal shows again and again."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[Target, str, Backup | Volume | None]] = {}
        self._since: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._live: Any = None

    def _begin(self) -> None:
        """Show the part of the terminal that changes, once there is something to show."""
        if self._live is None:
            # Only who waits at a terminal needs rich, which takes long to import.
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True)
            self._live = Live(get_renderable=self.table, console=console, refresh_per_second=4)
            self._live.start()

    def close(self) -> None:
        """Leave the last state on the terminal, and the terminal as it was."""
        if self._live is not None:
            self._live.stop()

    def see(self, target: 'Target', status: str, row: 'Backup | Volume | None') -> None:
        """Take note of how something stands, and of the time when it has ended."""
        self._since.setdefault(target.id, time.monotonic())
        self._rows[target.id] = (target, status, row)
        if status in target.wanted or status in target.failed or row is None:
            self._took.setdefault(target.id, self._elapsed(target.id))
        # It draws itself four times a second: a batch must not have it drawn once for each.
        self._begin()

    def say(self, sentence: str) -> None:
        """Print a line above the live ones."""
        self._begin()
        self._live.console.print(sentence, markup=False, highlight=False)

    def table(self) -> 'Table':
        """Draw what is known."""
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, _GAP))
        rows = list(self._rows.values())
        states = [self._state(*row) for row in rows]
        # Names are cut where a line would not fit otherwise: IDs and states are what counts.
        taken = sum(max(map(len, column)) + _GAP for column in zip(*states, strict=True))
        room = self._live.console.width - taken if self._live else 0
        for (target, _, _), state in zip(rows, states, strict=True):
            table.add_row(_title(target, room), *map(Text, state))
        return table

    def _state(
        self, target: 'Target', status: str, row: 'Backup | Volume | None'
    ) -> tuple[str, str, str]:
        elapsed = self._took.get(target.id, self._elapsed(target.id))
        return status, format_duration(elapsed), _objects(row)

    def _elapsed(self, id_: str) -> float:
        return time.monotonic() - self._since[id_]


def _title(target: 'Target', room: int) -> 'Text':
    from rich.text import Text

    name = Text(visible(target.subject.name or ''))
    if not name:
        return Text(f'{target.noun} {target.id}')
    around = f'{target.noun}  ({target.id})'
    name.truncate(max(room - len(around), 1), overflow='ellipsis')
    return Text(f'{target.noun} {name} ({target.id})')


def _objects(row: 'Backup | Volume | None') -> str:
    count = getattr(row, 'object_count', None)
    return f'{count} objects' if count else ''
