# SPDX-License-Identifier: Apache-2.0
"""Restore a backup to an existing volume or to a new one; check everything first."""

import contextlib
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple, NoReturn

from backupext import errors
from backupext.cloud import Cloud
from backupext.core.causes import Cause
from backupext.core.labels import origin_of
from backupext.core.models import Backup, Volume, is_id
from backupext.core.text import one_sentence, visible
from backupext.operations.patience import Patience, pauses
from backupext.operations.wait import Steps, until_restored

_CHECK_FIRST = (
    'It is unknown whether the restore has begun. Before you try again, check: openstack volume '
    'list'
)
_MAY_HAVE_KEY = (
    'Before you delete it, ask an administrator: it may have the encryption key of the source '
    'volume, and then Cinder deletes that key too'
)
# The causes of refusals that come before Cinder creates the new volume.
_LEAVE_NOTHING = frozenset(
    {
        Cause.BACKUP_QUOTA,
        Cause.CREDENTIALS,
        Cause.NOT_ALLOWED,
        Cause.OTHER_QUOTA,
        Cause.RATE_LIMITED,
        Cause.UNTRUSTED,
    }
)
# An HTTP date has no fraction of a second, and clocks of servers differ.
_SLACK = timedelta(seconds=2)


@dataclass(frozen=True)
class NewVolume:
    """The attributes of a new volume; Cinder chooses those that are None. ``size`` is in GiB.

    At the end of the restore, Cinder replaces the properties by those of the source volume.
    """

    name: str | None = None
    type: str | None = None
    availability_zone: str | None = None
    size: int | None = None
    properties: Mapping[str, str] | None = None

    @property
    def is_special(self) -> bool:
        """Whether to create the volume from the backup (3.47): a restore cannot set these."""
        return bool(self.type or self.availability_zone or self.size or self.properties)


class Restored(NamedTuple):
    """A restore that has begun: the backup's ID, and the volume's ID and name.

    :param is_new: the volume did not exist before.
    """

    id: str
    volume_id: str
    volume_name: str | None
    volume_status: str | None = 'restoring-backup'  # Cinder sets it before it answers
    is_new: bool = True
    is_noted: bool = False  # whether an encrypted volume was noted when it was created

    @property
    def volume(self) -> Volume:
        """The volume; only its status shows whether the restore succeeded."""
        return Volume(self.volume_id, self.volume_name, self.volume_status)


