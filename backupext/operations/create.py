# SPDX-License-Identifier: Apache-2.0
"""Back up a volume or a snapshot, and never twice."""

import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple, TypeVar

from backupext import errors
from backupext.cloud import Cloud
from backupext.core import chains
from backupext.core.causes import Cause
from backupext.core.models import Backup, Snapshot, Volume, is_id
from backupext.core.storage import may_be_ceph
from backupext.operations.patience import Clock, Patience, pauses

Answer = TypeVar('Answer')

_BAD_REQUEST = 400
# Clocks of servers differ, and an HTTP date has no fraction of a second. An equal backup created up
# to this long before the request counts as its result: better than to create a second one.
_SLACK = timedelta(seconds=2)
# The longest Retry-After, in seconds, that create respects without --wait.
_LONGEST_PAUSE = 60
# The pauses, in seconds, before each look for a backup whose request had no answer: Cinder may
# still be working behind a proxy that gave up.
_LOOKS = (1.0, 2.0, 4.0)
_TRIES = 3
_COMPLETE = frozenset({'available', 'restoring'})


class Asked(NamedTuple):
    """A backup that was requested.

    :param is_incremental: what was requested; the Ceph driver may create a full backup instead.
    :param reason: why a full backup was requested instead of an incremental one.
    """

    backup: Backup
    is_incremental: bool
    reason: str | None = None

    def is_otherwise(self, made: Backup | None) -> bool:
        """Return whether a completed backup is full although an incremental one was requested."""
        return self.is_incremental and made is not None and not made.is_incremental


def describe(asked: Asked, made: Backup | None) -> str:
    """Return a sentence: which kind of backup was created, or requested if unknown, and why.

    :param made: the backup after the wait; None without a wait.
    """
    kind = asked.is_incremental if made is None else bool(made.is_incremental)
    which = 'an incremental' if kind else 'a full'
    verb = 'Requested' if made is None else 'Created'
    because = f', because {asked.reason}' if asked.reason else ''
    if asked.is_otherwise(made):
        because = ', although an incremental one was requested: the storage required a full one'
    return f'{verb} {which} backup: {asked.backup}{because}.'


