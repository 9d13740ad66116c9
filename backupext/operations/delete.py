# SPDX-License-Identifier: Apache-2.0
"""Delete backups in an order that Cinder accepts, never a parent before its dependents."""

import contextlib
import itertools
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from backupext import errors, parallel
from backupext.cloud import Cloud
from backupext.core import chains, retention, storage
from backupext.core.causes import Cause
from backupext.core.filters import Scope
from backupext.core.models import Backup
from backupext.core.text import visible
from backupext.operations.schedule import Schedule, Work
from backupext.operations.wait import Steps, Target, until_gone

# The reason of a backup that the user named.
_NAMED = 'named'

OnFailure = Callable[[errors.BackupError], None]


class Planned(NamedTuple):
    """A backup to delete, and why.

    :param endangered: available backups whose data may be lost with it on Ceph.
    """

    backup: Backup
    reason: str
    endangered: tuple[Backup, ...] = ()

    @property
    def is_named(self) -> bool:
        """Whether the user named it."""
        return self.reason == _NAMED

    @property
    def line(self) -> str:
        """Its line in the plan."""
        return f'Delete {self.backup}, created {self.backup.created_at}: {self.reason}'

    @property
    def warning(self) -> str:
        """Which data may be lost with it."""
        return (
            f'Deleting backup {self.backup} may destroy the data of {_names(self.endangered)}: on '
            "Ceph, all backups of a volume's snapshots are in one image, which is deleted with it."
        )

    @property
    def refusal(self) -> errors.RefusedError:
        """The error that refuses to delete it."""
        return errors.RefusedError(
            f'Backup {self.backup} was not deleted. {self.warning} Use --auto-approve only if the '
            'cloud does not store backups on Ceph, or if you do not need that data.'
        )


class Choice:
    """Chooses what to delete: the named backups and, with ``cascade``, what builds on them."""

    def __init__(self, cloud: Cloud, named: Sequence[Backup]) -> None:
        self._cloud = cloud
        self._named = chains.by_id(named)
        self._graphs: dict[str | None, chains.Graph] = {}

    def make(self, *, cascade: bool, is_forced: bool = False) -> list[Planned]:
        """Return what to delete, the newest first.

        :param is_forced: the user accepts that the data of other backups may be lost.
        :raises RefusedError: it is not certain whether an incremental backup builds on a named
            one, or a dependent is protected and was not named.
        """
        chosen = {id_: Planned(backup, _NAMED) for id_, backup in self._named.items()}
        if cascade:
            for backup, dependents in self._find_dependents():
                for dependent in dependents:
                    reason = f'builds on {backup}'
                    chosen.setdefault(dependent.id, Planned(dependent, reason))
            self._refuse_protected(chosen.values())
        order = chains.deletion_order(each.backup for each in chosen.values())
        if is_forced:
            return [chosen[backup.id] for backup in order]
        self._read_graphs(backup for backup in order if _may_endanger(backup))
        return [
            chosen[backup.id]._replace(endangered=self._endangered(backup, chosen))
            for backup in order
        ]

    def _read_graphs(self, backups: Iterable[Backup]) -> None:
        """Read the other backups of their volumes, in all projects that the user may see."""
        volumes = dict.fromkeys(backup.volume_id for backup in backups)
        unread = [each for each in volumes if each not in self._graphs]
        read = parallel.answers(self._read_graph, unread)
        self._graphs.update(zip(unread, read, strict=True))

    def _read_graph(self, volume_id: str | None) -> chains.Graph:
        scope = Scope(all_projects=self._cloud.access.is_admin)
        return chains.Graph(self._cloud.list_backups({'volume_id': volume_id or '', **scope.query}))

    def _find_dependents(self) -> list[tuple[Backup, list[Backup]]]:
        """Return all backups that need a named one, directly or not, for each of them.

        An administrator can ask Cinder. For other users they are inferred, and an uncertain one is
        an error.
        """
        named = list(self._named.values())
        if self._cloud.access.is_admin:
            children = self._read_descendants(named)
            return [(backup, _reach(backup, children)) for backup in named]
        self._read_graphs(named)
        return [(backup, self._infer_dependents(backup)) for backup in named]

    def _read_descendants(self, ahead: Sequence[Backup]) -> dict[str, list[Backup]]:
        """Read the children of backups, then those of the children at once, and so on."""
        children: dict[str, list[Backup]] = {}
        while ahead:
            found = parallel.answers(self._cloud.list_dependents, ahead)
            children.update(zip((each.id for each in ahead), found, strict=True))
            new = chains.by_id(itertools.chain.from_iterable(found))
            ahead = [each for id_, each in new.items() if id_ not in children]
        return children

    def _infer_dependents(self, backup: Backup) -> list[Backup]:
        certain, possible = self._graphs[backup.volume_id].dependents(backup)
        doubtful = [each for each in possible if each.id not in self._named]
        if doubtful:
            one = len(doubtful) == 1
            raise errors.RefusedError(
                f'Cannot tell whether {_names(doubtful)} depend{"s" if one else ""} on backup '
                f'{backup}. Name {"it too to delete both" if one else "these too to delete all"}, '
                'or ask an administrator to check.'
            )
        return certain

    def _refuse_protected(self, chosen: Iterable[Planned]) -> None:
        for backup, reason, _ in chosen:
            protection = retention.find_protection(backup, self._cloud.time)
            if protection and backup.id not in self._named:
                raise errors.RefusedError(
                    f'Nothing was deleted: backup {backup} {reason} and is protected '
                    f'({visible(protection)}). To delete both, name it too.'
                )

    def _endangered(self, backup: Backup, chosen: Container[str]) -> tuple[Backup, ...]:
        """Return available backups that were not chosen, but whose data may be lost."""
        if not _may_endanger(backup):
            return ()
        graph = self._graphs[backup.volume_id]
        shared = storage.shares_data_with(backup, graph.backups, graph.parents(backup))
        return tuple(each for each in shared if each.id not in chosen)