class Restore:
    """Restores a backup.

    :param note: called with what the user should know although nothing failed.
    :param patience: how long to repeat a request that a busy cloud refuses; None: do not repeat it.
    :param sources: source volumes that were read already, by ID; None for one that is deleted.
    """

    def __init__(
        self,
        cloud: Cloud,
        note: Callable[[str], None],
        patience: Patience | None = None,
        sources: Mapping[str, Volume | None] | None = None,
    ) -> None:
        self._cloud = cloud
        self._note = note
        self._patience = patience
        self._sources = dict(sources or {})
        self._backup: Backup | None = None

    def begin(
        self, reference: str, volume: str | None, new: NewVolume, *, force: bool = False
    ) -> Restored:
        """Request the restore of a backup, given by name or ID.

        :param volume: the name or ID of an existing volume, the name of a new one, or None for a
            new one.
        :param new: the attributes of the new volume.
        :param force: overwrite an existing volume.
        :raises UsageError: the options name both an existing volume and a new one.
        :raises RefusedError: the volume exists and must not be overwritten, or does not fit.
        :raises AmbiguousError: several volumes have that name; no volume is overwritten or created.
        :raises NotFoundError: no backup or volume has this ID; an ID never names a new volume.
        """
        if volume is not None and new.name is not None:
            raise errors.UsageError(
                f"Cannot restore to volume '{visible(volume)}' and to a new one: give either the "
                'volume or --name.'
            )
        backup = self._backup = self._cloud.find_backup(reference)
        _refuse_unavailable(backup)
        existing = self._existing(backup, volume, force=force) if volume is not None else None
        if existing is None:
            return self._to_new(backup, replace(new, name=volume) if volume is not None else new)
        _refuse_to_overwrite(backup, existing, new, force=force)
        self._refuse_other_type(backup, existing)
        begun = self._request(lambda: self._send(backup, volume_id=existing.id))
        return begun._replace(is_new=False)

    def begin_new(self, backup: Backup, new: NewVolume) -> Restored:
        """Request the restore of a backup that was just read to a new volume.

        :raises RefusedError: the backup is not available, or the new volume does not fit.
        """
        self._backup = backup
        _refuse_unavailable(backup)
        return self._to_new(backup, new)

    def check_new(self, backup: Backup, new: NewVolume) -> NewVolume:
        """Return a new volume with the type that an encrypted backup needs; change nothing.

        :raises RefusedError: the new volume does not fit, or the needed type is not known.
        """
        _refuse_too_small(backup, new)
        return self._with_type(backup, new)

    def finish(self, restored: Restored) -> Steps:
        """Wait for a restore to end, and return it with the volume's final name.

        The backup turns available again even if the restore failed; only the volume shows that.
        At the end, Cinder gives a new volume the name of the source.

        :raises EndedBadlyError: the restore failed; the message says what to do next.
        """
        try:
            row = yield until_restored(restored.volume)
        except errors.EndedBadlyError as error:
            raise errors.EndedBadlyError(f'{error} {self._next_step(restored)}') from error
        if isinstance(row, Volume) and self._backup and restored.is_new and not restored.is_noted:
            # The default type of the cloud may be encrypted; only the volume shows that.
            self._note_unreadable(self._backup, row)
        if row is None:
            return restored
        return restored._replace(volume_name=row.name, volume_status=row.status)

    def _next_step(self, restored: Restored) -> str:
        """Return what to do after a failed restore, and what the backup's status shows.

        If an administrator resets the status of a backup during a restore, Cinder aborts it. The
        volume is then in status ``error``, and the backup is available again in the end.
        """
        backup = volume = None
        with contextlib.suppress(errors.RequestError):
            backup = self._cloud.read_backup(restored.id)
            volume = self._cloud.read_volume(restored.volume_id)
        known = _why_aborted(restored, backup, volume)
        return f'{known} {_advice(restored, backup, volume)}'.lstrip()

    # The target

    def _existing(self, backup: Backup, reference: str, *, force: bool) -> Volume | None:
        """Find the volume to restore to; None if the reference is the name of a new one.

        Credentials whose access rules forbid the look-up can overwrite a volume by ID with
        ``--force``: Cinder checks the rest.
        """
        try:
            return self._cloud.find_volume(reference)
        except errors.NotFoundError as error:
            if not is_id(reference):
                return None
            raise errors.NotFoundError(_no_such_id(backup, reference)) from error
        except errors.RequestError as error:
            if error.cause is not Cause.NOT_ALLOWED:
                raise
            if not is_id(reference):
                raise errors.RequestError(
                    error.sentence,
                    error.cause,
                    advice='To restore to a new volume without looking for an existing one: '
                    f'--name {shlex.quote(visible(reference))}',
                    status=error.status,
                ) from error
            if not force or backup.encryption_key_id:
                raise
            return Volume(reference, status='available')

    def _refuse_other_type(self, backup: Backup, volume: Volume) -> None:
        """Refuse a target whose type does not fit an encrypted backup or volume.

        Cinder restores the encrypted data unchanged, with the key of the source. To a volume of
        another type it fails, after the data of the target was overwritten. An unencrypted backup
        on an encrypted volume cannot be read either.
        """
        was_retyped = backup.encryption_key_id is not None and volume.encrypted is False
        if volume.id == backup.volume_id and was_retyped:
            raise errors.RefusedError(
                f'Cannot restore backup {backup} to volume {volume}: the backup is encrypted, but '
                'the volume now has an unencrypted type. Restore the backup to a new volume: use '
                '--type with the type that the volume had before.'
            )
        if volume.id == backup.volume_id:
            return
        is_encrypted = self._is_encrypted(backup)
        if not (is_encrypted or volume.encrypted):
            return
        source = self._source(backup)
        reason = f'the {"backup" if is_encrypted else "volume"} is encrypted'
        if source is None:
            raise errors.RefusedError(
                f'Cannot restore backup {backup} to volume {volume}: {reason}, so the volume must '
                'have the type of the source volume, which no longer exists. Restore the backup '
                'to a new volume: use --type with the type of the source volume.'
            )
        if source.volume_type != volume.volume_type:
            raise errors.RefusedError(
                f'Cannot restore backup {backup} to volume {volume} of type '
                f"'{_shown(volume.volume_type)}': {reason}, so the volume must have the type of "
                f"the source volume, '{_shown(source.volume_type)}'."
            )

    def _is_encrypted(self, backup: Backup) -> bool:
        """Return whether a backup is encrypted.

        Below 3.64, and in a cloud with one key for all volumes, only its source volume shows it.
        """
        if backup.encryption_key_id is not None:
            return True
        try:
            source = self._source(backup)
        except errors.RequestError as error:
            if error.cause is not Cause.NOT_ALLOWED:
                raise
            return False
        return bool(source and source.encrypted)

    def _source(self, backup: Backup) -> Volume | None:
        """Read the source volume of a backup, once; None if it does not exist any more."""
        id_ = backup.volume_id or ''
        if id_ not in self._sources:
            self._sources[id_] = self._cloud.read_volume(id_) if id_ else None
        return self._sources[id_]

    def _to_new(self, backup: Backup, new: NewVolume) -> Restored:
        new = self.check_new(backup, new)
        self._note_owner(backup)
        if new.is_special:
            return self._request(lambda: self._create_from(backup, new), backup, new)
        return self._request(lambda: self._send(backup, name=new.name), backup, new)

    def _with_type(self, backup: Backup, new: NewVolume) -> NewVolume:
        """Set the type of the source for an encrypted backup; with any other the restore fails.

        :raises RefusedError: another type was requested, or the type of the source is not known.
        """
        if not self._is_encrypted(backup):
            return new
        needed = self._needed_type(backup)
        if needed is None:
            if new.type:
                return new
            raise errors.RefusedError(
                f'Cannot restore backup {backup}: it is encrypted, and its source volume no longer '
                'exists. Use --type with the type of the source volume: with any other type the '
                'restore fails.'
            )
        if new.type and not self._is_type(new.type, needed):
            raise errors.RefusedError(
                f"Cannot restore backup {backup} to a volume of type '{visible(new.type)}': it is "
                'encrypted, so the volume must have the type of the source volume, '
                f"'{visible(needed)}'."
            )
        try:
            self._cloud.require('restore --type')
        except errors.UnsupportedError as error:
            raise errors.RefusedError(
                f'Cannot restore backup {backup} to a new volume: it is encrypted, so the volume '
                f"must have the type '{visible(needed)}'. {error} Or create a volume of "
                'that type, and restore to it with --force.'
            ) from error
        return replace(new, type=needed)

    def _needed_type(self, backup: Backup) -> str | None:
        """Return the type that the source of an encrypted backup had; None if it is not known.

        A rotation stores it with the backup, for a source that was deleted or retyped.
        """
        source = self._source(backup)
        labelled = origin_of(backup).volume_type
        if source is None or (source.encrypted is False and labelled):
            return labelled
        return source.volume_type

    def _is_type(self, reference: str, type_: str) -> bool:
        """Return whether a name or an ID belongs to a type."""
        if reference == type_:
            return True
        return is_id(reference) and self._cloud.read_volume_type_name(reference) == type_

    def _note_owner(self, backup: Backup) -> None:
        """Note that the new volume belongs to the administrator's project."""
        access = self._cloud.access
        if backup.project_id and backup.project_id != access.project_id:
            self._note(
                f'Backup {backup} belongs to project {backup.project_id}. The new volume belongs '
                f'to your project, {access.project_id}, and counts towards its quota.'
            )

    # The request

    def _create_from(self, backup: Backup, new: NewVolume) -> Restored:
        volume = self._cloud.create_volume_from(
            backup,
            name=new.name,
            volume_type=new.type,
            availability_zone=new.availability_zone,
            size=new.size,
            metadata=new.properties,
        )
        self._note_unreadable(backup, volume)
        return Restored(backup.id, volume.id, volume.name, volume.status, is_noted=True)

    def _note_unreadable(self, backup: Backup, volume: Volume) -> None:
        """Note that no server can read the data of an unencrypted backup on an encrypted volume.

        Only administrators see whether a type is encrypted; everybody sees it of a volume.
        """
        if not volume.encrypted or backup.encryption_key_id is not None:
            return
        with contextlib.suppress(errors.RequestError):
            source = self._source(backup)
            if source and not source.encrypted:
                self._note(
                    f'Volume {volume} is encrypted, but backup {backup} is not: no server can read '
                    f'the restored data. To delete the volume: openstack volume delete {volume.id}'
                )

    def _send(self, backup: Backup, **target: str | None) -> Restored:
        answer = self._cloud.restore_backup(backup, **target)
        return Restored(answer.id, answer.volume_id, answer.volume_name)

    def _request(
        self,
        request: Callable[[], Restored],
        backup: Backup | None = None,
        new: NewVolume | None = None,
    ) -> Restored:
        """Request a restore only once: a second request might create a second volume.

        A request is repeated only if the cloud has certainly not carried it out.

        :param new: the new volume, which may exist although the restore was refused.
        """
        for pause in pauses():
            begun = self._cloud.time
            try:
                return request()
            except errors.RequestError as error:
                if error.is_transient and not error.leaves_doubt and self._patience:
                    self._patience.bear(error, pause)
                    continue
                left = self._left_behind(error, backup, new, begun) if backup and new else None
                if error.leaves_doubt:
                    self._refuse_to_guess(error, left)
                if left is None:
                    raise
                raise _with_left_behind(error, left) from error
            except KeyboardInterrupt as error:
                interrupted = errors.InterruptedByUserError('Interrupted', advice=_CHECK_FIRST)
                raise interrupted from error
        raise AssertionError('pauses never end')

    def _left_behind(
        self, error: errors.RequestError, backup: Backup, new: NewVolume, begun: datetime
    ) -> Volume | None:
        """Return the new volume of a refused restore, if it was created.

        Without a backup service, Cinder creates the volume before it refuses.
        """
        if error.cause in _LEAVE_NOTHING or (self._patience and not self._patience.has_time):
            return None
        name = new.name or f'restore_backup_{backup.id}'
        with contextlib.suppress(errors.RequestError):
            made = [
                volume
                for volume in self._cloud.list_volumes_named(name)
                if volume.created and volume.created >= begun - _SLACK
            ]
            return max(made, key=lambda volume: volume.created_at or '', default=None)
        return None

    def _refuse_to_guess(self, error: errors.RequestError, left: Volume | None) -> NoReturn:
        """Raise an error: it is unknown whether the restore has begun."""
        advice = _CHECK_FIRST
        if left:
            advice = (
                f'Volume {left} was created (status {left.status}), but it is unknown whether the '
                f'restore has begun. Before you try again, check: openstack volume show {left.id}'
            )
        try:
            if self._patience:
                self._patience.pause(0)
        except errors.StoppedWaitingError as stopped:
            raise stopped.with_more(advice=advice) from error
        raise errors.RequestError(
            error.sentence, error.cause, advice=advice, status=error.status
        ) from error


