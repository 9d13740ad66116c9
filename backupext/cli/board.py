# SPDX-License-Identifier: Apache-2.0
"""How things stand, as lines that a terminal shows again and again."""

import time
from typing import TYPE_CHECKING, Any

from backupext.core.goals import Verdict
from backupext.core.text import visible
from backupext.core.timespec import format_duration

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from backupext.operations.wait import Row, Target

#: Spaces between what stands side by side.
_GAP = 2


class Board:
    """A line for each backup or volume, which a terminal shows again and again."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[Target, str, Row]] = {}
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

    def see(self, target: 'Target', status: str, row: 'Row') -> None:
        """Take note of how something stands, and of the time when it has ended."""
        self._since.setdefault(target.id, time.monotonic())
        self._rows[target.id] = (target, status, row)
        if target.goal.judge(status if row else None, frozenset()) is not Verdict.WAITING:
            self._took.setdefault(target.id, self._elapsed(target.id))
        # It draws itself four times a second: a batch must not have it drawn once for each.
        self._begin()

    def print(self, sentence: str) -> None:
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
