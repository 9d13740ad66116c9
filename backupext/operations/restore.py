# SPDX-License-Identifier: Apache-2.0
"""Restoring a backup to an existing volume or to a new one."""

from backupext import errors, resource
from backupext.cloud import Cloud
from backupext.core.models import Backup, Volume, is_id


def restore(
    cloud: Cloud, reference: str, volume: str | None, *, force: bool = False
) -> resource.Backup:
    """Ask for the restore of a backup, given by name or ID.

    :param volume: an existing volume's name or ID, the name of a new one, or None: Cinder makes a
        new one and names it after the source volume.
    :param force: overwrite an existing volume.
    :raises RefusedError: the volume exists and must not be overwritten, or cannot be restored to.
    :raises AmbiguousError: several volumes have that name: none is overwritten, and no other made.
    :raises NotFoundError: an ID that no volume has is a mistake, not the name of a new volume.
    """
    backup = cloud.find_backup(reference)
    if volume is None:
        return cloud.restore_backup(backup)
    existing = _existing_volume(cloud, volume)
    if existing is None:
        return cloud.restore_backup(backup, name=volume)
    _refuse_to_overwrite(backup, existing, force=force)
    return cloud.restore_backup(backup, volume_id=existing.id)


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


def _refuse_to_overwrite(backup: Backup, volume: Volume, *, force: bool) -> None:
    if not force:
        raise errors.RefusedError(
            f"Volume {volume} already exists; to overwrite it with backup {backup} use '--force'."
        )
