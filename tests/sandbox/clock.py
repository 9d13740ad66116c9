# SPDX-License-Identifier: Apache-2.0
"""The clock of Cinder, which a test sets: backups of a whole year, made in a minute.

Cinder writes its times into the database, and the time of each answer into the header Date. A file
has the difference from the real time.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Clock:
    """The clock of one sandbox, read by the server and set by a test."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        """Return the time (aware, UTC)."""
        return datetime.now(timezone.utc) + self._difference()

    def _difference(self) -> timedelta:
        try:
            text = self._file.read_text()
        except FileNotFoundError:
            return timedelta()
        return timedelta(seconds=float(text))

    @contextlib.contextmanager
    def set_to(self, time: datetime) -> Iterator[None]:
        """Let the clock run from a time until the block ends."""
        unfinished = self._file.with_suffix('.new')
        unfinished.write_text(str((time - datetime.now(timezone.utc)).total_seconds()))
        unfinished.replace(self._file)
        try:
            yield
        finally:
            self._file.unlink()