def _why_aborted(restored: Restored, backup: Backup | None, volume: Volume | None) -> str:
    """Return whether a failed restore was aborted, as far as the statuses show that."""
    if backup and backup.status != 'available':
        why = f' ({one_sentence(backup.fail_reason)})' if backup.fail_reason else ''
        return (
            f'Backup {backup} is in status {backup.status}{why}: a reset of its status probably '
            'aborted the restore.'
        )
    if not volume or volume.status != 'error':
        return ''
    if restored.volume_status == 'creating':
        return (
            "The volume could not be created, or a reset of the backup's status aborted the "
            'restore.'
        )
    return "A reset of the backup's status probably aborted the restore."


def _advice(restored: Restored, backup: Backup | None, volume: Volume | None) -> str:
    """Return what to do next.

    A volume that existed may still have data. A new encrypted one has the key of the source volume
    until the end of the restore: if it is deleted then, Cinder deletes that key.
    """
    is_usable = backup is None or backup.status == 'available'
    command = f'openstack volume backup restore {restored.id}'
    if not restored.is_new:
        again = f' To restore to a new volume: {command}' if is_usable else ''
        return f'The data of the volume is lost or incomplete.{again}'
    has_key = bool((volume and volume.encrypted) or (backup and backup.encryption_key_id))
    delete = how_to_delete(restored.volume_id, has_key=has_key)
    again = f'. To try again: {command}' if is_usable else ''
    return f'The volume does not contain the data. {delete}{again}'