def _may_endanger(backup: Backup) -> bool:
    """Return whether it may share data on Ceph."""
    return bool(backup.snapshot_id) or backup.status == 'error'


def _reach(backup: Backup, children: Mapping[str, Sequence[Backup]]) -> list[Backup]:
    """Return everything that builds on a backup, directly or not."""
    found: dict[str, Backup] = {}
    ahead = [backup]
    while ahead:
        new = [child for child in children[ahead.pop().id] if child.id not in found]
        found.update(chains.by_id(new))
        ahead += new
    return list(found.values())


class Way(NamedTuple):
    """How backups are deleted.

    :param force: delete in any status (administrators only).
    :param wait: wait until all are deleted.
    :param stops_at_failure: if a backup could not be deleted, do not try its possible parents.
        Otherwise try: Cinder refuses to delete the true parent.
    :param limit: the number of deletions to run at once; None means no limit.
    :param check: reads a backup again before it is deleted; returns None if it does not exist.
    """

    force: bool = False
    wait: bool = False
    stops_at_failure: bool = False
    limit: int | None = None
    check: Callable[[Backup], Backup | None] = lambda backup: backup


class Deletion:
    """Deletes backups: each is gone before the deletion of its possible parents begins.

    So is each that may share data with the next one. Unrelated backups are deleted in parallel.

    :param fail: called with each failure; the other backups are tried nevertheless.
    """

    def __init__(
        self, cloud: Cloud, schedule: Schedule, fail: OnFailure, way: Way | None = None
    ) -> None:
        self._cloud = cloud
        self._schedule = schedule
        self._fail = fail
        self._way = way or Way()
        self._awaited: set[str] = set()

    def run(self, backups: Sequence[Backup]) -> None:
        """Delete backups.

        :raises StoppedWaitingError: the time limit has passed, or Ctrl-C.
        """
        order = chains.deletion_order(backups)
        known = chains.by_id(order)
        after = chains.Graph(order).after(order)
        for later, earlier in storage.one_after_another(order).items():
            after[later].add(earlier)
        self._awaited = {id_ for ids in after.values() for id_ in ids}
        works = [Work(backup.id, f'backup {backup}', self._steps(backup)) for backup in order]
        stuck: list[Backup] = []
        for done in self._schedule.run(
            works, after, limit=self._way.limit, stops_at_failure=self._way.stops_at_failure
        ):
            if done.error:
                stuck.append(known[done.key])
                self._fail(done.error)
            elif done.is_left_out:
                self._fail(_left_out(known[done.key], stuck))

    def one_by_one(self, backups: Iterable[Backup]) -> Steps:
        """Delete backups of one volume as steps of a work; their result is how many are gone."""
        order = chains.deletion_order(backups)
        self._awaited.update(backup.id for backup in order)
        stuck: list[Backup] = []
        for backup in order:
            try:
                if chains.blockers(backup, stuck):
                    raise _left_out(backup, stuck)  # reported like a failed deletion
                yield from self._steps(backup)
            except errors.StoppedWaitingError:
                raise
            except errors.BackupError as error:
                stuck.append(backup)
                self._fail(error)
        return len(order) - len(stuck)

    def _waits_for(self, backup: Backup) -> bool:
        return self._way.wait or backup.id in self._awaited

    def _steps(self, backup: Backup) -> Steps:
        """Delete one backup, and wait until it is gone if others need that."""
        current = self._way.check(backup)
        if current is None:
            return
        yield from self._clear_foreign_dependents(current)
        if not self._waits_for(current):
            yield from self._ask(current, self._send_once)
            return
        if current.status != 'deleting':
            yield from self._ask(current, self._send_patiently)
        yield until_gone(replace(current, status='deleting'))

    def _ask(self, backup: Backup, send: Callable[[Backup], None]) -> Steps:
        """Request a deletion; if a dependent is being deleted, repeat it when that one is gone."""
        waited: set[str] = set()
        has_looked = False
        while True:
            try:
                return send(backup)
            except errors.RequestError as error:
                if error.cause is not Cause.HAS_DEPENDENTS:
                    raise
                children = self._possible_children(backup)
                if children is None:
                    raise
                if not (children or has_looked):
                    # The last dependent may have been deleted between the refusal and the look.
                    has_looked = True
                    continue
                in_deletion = [each for each in children if each.status == 'deleting']
                if not in_deletion or waited.issuperset(chains.by_id(in_deletion)):
                    raise _with_names(backup, children, error) from error
            waited.update(chains.by_id(in_deletion))
            yield from _wait_for_dependents(backup, in_deletion)

    def _send_once(self, backup: Backup) -> None:
        """Request a deletion; if the answer is lost, check whether Cinder is deleting."""
        try:
            self._cloud.delete_backup(backup, force=self._way.force)
        except errors.RequestError as error:
            if not (error.leaves_doubt and _is_in_deletion(self._cloud, backup)):
                raise

    def _send_patiently(self, backup: Backup) -> None:
        """Request a deletion until the cloud accepts it; repetitions delete nothing else."""
        is_in_doubt = False

        def ask() -> None:
            nonlocal is_in_doubt
            try:
                self._cloud.delete_backup(backup, force=self._way.force)
            except errors.RequestError as error:
                if error.is_transient:
                    is_in_doubt = True
                    raise
                if not (is_in_doubt and _is_in_deletion(self._schedule.cloud, backup)):
                    raise

        with _named_if_stopped(until_gone(backup)):
            self._schedule.patience.ask(ask)

    def _clear_foreign_dependents(self, backup: Backup) -> Steps:
        """Prevent an administrator from deleting a parent of another project.

        Cinder looks for dependents only in the user's project, so it would delete such a parent.
        With a chunked driver the incremental backups could never be restored again, although their
        status is available.

        :raises RefusedError: dependents exist, and are not being deleted.
        """
        if not self._cloud.access.may_be_foreign(backup):
            return
        dependents = self._cloud.list_dependents(backup)
        if any(each.status != 'deleting' for each in dependents):
            raise errors.RefusedError(
                f'Cannot delete backup {backup}: incremental backups depend on it: '
                f'{_names(dependents)}. Delete them first, newest first.'
            )
        if dependents:
            yield from _wait_for_dependents(backup, dependents)

    def _possible_children(self, backup: Backup) -> list[Backup] | None:
        """Return the incremental backups because of which Cinder may refuse a deletion.

        The result is None if they cannot be listed.
        """
        with contextlib.suppress(errors.RequestError):
            siblings = list(self._cloud.list_backups({'volume_id': backup.volume_id or ''}))
            return list(chains.Graph(siblings).children(backup))
        return None


