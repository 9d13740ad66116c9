# SPDX-License-Identifier: Apache-2.0
"""Count backups by volume, and find volumes without backups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backupext.core.models import Backup


@dataclass
class Line:
    """The backups of one volume that have the same status and kind.

    ``size`` is the sum of the backups' sizes in GiB. An incremental backup counts with the size of
    the whole volume, as in the quota. ``oldest`` and ``newest`` are times of creation, as the API
    writes them (naive UTC).
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
            # The API writes all times in the same form, so they sort as text.
            self.oldest = min(self.oldest or backup.created_at, backup.created_at)
            self.newest = max(self.newest or backup.created_at, backup.created_at)


def summarize(backups: Iterable[Backup], names: Mapping[str, str | None]) -> list[Line]:
    """Count backups by volume, status and kind; a volume without backups has a line with 0.

    :param names: the names of the existing volumes, by ID. Backups of deleted volumes count too.
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
