# SPDX-License-Identifier: Apache-2.0
"""Restore backups to scratch volumes, which shows that they can be restored."""

import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import NamedTuple

from backupext import errors
from backupext.cloud import Cloud
from backupext.core.causes import Cause
from backupext.core.filters import Scope
from backupext.core.models import Backup, Volume
from backupext.core.scratch import Mark
from backupext.core.selection import Selection
from backupext.core.verification import (
    BUSY,
    Choice,
    Outcome,
    Place,
    Result,
    choose_of_volumes,
    choose_place,
    draw,
    limit_size,
)
from backupext.operations import listing
from backupext.operations.patience import Clock, Patience
from backupext.operations.schedule import Schedule, Work
from backupext.operations.scratch import Scratch, ScratchVolumes
from backupext.operations.selection import select
from backupext.operations.wait import Row, Steps, Target, until_restored

# From this many volumes on, listing all backups costs fewer requests than a list for each volume.
_MANY = 4
#: The number of seconds to delete scratch volumes after the time limit.
_ALLOWANCE = 60


class Request(NamedTuple):
    """What to verify: backups by name or ID, or the newest backup of each selected volume.

    ``label`` limits it to the backups of a rotation, ``sample`` to a number of volumes, and
    ``max_size`` to a size in GiB.
    """

    backups: Sequence[str]
    selection: Selection
    scope: Scope
    label: str | None = None
    sample: int | None = None
    max_size: int | None = None


class Plan(NamedTuple):
    """The backups to verify, the outcomes that need no restore, and the known volumes by ID."""

    backups: Sequence[Backup]
    outcomes: Sequence[Outcome]
    volumes: Mapping[str, Volume]


def choose(
    cloud: Cloud,
    request: Request,
    pick: Callable[[Sequence[int], int], Sequence[int]],
    warn: Callable[[str], None],
) -> Plan:
    """Choose the backups to verify; nothing is changed.

    :param pick: returns some of the indices, such as :func:`random.sample`.
    :raises RefusedError: no volume is selected, or the user may not see all projects.
    """
    if request.backups:
        volumes: dict[str, Volume] = {}
        choice = _find_named(cloud, request.backups)
    else:
        volumes, choice = _choose(cloud, request, warn)
    choice = limit_size(choice, request.max_size)
    return Plan(draw(choice.backups, request.sample, pick), choice.outcomes, volumes)


def _find_named(cloud: Cloud, references: Sequence[str]) -> Choice:
    choice = Choice([], [])

    def fail(error: errors.BackupError) -> None:
        if not isinstance(error, errors.NotFoundError | errors.AmbiguousError):
            raise error
        choice.outcomes.append(Outcome(None, None, Result.FAILED, error=str(error)))

    choice.backups.extend(listing.find_many(cloud, references, fail))
    return choice


def _choose(
    cloud: Cloud, request: Request, warn: Callable[[str], None]
) -> tuple[dict[str, Volume], Choice]:
    """Choose the newest restorable backup of each selected volume."""
    selected = select(cloud, request.selection, request.scope, warn)
    volumes = {each.id: each for each in selected.volumes}
    ids = [] if len(volumes) >= _MANY else list(volumes)
    backups = listing.list_in_volumes(cloud, request.scope, ids, warn) if volumes else []
    named = {each.id for each in selected.volumes if _is_named(each, request.selection)}
    choice = choose_of_volumes(volumes.values(), backups, request.label, named)
    choice.outcomes.extend(
        Outcome(each.reference, None, Result.FAILED, error=str(each.error))
        for each in selected.missing
    )
    return volumes, choice


def _is_named(volume: Volume, selection: Selection) -> bool:
    return volume.id in selection.volumes or volume.name in selection.volumes


class _BusyError(errors.BackupError):
    """Somebody else is creating or restoring the backup."""


