# SPDX-License-Identifier: Apache-2.0
"""Which backups to verify, what became of each, and the summary and exit status of the run."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from backupext import errors
from backupext.core.chains import Graph, created
from backupext.core.labels import label_of, origin_of
from backupext.core.models import Backup, Volume

#: The statuses in which somebody else works on a backup.
BUSY = frozenset({'creating', 'restoring'})


class Result(Enum):
    """What became of a backup that was to be verified."""

    VERIFIED = 'verified'
    FAILED = 'failed'
    #: Its restore had not ended when the time was over, or had not begun.
    TIMED_OUT = 'timed out'
    #: Somebody else is creating or restoring it.
    BUSY = 'busy'
    #: Left out: too large, or there is nothing to verify.
    SKIPPED = 'skipped'
    #: The user stopped the command first.
    INTERRUPTED = 'interrupted'


class Outcome(NamedTuple):
    """What became of a backup.

    :param volume: the ID of the volume that was backed up, or what the user called it.
    :param seconds: how long the restore took.
    :param error: why it is not verified, or why the scratch volume was not deleted.
    :param kept: the ID of the restored volume, if it was kept.
    """

    volume: str | None
    backup: str | None
    result: Result
    seconds: float | None = None
    error: str = ''
    kept: str | None = None

    @classmethod
    def of(cls, backup: Backup, result: Result, error: str = '') -> 'Outcome':
        """Return the outcome of a backup whose restore has not ended."""
        return cls(backup.volume_id, backup.id, result, error=error)

    @property
    def is_good(self) -> bool:
        """Whether the backup is verified, and nothing was left behind."""
        return self.result is Result.VERIFIED and not self.error


class Choice(NamedTuple):
    """The backups to verify, and the outcomes that need no restore."""

    backups: list[Backup]
    outcomes: list[Outcome]


def choose_of_volumes(
    volumes: Iterable[Volume],
    backups: Iterable[Backup],
    label: str | None,
    named: Collection[str],
) -> Choice:
    """Choose the newest restorable backup of each volume.

    :param backups: all backups of the volumes: a backup may build on one without the label.
    :param label: consider only the backups of the rotation with this label.
    :param named: the IDs of volumes that the user named; for these, no backup is a failure.
    """
    graph = Graph(backups)
    by_volume: dict[str | None, list[Backup]] = {}
    for backup in graph.backups:
        if label is None or label_of(backup) == label:
            by_volume.setdefault(backup.volume_id, []).append(backup)
    choice = Choice([], [])
    for volume in volumes:
        mine = by_volume.get(volume.id, [])
        best = max((each for each in mine if each.id in graph.restorable), key=_age, default=None)
        if best:
            choice.backups.append(best)
        else:
            choice.outcomes.append(_nothing(volume, mine, label, is_named=volume.id in named))
    return choice


def _age(backup: Backup) -> tuple[datetime, datetime, str]:
    made = created(backup)
    return backup.data_time or made, made, backup.id


def _nothing(
    volume: Volume, backups: Sequence[Backup], label: str | None, *, is_named: bool
) -> Outcome:
    """Return the outcome of a volume without a restorable backup."""
    which = f"backup with the label '{label}'" if label else 'backup'
    busy = [each for each in backups if each.status in BUSY]
    if busy:
        return Outcome.of(busy[0], Result.BUSY, f'Its only {which} is in status {busy[0].status}.')
    if backups:
        return Outcome(
            volume.id, None, Result.FAILED, error=f'The volume has no restorable {which}.'
        )
    result = Result.FAILED if is_named else Result.SKIPPED
    return Outcome(volume.id, None, result, error=f'The volume has no {which}.')


def limit_size(choice: Choice, max_size: int | None) -> Choice:
    """Skip the backups that are larger than a number of GiB."""
    if max_size is None:
        return choice
    fitting, skipped = [], []
    for backup in choice.backups:
        if (backup.size or 0) > max_size:
            why = f'It has {backup.size} GiB, which is more than {max_size}.'
            skipped.append(Outcome.of(backup, Result.SKIPPED, why))
        else:
            fitting.append(backup)
    return Choice(fitting, [*choice.outcomes, *skipped])


def draw(
    backups: Sequence[Backup],
    number: int | None,
    pick: Callable[[Sequence[int], int], Sequence[int]],
) -> list[Backup]:
    """Return a random sample in the order of the backups; all of them without a number.

    :param pick: returns some of the indices, such as :func:`random.sample`.
    """
    if number is None or number >= len(backups):
        return list(backups)
    return [backups[index] for index in sorted(pick(range(len(backups)), number))]


class Place(NamedTuple):
    """The type and the availability zone of a new volume; Cinder chooses those that are None."""

    type: str | None = None
    zone: str | None = None


def choose_place(backup: Backup, source: Volume | None) -> Place:
    """Return the type and the zone of the volume to restore to: those of the source.

    An encrypted backup can only be restored to the type that its volume had at that time.

    :param source: the volume that was backed up, if it still exists.
    :raises RefusedError: the backup is encrypted, and that type is not known.
    """
    zone = source.availability_zone if source else None
    type_ = source.volume_type if source else None
    if not (backup.encryption_key_id or (source and source.encrypted)):
        return Place(type_, zone)
    type_ = origin_of(backup).volume_type or type_
    if type_ is None:
        raise errors.RefusedError(
            f'Cannot restore backup {backup}: it is encrypted, and its source volume, '
            'whose type is needed, no longer exists.'
        )
    return Place(type_, zone)


def summarize(outcomes: Iterable[Outcome]) -> str:
    """Return a sentence: how many backups were verified, and what became of the others."""
    count = Counter(each.result for each in outcomes)
    wanted = count.total() - count[Result.SKIPPED]
    parts = [f'{count[Result.VERIFIED]} of {wanted} backup{"" if wanted == 1 else "s"} verified']
    parts += [
        f'{count[result]} {result.value}'
        for result in Result
        if count[result] and result is not Result.VERIFIED
    ]
    return f'{", ".join(parts)}.'


def exit_status(outcomes: Iterable[Outcome]) -> int:
    """Return 0 (all verified), 1 (none), 3 (all but timeouts) or 4 (some).

    What was skipped does not count, but a run that verifies nothing has not succeeded.
    """
    counted = [each for each in outcomes if each.result is not Result.SKIPPED]
    bad = [each for each in counted if not each.is_good]
    if counted and not bad:
        return 0
    if bad and all(each.result is Result.TIMED_OUT for each in bad):
        return 3
    return 4 if any(each.result is Result.VERIFIED for each in counted) else 1
