# SPDX-License-Identifier: Apache-2.0
"""Back up volumes as planned, and prune each of them when its new backup is available."""

import contextlib
import hashlib
import secrets
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from typing import Any

from backupext import errors, local
from backupext.cloud import Cloud
from backupext.core import labels, rotation
from backupext.core.causes import Cause
from backupext.core.models import Attachment, Backup, Volume
from backupext.core.outcomes import Outcome, Result
from backupext.core.rotation import Action, Step
from backupext.operations.create import Creation
from backupext.operations.delete import Deletion, Way
from backupext.operations.patience import Clock
from backupext.operations.prune import check_again
from backupext.operations.rotation_plan import RUNS, Book, Plan, Request, find_obsolete, name_of
from backupext.operations.schedule import Schedule, Work
from backupext.operations.selection import Missing
from backupext.operations.wait import Row, Target, until_available

# Refusals after which the volume and its backups are read again: the plan may be outdated.
_OUTDATED = frozenset({Cause.NO_PARENT, Cause.NOT_FOUND, Cause.OTHER})

_RESULTS = {
    Action.BACK_UP: Result.CREATED,
    Action.ADOPT: Result.ADOPTED,
    Action.RECENT: Result.RECENT,
    Action.BUSY: Result.BUSY,
    Action.QUOTA: Result.QUOTA,
    Action.FAIL: Result.FAILED,
    Action.GONE: Result.GONE,
}

# Results that no other message reports.
_REPORTED = frozenset({Result.FAILED, Result.QUOTA})

#: The steps of a work that records the outcome of a volume.
_Turn = Generator[Target, Row, None]


def lock(cloud: Cloud, request: Request) -> AbstractContextManager[None]:
    """Return a context in which this machine starts no other run of the same rotation.

    :raises BusyError: when it is entered, if another run holds the lock.
    """
    what = f'{cloud.place} {request.policy.label} {request.shard}'
    name = hashlib.sha256(what.encode()).hexdigest()[:32]
    return local.lock(
        f'rotate-{name}',
        f"Another run of rotation '{request.policy.label}' is in progress on this machine.",
    )


