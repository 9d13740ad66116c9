# SPDX-License-Identifier: Apache-2.0
"""What became of each volume of a rotation, and the summary and exit status of the run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from backupext.core.models import Backup, Volume


class Result(Enum):
    """What became of a volume."""

    CREATED = 'created'
    #: A backup of the rotation was in progress already, and has finished.
    ADOPTED = 'adopted'
    #: The volume has a backup that is recent enough.
    RECENT = 'recent'
    #: Something else works on the volume or on the parent backup.
    BUSY = 'busy'
    #: Not started, because the time to start was over.
    DEFERRED = 'deferred'
    #: The quota of backups has no room for it.
    QUOTA = 'quota'
    #: The backup is still in progress.
    TIMED_OUT = 'timed out'
    #: The backup is still in progress; the user stopped the command.
    INTERRUPTED = 'interrupted'
    FAILED = 'failed'
    #: The volume was deleted after the run began.
    GONE = 'gone'


_GOOD = frozenset({Result.CREATED, Result.ADOPTED, Result.RECENT})
_BACKED_UP = frozenset({Result.CREATED, Result.ADOPTED})


class Outcome(NamedTuple):
    """What became of a volume.

    :param reason: why the backup is full or incremental, or why there is none.
    :param seconds: how long the backup took.
    :param deleted: the number of the volume's backups that were deleted.
    :param error: why the backup failed, or which old backups could not be deleted.
    """

    volume: Volume
    result: Result
    is_incremental: bool | None = None
    reason: str = ''
    backup: Backup | None = None
    seconds: float | None = None
    deleted: int = 0
    error: str = ''

    @property
    def kind(self) -> str | None:
        """Full or incremental; None if no backup was made."""
        if self.is_incremental is None or self.backup is None:
            return None
        return 'incremental' if self.is_incremental else 'full'

    @property
    def is_good(self) -> bool:
        """Whether the volume has a new or recent enough backup, and was pruned."""
        return self.result in _GOOD and not self.error


def summarize(outcomes: Sequence[Outcome]) -> str:
    """Return a sentence: how many volumes were backed up, and what became of the others."""
    count = Counter(each.result for each in outcomes)
    done = [each for each in outcomes if each.result in _BACKED_UP]
    full = sum(each.is_incremental is False for each in done)
    total = len(outcomes)
    if not outcomes:
        return 'No volume belongs to this shard.'
    parts = [f'{len(done)} of {total} volume{"" if total == 1 else "s"} backed up ({full} full)']
    parts += [
        f'{count[result]} {result.value}'
        for result in Result
        if count[result] and result not in _BACKED_UP
    ]
    deleted = sum(each.deleted for each in outcomes)
    return f'{", ".join(parts)}; {deleted} backup{"" if deleted == 1 else "s"} deleted.'


def exit_status(outcomes: Iterable[Outcome]) -> int:
    """Return 0 (all is good), 1 (nothing is), 3 (all but timeouts is) or 4 (some is).

    A volume that was deleted in the meantime needs no backup.
    """
    counted = [each for each in outcomes if each.result is not Result.GONE]
    bad = [each for each in counted if not each.is_good]
    if not bad:
        return 0
    if all(each.result is Result.TIMED_OUT for each in bad):
        return 3
    return 4 if any(each.result in _GOOD for each in counted) else 1