class Drill:
    """Restores each backup of a plan to a scratch volume, and deletes the volume.

    :param run: one value per run, which marks the volumes.
    :param keeps: keep the volumes of verified backups.
    :param note: called with what the user should know.
    :param fail: called with each scratch volume that was not deleted.
    """

    def __init__(  # noqa: PLR0913  # what a drill works with
        self,
        planned: Plan,
        schedule: Schedule,
        clock: Clock,
        run: str,
        *,
        keeps: bool,
        note: Callable[[str], None],
        fail: Callable[[errors.BackupError], None],
    ) -> None:
        self._planned = planned
        self._schedule = schedule
        self._volumes = ScratchVolumes(schedule)
        self._clock = clock
        self._run = run
        self._keeps = keeps
        self._note = note
        self._fail = fail
        self._sources: dict[str, Volume | None] = dict(planned.volumes)
        self._outcomes: dict[str, Outcome] = {}
        self._open: dict[str, Scratch] = {}
        #: Why the drill stopped early, if it did.
        self.stopped: errors.StoppedWaitingError | None = None

    @property
    def outcomes(self) -> list[Outcome]:
        """What became of each backup, in the order of the plan."""
        known = [each.id for each in self._planned.backups if each.id in self._outcomes]
        return [*(self._outcomes[id_] for id_ in known), *self._planned.outcomes]

    @property
    def volume_names(self) -> dict[str, str | None]:
        """The names of the volumes that were read, by ID."""
        return {id_: volume.name for id_, volume in self._sources.items() if volume}

    def execute(self, limit: int) -> None:
        """Verify the backups; after Ctrl-C or the time limit, only delete the scratch volumes.

        :param limit: the number of restores at once.
        """
        works = [
            Work(backup.id, f'backup {backup}', self._verify(backup))
            for backup in self._planned.backups
        ]
        try:
            for _ in self._schedule.run(works, limit=limit):
                pass
        except errors.StoppedWaitingError as error:
            self._stop(error)
        except KeyboardInterrupt:
            self._stop(errors.InterruptedByUserError('Interrupted'))

    def _verify(self, backup: Backup) -> Steps:
        scratch = Scratch(Mark(self._run, backup.id, self._keeps), backup)
        self._open[backup.id] = scratch
        outcome = self._outcomes[backup.id] = yield from self._restore(scratch)
        if not outcome.kept:
            try:
                yield from self._volumes.remove(scratch)
            except errors.StoppedWaitingError:
                raise
            except errors.BackupError as error:
                self._leave(backup.id, error)
        del self._open[backup.id]

    def _leave(self, id_: str, error: errors.BackupError) -> None:
        """Report that a scratch volume was not deleted."""
        self._fail(error)
        outcome = self._outcomes[id_]
        if outcome.result is Result.VERIFIED:
            self._outcomes[id_] = outcome._replace(error='The scratch volume was not deleted.')

    def _restore(self, scratch: Scratch) -> Generator[Target, Row, Outcome]:
        backup = scratch.backup
        begun = self._clock.now()
        try:
            volume = self._begin(scratch)
            yield until_restored(volume)
        except errors.StoppedWaitingError:
            raise
        except _BusyError as error:
            return Outcome.of(backup, Result.BUSY, str(error))
        except errors.EndedBadlyError as error:
            failed = Outcome.of(backup, Result.FAILED, f'The restore failed. {error}')
            return failed._replace(seconds=self._clock.now() - begun)
        except errors.BackupError as error:
            return Outcome.of(backup, Result.FAILED, str(error))
        return Outcome(
            backup.volume_id,
            backup.id,
            Result.VERIFIED,
            self._clock.now() - begun,
            kept=volume.id if self._keeps else None,
        )

    def _begin(self, scratch: Scratch) -> Volume:
        """Request the restore of a backup, unless somebody else works on it."""
        self._refuse_busy(scratch.backup)
        place = self._place(scratch.backup)
        try:
            return self._volumes.create(scratch, place)
        except errors.RequestError:
            # Perhaps somebody else was faster.
            self._refuse_busy(scratch.backup)
            raise

    def _refuse_busy(self, backup: Backup) -> None:
        current = self._schedule.cloud.read_backup(backup.id)
        if current is None:
            raise errors.RefusedError(f'Backup {backup} no longer exists.')
        if current.status in BUSY:
            raise _BusyError(f'Backup {current} is in status {current.status}.')
        if current.status != 'available':
            raise errors.RefusedError(
                f'Backup {current} is in status {current.status}: it cannot be restored.'
            )

    def _place(self, backup: Backup) -> Place:
        id_ = backup.volume_id or ''
        if id_ and id_ not in self._sources:
            self._sources[id_] = self._read_source(id_)
        return choose_place(backup, self._sources.get(id_))

    def _read_source(self, id_: str) -> Volume | None:
        try:
            return self._schedule.cloud.read_volume(id_)
        except errors.RequestError as error:
            if error.cause is not Cause.NOT_ALLOWED:
                raise
            return None

    def _stop(self, error: errors.StoppedWaitingError) -> None:
        """Note what has not ended, and delete the scratch volumes when that is possible."""
        self.stopped = error
        is_late = isinstance(error, errors.TimedOutError)
        result = Result.TIMED_OUT if is_late else Result.INTERRUPTED
        for backup in self._planned.backups:
            scratch = self._open.get(backup.id)
            begun = scratch is not None and scratch.was_requested
            why = 'Its restore has not ended.' if begun else 'Its restore was not started.'
            self._outcomes.setdefault(backup.id, Outcome.of(backup, result, why))
        self._open = {id_: each for id_, each in self._open.items() if each.was_requested}
        if self._open:
            with contextlib.suppress(errors.StoppedWaitingError, KeyboardInterrupt):
                self._clean_up(is_late=is_late)
        for id_, scratch in self._open.items():
            self._leave(id_, errors.RefusedError(scratch.how_to_delete))

    def _clean_up(self, *, is_late: bool) -> None:
        """Delete the scratch volumes; raise if there is no more time, or at a second Ctrl-C."""
        schedule = self._schedule
        if is_late:
            self._note('The time limit has passed. Deleting the scratch volumes.')
            schedule = schedule.limited(Patience(self._clock, self._note, _ALLOWANCE))
        else:
            self._note(
                'Interrupted. The scratch volumes are deleted when their restores have ended. '
                'Press Ctrl-C again to leave them.'
            )
        volumes = ScratchVolumes(schedule)
        works = [
            Work(id_, f'backup {scratch.backup}', volumes.remove(scratch))
            for id_, scratch in self._open.items()
        ]
        for done in schedule.run(works):
            del self._open[done.key]
            if done.error:
                self._leave(done.key, done.error)
