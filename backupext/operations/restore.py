# SPDX-License-Identifier: Apache-2.0
"""Restoring a backup to an existing volume or to a new one; every refusal comes first."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from backupext import errors
from backupext.cloud import Cloud
from backupext.core.models import Backup, Volume, is_id


@dataclass(frozen=True)
class NewVolume:
    """What a new volume is to be; where nothing is said, Cinder decides."""

    name: str | None = None
    type: str | None = None
    availability_zone: str | None = None

    @property
    def is_special(self) -> bool:
        """Whether the volume has to be made first (3.47): a restore cannot choose these."""
        return bool(self.type or self.availability_zone)


class Restored(NamedTuple):
    """A restore that has begun: the backup's ID, and the volume's ID and name."""

    id: str
    volume_id: str
    volume_name: str | None
    volume_status: str | None = 'restoring-backup'  # Cinder sets it before it answers

    @property
    def volume(self) -> Volume:
        """The volume, which alone shows whether the restore worked."""
        return Volume(self.volume_id, self.volume_name, self.volume_status)


def restore(
    cloud: Cloud, reference: str, volume: str | None, new: NewVolume, *, force: bool = False
) -> Restored:
    """Ask for the restore of a backup, given by name or ID.

    :param volume: an existing volume's name or ID, the name of a new one, or None: a new one.
    :param new: what the new volume is to be.
    :param force: overwrite an existing volume.
    :raises UsageError: an existing volume and a new one are asked for together.
    :raises RefusedError: the volume exists and must not be overwritten, or cannot be restored to.
    :raises AmbiguousError: several volumes have that name: none is overwritten, and no other made.
    :raises NotFoundError: an ID that no volume has is a mistake, not the name of a new volume.
    """
    if volume is not None and new.name is not None:
        raise errors.UsageError(
            f"Give '{volume}' to restore to that volume, or --name for a new one, not both."
        )
    backup = cloud.find_backup(reference)
    _refuse_unavailable(backup)
    if volume is None:
        return _to_a_new_volume(cloud, backup, new)
    existing = _existing_volume(cloud, volume)
    if existing is None:
        return _to_a_new_volume(cloud, backup, NewVolume(volume, new.type, new.availability_zone))
    _refuse_to_overwrite(backup, existing, new, force=force)
    return _begin(cloud, backup, volume_id=existing.id)


def _to_a_new_volume(cloud: Cloud, backup: Backup, new: NewVolume) -> Restored:
    if not new.is_special:
        return _begin(cloud, backup, name=new.name)
    with _lost_answer_told():
        volume = cloud.create_volume_from(
            backup, name=new.name, volume_type=new.type, availability_zone=new.availability_zone
        )
    return Restored(backup.id, volume.id, volume.name, volume.status)


def _begin(cloud: Cloud, backup: Backup, **target: str | None) -> Restored:
    with _lost_answer_told():
        answer = cloud.restore_backup(backup, **target)
    return Restored(answer.id, answer.volume_id, answer.volume_name)


@contextlib.contextmanager
def _lost_answer_told() -> Iterator[None]:
    """Ask for a restore once only: a second one might make a second volume."""
    try:
        yield
    except errors.RequestError as error:
        if not error.leaves_doubt:
            raise
        raise errors.RequestError(
            f'{error} Whether the restore has begun is unknown: look at "openstack volume list" '
            'before you try again.',
            error.status,
        ) from error


def _refuse_unavailable(backup: Backup) -> None:
    if backup.status != 'available':
        raise errors.RefusedError(
            f'Cannot restore backup {backup} in status {backup.status}: it must be available.'
        )


def _existing_volume(cloud: Cloud, reference: str) -> Volume | None:
    try:
        return cloud.find_volume(reference)
    except errors.NotFoundError as error:
        if not is_id(reference):
            return None
        raise errors.NotFoundError(
            f"No volume has the ID '{reference}', and it is not taken for the name of a new one; "
            'to restore to a new volume give another name, or leave it out.'
        ) from error


def _refuse_to_overwrite(backup: Backup, volume: Volume, new: NewVolume, *, force: bool) -> None:
    if new.is_special:
        raise errors.UsageError(
            f'Volume {volume} already exists; --type and --availability-zone are for a new one.'
        )
    if not force:
        raise errors.RefusedError(
            f"Volume {volume} already exists; to overwrite it with backup {backup} use '--force'."
        )
    if volume.status != 'available':
        raise errors.RefusedError(
            f'Cannot restore backup {backup} to volume {volume} in status {volume.status}: it must '
            'be available.'
        )
    if volume.size is not None and backup.size is not None and volume.size < backup.size:
        raise errors.RefusedError(
            f'Cannot restore backup {backup} of {backup.size} GiB to volume {volume} of '
            f'{volume.size} GiB: it is too small.'
        )