def _wait_for_dependents(backup: Backup, dependents: Iterable[Backup]) -> Steps:
    """Wait until dependents are gone that are already being deleted.

    :raises RefusedError: one of them was not deleted.
    """
    for dependent in dependents:
        try:
            yield until_gone(dependent)
        except errors.EndedBadlyError as error:
            raise errors.RefusedError(
                f'Cannot delete backup {backup}: backup {dependent} depends on it and was not '
                f'deleted. {error}'
            ) from error


def _is_in_deletion(cloud: Cloud, backup: Backup) -> bool:
    row = cloud.read_backup(backup.id)
    return row is None or row.status == 'deleting'


@contextlib.contextmanager
def _named_if_stopped(target: Target) -> Iterator[None]:
    """Name the target in the message if the wait for an answer ends."""
    try:
        yield
    except errors.StoppedWaitingError as error:
        raise error.with_more([target.how_to_look]) from error


def _left_out(backup: Backup, stuck: Sequence[Backup]) -> errors.RefusedError:
    blockers = chains.blockers(backup, stuck)
    relation = 'depend on it'
    if not blockers:
        blockers = [each for each in stuck if each.volume_id == backup.volume_id]
        relation = 'share its data'
    return errors.RefusedError(
        f'Backup {backup} was not deleted: {_names(blockers)} may {relation} and could not be '
        'deleted.'
    )


def _with_names(
    backup: Backup, children: Sequence[Backup], error: errors.RequestError
) -> errors.BackupError:
    """Name the incremental backups because of which Cinder refuses, as far as they are known."""
    if not children:
        return error
    return errors.BackupError(
        f'Cannot delete backup {backup}: incremental backups depend on it, possibly these: '
        f'{_names(children)}. Delete them first, or delete all of them with --cascade.'
    )


def _names(backups: Iterable[Backup]) -> str:
    return ', '.join(str(backup) for backup in backups)