class Run:
    """One run of a rotation: each volume is backed up, and then pruned.

    The polls show what others do to the volumes, so each step is decided again when its turn comes.

    :param book: what the polls of the schedule show is entered here.
    :param creation: sends the requests for backups.
    :param fail: called with each failure; the run continues with the other volumes.
    """

    def __init__(  # noqa: PLR0913  # what a run works with
        self,
        planned: Plan,
        request: Request,
        book: Book,
        *,
        schedule: Schedule,
        creation: Creation,
        clock: Clock,
        fail: Callable[[errors.BackupError], None],
    ) -> None:
        self._plan = planned
        self._request = request
        self._book = book
        self._schedule = schedule
        self._cloud = schedule.cloud
        self._creation = creation
        self._clock = clock
        self._fail = fail
        self._begun = clock.now()
        self._name = f'{planned.time:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}'
        self._known = {backup.id for backup in planned.backups}
        self._running: dict[str, Outcome] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._stopped = Result.TIMED_OUT

    @property
    def outcomes(self) -> list[Outcome]:
        """What became of each volume, in the order of the plan."""
        missing = map(_missing, self._plan.selected.missing)
        return [*map(self._outcome_of, self._plan.steps), *missing]

    def _outcome_of(self, step: Step) -> Outcome:
        id_ = step.volume.id
        if id_ in self._outcomes:
            return self._outcomes[id_]
        if id_ in self._running:
            return self._running[id_]._replace(result=self._stopped)
        return Outcome(step.volume, Result.DEFERRED, reason='not started in time')

    def execute(self) -> None:
        """Work on all volumes; try the busy ones once more at the end.

        :raises StoppedWaitingError: the time limit has passed, or Ctrl-C.
        """
        for missing in self._plan.selected.missing:
            self._fail(missing.error)
        try:
            self._take_turns((step, self._turn(step)) for step in self._plan.steps)
            busy = [
                step
                for step in self._plan.steps
                if self._outcomes[step.volume.id].result is Result.BUSY
            ]
            self._take_turns((step, self._second_turn(step)) for step in busy)
        except errors.InterruptedByUserError:
            self._stopped = Result.INTERRUPTED
            raise

    def _take_turns(self, turns: Iterable[tuple[Step, _Turn]]) -> None:
        works = [Work(step.volume.id, f'volume {step.volume}', turn) for step, turn in turns]
        with contextlib.closing(self._schedule.run(works, limit=self._request.concurrency)) as run:
            for done in run:
                if done.error:
                    raise done.error

    def _turn(self, step: Step) -> _Turn:
        """Back up a volume if that is still right, and prune it."""
        if step.action not in RUNS:
            self._settle(step)
        elif self._is_too_late:
            late = Outcome(step.volume, Result.DEFERRED, reason='the time to start is over')
            self._outcomes[step.volume.id] = late
        else:
            yield from self._work(self._renewed(step))

    def _second_turn(self, step: Step) -> _Turn:
        """Look at a busy volume again, and work on it if it is not busy any more."""
        try:
            fresh = self._look_again(step)
        except errors.StoppedWaitingError:
            raise
        except errors.BackupError as error:
            self._settle_failed(step, error)
        else:
            yield from self._turn(fresh)

    @property
    def _is_too_late(self) -> bool:
        limit = self._request.start_within
        return limit is not None and self._clock.now() - self._begun > limit.total_seconds()

    def _settle(self, step: Step) -> None:
        outcome = _outcome(step)
        self._outcomes[step.volume.id] = outcome
        if outcome.result in _REPORTED:
            self._fail(
                errors.RefusedError(f'Volume {step.volume} was not backed up: {step.reason}.')
            )

    def _settle_failed(self, step: Step, error: errors.BackupError) -> None:
        is_quota = isinstance(error, errors.RequestError) and error.cause is Cause.BACKUP_QUOTA
        outcome = self._running.get(step.volume.id) or _outcome(step)
        self._outcomes[step.volume.id] = outcome._replace(
            result=Result.QUOTA if is_quota else Result.FAILED, error=str(error)
        )
        self._fail(error)

    # Deciding again

    def _renewed(self, step: Step) -> Step:
        """Decide again with what the polls have shown since the plan was made."""
        if step.action is not Action.BACK_UP:
            return step
        backups = self._book.of(step.volume.id)
        return self._made_by_another_run(step, backups) or rotation.decide(
            step.volume,
            backups,
            self._request.policy,
            self._cloud.time,
            self._request.zone,
            step.offset,
        )

    def _made_by_another_run(self, step: Step, backups: Iterable[Backup]) -> Step | None:
        for backup in backups:
            if (
                backup.id not in self._known
                and labels.label_of(backup) == self._request.policy.label
                and labels.run_of(backup) != self._name
                and backup.status in {'creating', 'available'}
            ):
                reason = 'another run of this rotation has started it'
                return Step(step.volume, Action.ADOPT, reason, backup=backup)
        return None

    def _find_rival(self, step: Step, error: errors.BackupError) -> Step | None:
        """Return how to adopt the backup of another run, if the own one failed because of it.

        Of two requests for a volume at the same moment Cinder accepts both, and lets one fail.
        """
        if step.action is Action.ADOPT or not isinstance(error, errors.EndedBadlyError):
            return None
        return self._made_by_another_run(step, self._book.of(step.volume.id))

    def _look_again(self, step: Step) -> Step:
        """Read a volume and its backups again, and decide."""
        volume = self._cloud.read_volume(step.volume.id)
        if volume is None:
            return Step(step.volume, Action.GONE, 'the volume was deleted')
        self._book.replace(volume.id, self._cloud.list_backups({'volume_id': volume.id}))
        return self._renewed(step._replace(volume=volume, action=Action.BACK_UP))

    # Backing up

    def _work(self, step: Step) -> _Turn:
        begun = self._clock.now()
        # If the answer does not come in time, the backup may be in progress nevertheless.
        self._running[step.volume.id] = _outcome(step)
        try:
            step, asked = self._begin(step)
            if asked is None:
                self._settle(step)
                return
            self._running[step.volume.id] = _outcome(step, backup=asked)
            made = yield from self._wait(asked)
        except errors.StoppedWaitingError:
            raise
        except errors.BackupError as error:
            other = self._find_rival(step, error)
            if other is None:
                self._settle_failed(step, error)
            else:
                yield from self._work(other)
            return
        outcome = _outcome(step, backup=made)._replace(seconds=self._clock.now() - begun)
        self._outcomes[step.volume.id] = outcome
        yield from self._prune(outcome, made)

    def _wait(self, asked: Backup) -> Generator[Target, Row, Backup]:
        row = yield until_available(asked)
        made = row if isinstance(row, Backup) else asked
        self._book.enter(made)
        return made

    def _begin(self, step: Step) -> tuple[Step, Backup | None]:
        """Request the backup; if the plan is outdated, decide again and try once more.

        :returns: the step that was taken, and the backup in progress, if there is one.
        """
        try:
            return step, self._backup_of(step)
        except errors.RequestError as error:
            if error.cause not in _OUTDATED or step.action is not Action.BACK_UP:
                raise
            fresh = self._look_again(step)
            if (fresh.action, fresh.is_incremental) == (step.action, step.is_incremental):
                raise
            return fresh, self._backup_of(fresh)

    def _backup_of(self, step: Step) -> Backup | None:
        """Return the backup that a step adopts, or request it; None if it does neither."""
        if step.action is Action.ADOPT:
            return step.backup
        if step.action is not Action.BACK_UP:
            return None
        return self._creation.create_once(self._attributes(step))

    def _attributes(self, step: Step) -> dict[str, Any]:
        request, volume = self._request, step.volume
        wanted = {
            'volume_id': volume.id,
            'name': name_of(step, request, self._cloud.time),
            'description': request.description,
            'container': request.policy.container,
            'force': request.policy.force or None,
            'is_incremental': step.is_incremental or None,
            'metadata': {**request.properties, **self._labels(step)},
        }
        return {key: value for key, value in wanted.items() if value is not None}

    def _labels(self, step: Step) -> dict[str, str]:
        volume = step.volume
        attachment = self._attachment(volume)
        names = self._plan.selected.server_names
        server = attachment.server_id if attachment else None
        origin = labels.describe(volume, attachment, names.get(server or ''))
        own = self._cloud.access.project_id
        foreign = volume.project_id if volume.project_id != own else None
        label = self._request.policy.label
        return labels.properties(label, self._name, origin, foreign, step.parent)

    def _attachment(self, volume: Volume) -> Attachment | None:
        """Return the volume's attachment to a selected server, or else its first one."""
        servers = self._plan.selected.servers
        selected = (each for each in volume.attachments if each.server_id in servers)
        return next(selected, next(iter(volume.attachments), None))

    # Pruning

    def _prune(self, outcome: Outcome, made: Backup) -> _Turn:
        """Delete the volume's backups that no rule keeps, now that it has a new one."""
        keep = self._request.keep
        if keep is None:
            return
        failures: list[errors.BackupError] = []
        way = Way(wait=True, check=lambda each: check_again(self._cloud, each, keep.protect))
        deletion = Deletion(self._cloud, self._schedule, failures.append, way)
        obsolete = find_obsolete(self._book, made, self._cloud.time, self._request)
        deleted = yield from deletion.one_by_one(obsolete)
        for error in failures:
            self._fail(error)
        self._outcomes[outcome.volume.id] = outcome._replace(
            deleted=deleted, error=' '.join(map(str, failures))
        )


def _outcome(step: Step, *, backup: Backup | None = None) -> Outcome:
    """Return the outcome of a step, whose backup has been created if it creates one."""
    result = _RESULTS[step.action]
    made = backup or step.backup
    kind = made.is_incremental if made else None
    return Outcome(
        step.volume,
        result,
        step.is_incremental if kind is None else kind,
        step.reason,
        made,
        error=step.reason if result is Result.FAILED else '',
    )


def _missing(missing: Missing) -> Outcome:
    volume = Volume(missing.reference)
    return Outcome(volume, Result.FAILED, reason='not found', error=str(missing.error))
