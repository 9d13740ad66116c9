# SPDX-License-Identifier: Apache-2.0
"""Deleting backups in an order that Cinder accepts, and none from under its incrementals."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from backupext import errors
from backupext.cloud import Cloud
from backupext.core import chains
from backupext.core.models import Backup
from backupext.operations.bulk import Tell
from backupext.operations.wait import Outcome, Target, Waiter, until_gone

_BAD_REQUEST = 400

#: Why what was named is in a plan.
NAMED = 'named'


class Planned(NamedTuple):
    """A backup that is to be deleted, and why."""

    backup: Backup
    reason: str


def plan(cloud: Cloud, backups: Sequence[Backup], *, cascade: bool) -> list[Planned]:
    """Choose what is deleted: what was named, with ``cascade`` what builds on it too; newest first.

    :raises RefusedError: whether some incremental builds on a named backup cannot be told.
    """
    named = {backup.id: Planned(backup, NAMED) for backup in backups}
    chosen = dict(named)
    if cascade:
        for backup in backups:
            for dependent in _dependents(cloud, backup, named):
                reason = f'builds on {backup}'
                chosen.setdefault(dependent.id, Planned(dependent, reason))
    order = chains.deletion_order(each.backup for each in chosen.values())
    return [chosen[backup.id] for backup in order]


def _dependents(cloud: Cloud, backup: Backup, named: Iterable[str]) -> list[Backup]:
    """Give all that build on a backup, directly or not.

    An administrator can ask Cinder; for anybody else it is inferred, and doubt is refused.
    """
    if cloud.is_admin:
        return _asked_for(cloud, backup)
    backups = list(cloud.backups({'volume_id': backup.volume_id or ''}))
    certain, possible = chains.dependents(backup, backups)
    doubtful = [each for each in possible if each.id not in named]
    if doubtful:
        names = ', '.join(str(each) for each in doubtful)
        raise errors.RefusedError(
            f'Whether backup {backup} is needed by {names} cannot be told for certain; name these '
            'as well if they are to go too, or ask an administrator, who can see it.'
        )
    return certain


def _asked_for(cloud: Cloud, backup: Backup) -> list[Backup]:
    found: dict[str, Backup] = {}
    ahead = [backup]
    while ahead:
        children = cloud.dependents(ahead.pop())
        ahead += [child for child in children if child.id not in found]
        found.update(chains.by_id(children))
    return list(found.values())


class Deletion:
    """Deletes what a plan has: dependents first, each gone before what it may build on.

    Chains that have nothing to do with each other go side by side: the cloud works on its own time.

    :param force: delete whatever the status is (administrators only).
    :param wait: do not return before everything is gone.
    :param fail: told of each failure; it does not keep the rest from being tried.
    :param stop_at_failure: do not try what a backup may build on that could not be deleted; without
        it Cinder is asked, which refuses if it really does.
    :param concurrency: how many may be going at a time.
    :param check: looks at a backup once more before it goes; None where it is gone already.
    """

    def __init__(  # noqa: PLR0913  # what a caller can ask for
        self,
        cloud: Cloud,
        waiter: Waiter,
        fail: Tell,
        *,
        force: bool = False,
        wait: bool = False,
        stop_at_failure: bool = False,
        concurrency: int | None = None,
        check: Callable[[Backup], Backup | None] = lambda backup: backup,
    ) -> None:
        self._cloud = cloud
        self._waiter = waiter
        self._fail = fail
        self._force = force
        self._wait = wait
        self._stop_at_failure = stop_at_failure
        self._concurrency = concurrency
        self._check = check
        self._stuck: list[Backup] = []
        self._todo: list[Backup] = []
        self._going: list[Target] = []

    def run(self, backups: Sequence[Backup]) -> None:
        """Delete backups.

        :raises TimedOutError: the time limit has passed.
        :raises InterruptedByUserError: Ctrl-C.
        """
        self._todo = chains.deletion_order(backups)
        try:
            self._send_what_can_go()
            for outcomes in self._waiter.settle(self._going):
                self._note(outcomes)
                self._send_what_can_go()
        except (errors.TimedOutError, errors.InterruptedByUserError) as error:
            if not self._todo:
                raise
            raise type(error)(f'{error} Not asked for yet: {_names(self._todo)}.') from error
        for backup in self._todo:
            stuck = _names(chains.blockers(backup, self._stuck))
            self._fail(
                errors.RefusedError(
                    f'Backup {backup} stays: {stuck}, which may need it, stays too.'
                )
            )

    def _send_what_can_go(self) -> None:
        for backup in list(self._todo):
            if not self._is_busy and not self._is_blocked(backup):
                self._todo.remove(backup)
                self._send(backup)

    @property
    def _is_busy(self) -> bool:
        return self._concurrency is not None and len(self._going) >= self._concurrency

    def _is_blocked(self, backup: Backup) -> bool:
        going = (self._as_backup(target) for target in self._going)
        return bool(chains.blockers(backup, [*self._todo, *going, *self._stuck]))

    def _as_backup(self, target: Target) -> Backup:
        assert isinstance(target.subject, Backup)  # noqa: S101  # only backups are deleted here
        return target.subject

    def _send(self, backup: Backup) -> None:
        try:
            current = self._check(backup)
            if current is not None:
                self._ask(current)
        except errors.RequestError as error:
            self._stays(backup, _with_dependents(self._cloud, backup, error))
        except errors.RefusedError as error:
            self._stays(backup, error)

    def _ask(self, backup: Backup) -> None:
        """Ask for a deletion, unless somebody else has, and wait for its end where that matters."""
        _refuse_foreign_parent(self._cloud, backup)
        if not (self._wait or self._is_awaited(backup)):
            self._delete_once(backup)
            return
        if backup.status != 'deleting':
            self._delete_patiently(backup)
        self._going.append(until_gone(replace(backup, status='deleting')))

    def _stays(self, backup: Backup, error: errors.BackupError) -> None:
        if self._stop_at_failure:
            self._stuck.append(backup)
        self._fail(error)

    def _delete_once(self, backup: Backup) -> None:
        """Ask for a deletion; where the answer is lost, see whether it was heard."""
        try:
            self._cloud.delete_backup(backup, force=self._force)
        except errors.RequestError as error:
            if not (error.leaves_doubt and self._is_going(backup)):
                raise

    def _is_awaited(self, backup: Backup) -> bool:
        return any(chains.blockers(other, [backup]) for other in self._todo)

    def _delete_patiently(self, backup: Backup) -> None:
        """Ask for the deletion until the cloud has heard it; asking twice deletes no more."""
        doubt = False

        def ask() -> None:
            nonlocal doubt
            try:
                self._cloud.delete_backup(backup, force=self._force)
            except errors.RequestError as error:
                if error.is_transient:
                    doubt = True
                    raise
                if not (doubt and self._is_going(backup)):
                    raise

        self._waiter.patiently(ask, [*self._going, until_gone(backup)])

    def _is_going(self, backup: Backup) -> bool:
        row = self._cloud.read_backup(backup.id)
        return row is None or row.status == 'deleting'

    def _note(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.failure:
                self._stays(self._as_backup(outcome.target), errors.BackupError(outcome.failure))


def _refuse_foreign_parent(cloud: Cloud, backup: Backup) -> None:
    """Keep an administrator from deleting another project's parent.

    Cinder looks for dependents in the caller's project only, so it deletes such a parent, and its
    incrementals can never be restored again although they still say available.
    """
    if not cloud.may_be_foreign(backup):
        return
    dependents = cloud.dependents(backup)
    if dependents:
        raise errors.RefusedError(
            f'Incremental backups depend on backup {backup}: {_names(dependents)}. Without it they '
            'can never be restored; delete them first, the newest first.'
        )


def _with_dependents(
    cloud: Cloud, backup: Backup, error: errors.RequestError
) -> errors.BackupError:
    """Name the incrementals for whose sake Cinder refuses a deletion, as far as can be told."""
    if error.status != _BAD_REQUEST or 'Incremental backups exist' not in str(error):
        return error
    with contextlib.suppress(errors.RequestError):
        siblings = list(cloud.backups({'volume_id': backup.volume_id or ''}))
        children = [
            each
            for each in siblings
            if backup.id in {parent.id for parent in chains.possible_parents(each, siblings)}
        ]
        if children:
            return errors.BackupError(
                f'Cannot delete backup {backup}: incremental backups depend on it, as these may: '
                f'{_names(children)}. Delete them first, or all of them with --cascade.'
            )
    return error


def _names(backups: Iterable[Backup]) -> str:
    return ', '.join(str(backup) for backup in backups)
