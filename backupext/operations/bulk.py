# SPDX-License-Identifier: Apache-2.0
"""Working on many backups: finding them in few requests."""

from collections.abc import Callable, Iterable, Sequence

from backupext import errors
from backupext.cloud import Cloud
from backupext.core.models import Backup, is_id

# From so many references on, listing everything costs fewer requests than finding each.
_MANY = 4

Tell = Callable[[errors.BackupError], None]


def find(cloud: Cloud, references: Sequence[str], fail: Tell) -> list[Backup]:
    """Find backups by name or ID, each once; few by a request each, many in one list.

    :param fail: told of each that cannot be found.
    """
    known = _Known(cloud.backups({}) if len(references) >= _MANY else ())
    found = {}
    for reference in references:
        try:
            backup = known.get(reference) or cloud.find_backup(reference)
        except errors.BackupError as error:
            fail(error)
        else:
            found[backup.id] = backup
    return list(found.values())


class _Known:
    """Backups of a list, by ID and by the names that only one of them has."""

    def __init__(self, backups: Iterable[Backup]) -> None:
        self._ids: dict[str, Backup] = {}
        self._names: dict[str, list[Backup]] = {}
        for backup in backups:
            self._ids[backup.id] = backup
            self._names.setdefault(backup.name or '', []).append(backup)

    def get(self, reference: str) -> Backup | None:
        if reference in self._ids:
            return self._ids[reference]
        named = self._names.get(reference.strip(), [])
        # Another project's backup may have what looks like an ID as its ID.
        return named[0] if len(named) == 1 and not is_id(reference) else None