class Source(NamedTuple):
    """What is backed up. If it was given by ID, only the ID is known."""

    volume: Volume
    snapshot: Snapshot | None = None

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of the request that name it."""
        volume = {'volume_id': self.volume.id}
        return {**volume, 'snapshot_id': self.snapshot.id} if self.snapshot else volume

    @property
    def taken_at(self) -> datetime | None:
        """When the snapshot was created; None for a volume."""
        return self.snapshot.created if self.snapshot else None


class Creation:
    """Creates backups.

    :param note: called with what the user should know although nothing failed.
    :param is_waiting: try as long as the patience lasts, instead of a few times.
    """

    def __init__(
        self,
        cloud: Cloud,
        clock: Clock,
        patience: Patience,
        note: Callable[[str], None],
        *,
        is_waiting: bool,
    ) -> None:
        self._cloud = cloud
        self._clock = clock
        self._patience = patience
        self._note = note
        self._is_waiting = is_waiting

    def create(
        self,
        volume: str,
        snapshot: str | None,
        *,
        is_incremental: bool = False,
        allows_full: bool = False,
        **attributes: Any,
    ) -> Asked:
        """Create a backup of a volume, or of its snapshot, each given by name or ID.

        An ID is used without a look-up, which saves a request. Only if no volume or snapshot has
        the ID, and so nothing was changed, is it looked up: it may be the name of another one.

        :param allows_full: create a full backup if an incremental one is not possible.
        :param attributes: name, description, container, force, metadata, availability_zone.
        :raises NotFoundError: no volume or snapshot has the name or ID.
        :raises AmbiguousError: several have that name.
        :raises RefusedError: on Ceph it would fail, or destroy the data of another backup.
        """

        def create(source: Source) -> Asked:
            if is_incremental:
                return self._incremental(source, attributes, allows_full=allows_full)
            if source.snapshot:
                _refuse_second_of_a_snapshot(self._backups(source))
            return self._full(source, attributes)

        try:
            source = self._source(volume, snapshot)
            asked = create(source)
        except errors.RequestError as error:
            given = [volume] if snapshot is None else [volume, snapshot]
            if error.cause is not Cause.NOT_FOUND or not any(map(is_id, given)):
                raise
            found = self._cloud.find_snapshot(snapshot) if snapshot is not None else None
            source = Source(self._cloud.find_volume(volume), found)
            asked = create(source)
        self._note_owner(source.volume)
        return asked

    def _note_owner(self, volume: Volume) -> None:
        """Note that a backup of another project's volume belongs to the administrator's."""
        access = self._cloud.access
        if not access.is_admin:
            return
        with contextlib.suppress(errors.RequestError):
            found = self._cloud.read_volume(volume.id) or volume
            owner = found.project_id
            if owner and owner != access.project_id:
                self._note(
                    f'Volume {found} belongs to project {owner}. The backup belongs to your '
                    f'project, {access.project_id}, and counts towards its quota.'
                )

    def _source(self, volume: str, snapshot: str | None) -> Source:
        """Find the source; an ID is used without a look-up."""
        source = Volume(volume) if is_id(volume) else self._cloud.find_volume(volume)
        if snapshot is None:
            return Source(source)
        taken = Snapshot(snapshot) if is_id(snapshot) else self._cloud.find_snapshot(snapshot)
        return Source(source, taken)

    def _full(self, source: Source, attributes: dict[str, Any], reason: str | None = None) -> Asked:
        made = self._create_once({**source.attributes, **attributes})
        return Asked(made, is_incremental=False, reason=reason)

    def _incremental(
        self, source: Source, attributes: dict[str, Any], *, allows_full: bool
    ) -> Asked:
        """Create an incremental backup, or a full one if that is allowed and necessary."""
        source = self._known(source, with_size=allows_full)
        backups = self._backups(source)
        if source.snapshot:
            _refuse_second_of_a_snapshot(backups)
        reason = _reason_for_full(source, backups) if allows_full else None
        if reason:
            return self._full(source, attributes, reason)
        _refuse_parent_of_a_snapshot(chains.likeliest_parent(backups, source.taken_at), backups)
        try:
            made = self._create_once({**source.attributes, **attributes, 'is_incremental': True})
        except errors.RequestError as error:
            reason = self._reason_after(error, source) if allows_full else None
            if not reason:
                raise
            return self._full(source, attributes, reason)
        return Asked(made, is_incremental=True)

    def _reason_after(self, error: errors.RequestError, source: Source) -> str | None:
        """Return why a full backup is necessary after a refusal; None if it is not.

        Cinder's words differ between releases, so the backups are read again.
        """
        if error.status != _BAD_REQUEST:
            return None
        backups = self._backups(source)
        reason = _reason_for_full(source, backups)
        busy = chains.refused_by_older_cinder(backups, source.taken_at)
        if reason is None and busy:
            reason = (
                f'the newest backup, {busy}, is in status {busy.status}, and this cloud cannot '
                'build on an older one'
            )
        if reason is None and error.cause is Cause.NO_PARENT:
            return 'the volume has no backup to build on'
        return reason

    # What is known of the source, as far as the credentials allow

    def _known(self, source: Source, *, with_size: bool) -> Source:
        volume, snapshot = source
        if with_size and volume.size is None:
            volume = _if_allowed(lambda: self._cloud.read_volume(volume.id)) or volume
        if snapshot and snapshot.created is None:
            id_ = snapshot.id
            snapshot = _if_allowed(lambda: self._cloud.find_snapshot(id_)) or snapshot
        return Source(volume, snapshot)

    def _backups(self, source: Source) -> list[Backup]:
        query = {'volume_id': source.volume.id}
        return _if_allowed(lambda: list(self._cloud.list_backups(query))) or []

    def _create_once(self, attributes: dict[str, Any]) -> Backup:
        """Send the request; if its answer is lost, look for the backup before the next try.

        A request that may have succeeded is repeated only a few times, however long the command
        waits: each of them might create a backup that appears too late.
        """
        doubtful: list[errors.RequestError] = []
        for tries, pause in enumerate(pauses(), start=1):
            begun = self._clock.now()
            try:
                return self._send(attributes)
            except errors.RequestError as error:
                failure = doubtful[0].followed_by(error) if doubtful else error
                if not error.is_transient or self._takes_too_long(error):
                    raise failure from error
                if error.leaves_doubt:
                    doubtful.append(error)
                    found = self._look_for(attributes, begun)
                    if found:
                        self._note(f'The request failed, but backup {found} is being created.')
                        return found
                if len(doubtful) == _TRIES or (tries >= _TRIES and not self._is_waiting):
                    raise failure from error
                self._pause(error, pause)
        raise AssertionError('pauses never end')

    def _takes_too_long(self, failure: errors.RequestError) -> bool:
        return not self._is_waiting and (failure.retry_after or 0) > _LONGEST_PAUSE

    def _send(self, attributes: dict[str, Any]) -> Backup:
        try:
            return self._cloud.create_backup(**attributes)
        except KeyboardInterrupt as interrupt:
            raise _stopped(errors.InterruptedByUserError('Interrupted'), attributes) from interrupt

    def _pause(self, failure: errors.RequestError, seconds: float) -> None:
        if failure.leaves_doubt:
            # The search for the backup was a long enough pause.
            return
        if self._is_waiting:
            self._patience.bear(failure, seconds)
        else:
            self._patience.pause(failure.retry_after or _LOOKS[0])

    def _look_for(self, attributes: dict[str, Any], begun: float) -> Backup | None:
        """Look for the backup that a request without an answer may have created.

        :raises RequestError: the cloud does not answer, so it is unknown whether there is one.
        :raises StoppedWaitingError: it is unknown: the time limit has passed, or Ctrl-C.
        """
        for look, pause in enumerate(_LOOKS, start=1):
            try:
                self._patience.pause(pause)
                rows = list(self._cloud.list_backups({'volume_id': attributes['volume_id']}))
            except errors.StoppedWaitingError as error:
                raise _stopped(error, attributes) from error
            except KeyboardInterrupt as error:
                raise _stopped(errors.InterruptedByUserError('Interrupted'), attributes) from error
            except errors.RequestError as error:
                if error.is_transient and look < len(_LOOKS):
                    continue
                raise errors.RequestError(
                    error.sentence,
                    error.cause,
                    advice=_check_first(attributes),
                    status=error.status,
                ) from error
            since = self._cloud.time - timedelta(seconds=self._clock.now() - begun) - _SLACK
            made = [row for row in rows if _is_the_one(row, attributes, since)]
            if made:
                return max(made, key=lambda row: row.created_at or '')
        return None


def _if_allowed(read: Callable[[], Answer | None]) -> Answer | None:
    """Read what only improves a decision; None if the credentials do not allow it."""
    try:
        return read()
    except errors.NotFoundError:
        return None
    except errors.RequestError as error:
        if error.cause is not Cause.NOT_ALLOWED:
            raise
        return None


def _reason_for_full(source: Source, backups: Sequence[Backup]) -> str | None:
    return chains.reason_for_full(source.volume.size, source.snapshot, backups)


def _refuse_second_of_a_snapshot(backups: Sequence[Backup]) -> None:
    """Refuse a backup of a snapshot that would fail on Ceph.

    There, all backups of a volume's snapshots are in one image. Deleting the failed backup would
    destroy the data of the first. A backup that is still being created does not count: it has no
    object count yet that could exclude Ceph.
    """
    first = [each for each in backups if each.snapshot_id and each.status in _COMPLETE]
    if first and may_be_ceph(backups):
        raise errors.RefusedError(
            f'Cannot back up the snapshot: backup {first[0]} is a backup of a snapshot of the '
            'same volume, and Ceph can store only one for each volume. Back up the volume itself, '
            'or, if you no longer need that backup, delete it first.'
        )


def _refuse_parent_of_a_snapshot(parent: Backup | None, backups: Sequence[Backup]) -> None:
    """Refuse an incremental backup that would fail on Ceph and destroy its parent's data."""
    if parent and parent.snapshot_id and may_be_ceph(backups):
        raise errors.RefusedError(
            f'Cannot create an incremental backup: it would build on backup {parent}, a backup of '
            'a snapshot, and on Ceph that destroys the data of the parent. Create a full backup, '
            'or use --allow-full.'
        )


def _stopped(
    error: errors.StoppedWaitingError, attributes: dict[str, Any]
) -> errors.StoppedWaitingError:
    return error.with_more(advice=_check_first(attributes))


def _check_first(attributes: dict[str, Any]) -> str:
    return (
        'It is unknown whether the backup is being created. Before you try again, check: openstack '
        f'volume backup list --volume {attributes["volume_id"]}'
    )


def _is_the_one(row: Backup, attributes: dict[str, Any], since: datetime) -> bool:
    """Return whether a backup is the requested one, created since a time.

    The kind is not compared: Ceph may create a full backup instead of an incremental one.
    """
    long_ago = datetime.min.replace(tzinfo=timezone.utc)
    return (
        (row.created or long_ago) >= since
        and (row.name or None) == (str(attributes.get('name') or '').strip() or None)
        and row.snapshot_id == attributes.get('snapshot_id')
        and (row.metadata or {}) == (attributes.get('metadata') or {})
    )