def how_to_delete(volume_id: str, *, has_key: bool) -> str:
    """Return advice, without a full stop, on a new volume whose restore failed.

    :param has_key: the volume or the backup is encrypted.
    """
    return _MAY_HAVE_KEY if has_key else f'To delete it: openstack volume delete {volume_id}'


def _with_left_behind(error: errors.RequestError, left: Volume) -> errors.RequestError:
    advice = f'{error.advice} ' if error.advice else ''
    return errors.RequestError(
        error.sentence,
        error.cause,
        advice=f'{advice}The new volume {left} was created nevertheless, and has no data. To '
        f'delete it: openstack volume delete {left.id}',
        status=error.status,
    )


def _no_such_id(backup: Backup, reference: str) -> str:
    if reference == backup.volume_id:
        return (
            f"Volume '{reference}', the source of backup {backup}, no longer exists. To restore to "
            f'a new volume: openstack volume backup restore {backup.id}'
        )
    return (
        f"No volume has the ID '{reference}'. To restore to a new volume, give a name that is not "
        'an ID, or omit the argument.'
    )


def _shown(type_: str | None) -> str:
    return visible(type_ or 'none')


def _refuse_unavailable(backup: Backup) -> None:
    if backup.status != 'available':
        raise errors.RefusedError(
            f'Cannot restore backup {backup} in status {backup.status}: the backup must be '
            'available.'
        )


