# SPDX-License-Identifier: Apache-2.0
"""How many backups there are, of what, and which volumes have none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backupext.core.models import Backup


@dataclass
class Line:
    """The backups of one volume that have the same status and kind.

    ``size`` is the sum of the volume's sizes when they were made, in GiB: an incremental counts in
    full, as it does for the quota. Times are the API's, of creation.
    """

    volume_id: str | None
    status: str | None = None
    kind: str | None = None
    count: int = 0
    size: int = 0
    oldest: str | None = None
    newest: str | None = None

    def add(self, backup: Backup) -> None:
        """Count a backup."""
        self.count += 1
        self.size += backup.size or 0
        if backup.created_at:
            # Times of the API have one form, so that they sort as text.
            self.oldest = min(self.oldest or backup.created_at, backup.created_at)
            self.newest = max(self.newest or backup.created_at, backup.created_at)


def summarize(backups: Iterable[Backup], names: Mapping[str, str | None]) -> list[Line]:
    """Count backups by volume, status and kind; a volume without any has a line with none.

    :param names: the names of the volumes that there are, by ID; backups outlive their volumes.
    :returns: lines sorted by the volume's name, then ID, status and kind.
    """
    lines: dict[tuple[str | None, str | None, str], Line] = {}
    for backup in backups:
        kind = 'incremental' if backup.is_incremental else 'full'
        key = (backup.volume_id, backup.status, kind)
        lines.setdefault(key, Line(*key)).add(backup)
    covered = {line.volume_id for line in lines.values()}
    without = [Line(id_) for id_ in names if id_ not in covered]
    return sorted([*lines.values(), *without], key=lambda line: _order(line, names))


def _order(line: Line, names: Mapping[str, str | None]) -> tuple[str, str, str, str]:
    id_ = line.volume_id or ''
    return names.get(id_) or '', id_, line.status or '', line.kind or ''
