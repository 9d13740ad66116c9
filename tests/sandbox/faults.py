# SPDX-License-Identifier: Apache-2.0
"""Delays and failures that a test asks for, each a file that the backup driver looks for.

A creation is named by the ID of the volume, because the backup has none yet; a restore and a
deletion by the ID of the backup.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Work = Literal['create', 'restore', 'delete']

POLL = 0.02


class Faults:
    """The delays and failures of one sandbox."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder

    def fail_next(self, work: Work, id_: str, reason: str) -> None:
        """Let the next creation, restore or deletion fail, once, with a reason."""
        self._file('fail', work, id_).write_text(reason)

    @contextlib.contextmanager
    def hold(self, work: Work, id_: str) -> Iterator[None]:
        """Let a creation, restore or deletion wait until the block ends."""
        file = self._file('hold', work, id_)
        file.touch()
        try:
            yield
        finally:
            file.unlink()

    def restart_backup_service(self) -> None:
        """Let the backup service do what it does when it starts, and return when it has."""
        self._restart.touch()
        while self._restart.exists():
            time.sleep(POLL)

    def serve_restarts(self, restart: Callable[[], object]) -> NoReturn:
        """Call a function whenever a test restarts the backup service."""
        while True:
            if self._restart.exists():
                restart()
                self._restart.unlink()
            time.sleep(POLL)

    @property
    def _restart(self) -> Path:
        return self._folder / 'restart'

    def wait(self, work: Work, id_: str) -> None:
        """Return when no block holds the work."""
        file = self._file('hold', work, id_)
        while file.exists():
            time.sleep(POLL)

    def take_reason(self, work: Work, id_: str) -> str | None:
        """Return the reason with which the work must fail, if any; the next time, none."""
        file = self._file('fail', work, id_)
        if not file.exists():
            return None
        reason = file.read_text().removesuffix('\n')
        file.unlink()
        return reason

    def _file(self, fault: str, work: Work, id_: str) -> Path:
        return self._folder / f'{fault}-{work}-{id_}'