def _refuse_too_small(backup: Backup, new: NewVolume) -> None:
    if new.size is not None and backup.size is not None and new.size < backup.size:
        raise errors.RefusedError(
            f'Cannot restore backup {backup} of {backup.size} GiB to a volume of {new.size} GiB: '
            f'the volume is too small. Use --size {backup.size} or greater.'
        )


def _refuse_to_overwrite(backup: Backup, volume: Volume, new: NewVolume, *, force: bool) -> None:
    if new.is_special:
        raise errors.UsageError(
            f'Volume {volume} already exists, but --type, --availability-zone and --size are only '
            'for a new volume. To restore to a new volume, use --name.'
        )
    if not force:
        raise errors.RefusedError(
            f'Volume {volume} already exists. To restore backup {backup} to a new volume, use '
            '--name. To overwrite the existing volume, use --force.'
        )
    if volume.status != 'available':
        raise errors.RefusedError(
            f'Cannot restore backup {backup} to volume {volume} in status {volume.status}: '
            'the volume must be available.'
        )
    if volume.size is not None and backup.size is not None and volume.size < backup.size:
        raise errors.RefusedError(
            f'Cannot restore backup {backup} of {backup.size} GiB to volume {volume} of '
            f'{volume.size} GiB: the volume is too small.'
        )
