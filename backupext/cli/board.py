# SPDX-License-Identifier: Apache-2.0
"""Progress as live lines on a terminal."""

import time
from typing import TYPE_CHECKING, Any

from backupext.core.goals import Verdict
from backupext.core.text import visible
from backupext.core.timespec import format_duration

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from backupext.operations.wait import Row, Target

#: Spaces between columns.
_GAP = 2


class Board:
    """A table with a line for each backup or volume, which the terminal redraws."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[Target, str, Row]] = {}
        self._since: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._live: Any = None

    def _begin(self) -> None:
        """Start the live display, once there is something to show."""
        if self._live is None:
            # rich takes long to import, and only a wait at a terminal needs it.
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True)
            self._live = Live(get_renderable=self.table, console=console, refresh_per_second=4)
            self._live.start()

    def close(self) -> None:
        """Stop the live display, and leave its last state on the terminal."""
        if self._live is not None:
            self._live.stop()

    def see(self, target: 'Target', status: str, row: 'Row') -> None:
        """Record a status, and how long it took if the wait has ended."""
        self._since.setdefault(target.id, time.monotonic())
        self._rows[target.id] = (target, status, row)
        if target.goal.judge(status if row else None, frozenset()) is not Verdict.WAITING:
            self._took.setdefault(target.id, self._elapsed(target.id))
        # The display redraws itself four times a second: a batch must not redraw it each time.
        self._begin()

    def print(self, sentence: str) -> None:
        """Print a line above the live lines."""
        self._begin()
        self._live.console.print(sentence, markup=False, highlight=False)

    def table(self) -> 'Table':
        """Return the table of the recorded statuses."""
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, _GAP))
        rows = list(self._rows.values())
        states = [self._state(*row) for row in rows]
        # If a line is too long, the name is cut: the ID and the status are more important.
        used = sum(max(map(len, column)) + _GAP for column in zip(*states, strict=True))
        room = self._live.console.width - used if self._live else 0
        for (target, _, _), state in zip(rows, states, strict=True):
            table.add_row(_title(target, room), *map(Text, state))
        return table

    def _state(self, target: 'Target', status: str, row: 'Row') -> tuple[str, str, str]:
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


def _objects(row: 'Row') -> str:
    count = getattr(row, 'object_count', None)
    return f'{count} objects' if count else ''
