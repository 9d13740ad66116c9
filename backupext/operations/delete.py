# SPDX-License-Identifier: Apache-2.0
"""Deleting a backup without taking the ground from under others."""

from backupext import errors
from backupext.cloud import Cloud
from backupext.core.models import Backup


def delete(cloud: Cloud, reference: str, *, force: bool = False) -> None:
    """Ask for the deletion of a backup, given by name or ID.

    :param force: delete it whatever its status is (administrators only).
    :raises RefusedError: incrementals of another project depend on it.
    """
    backup = cloud.find_backup(reference)
    _refuse_foreign_parent(cloud, backup)
    cloud.delete_backup(backup, force=force)


def _refuse_foreign_parent(cloud: Cloud, backup: Backup) -> None:
    """Keep an administrator from deleting another project's parent.

    Cinder looks for dependents in the caller's project only, so it deletes such a parent, and its
    incrementals can never be restored again although they still say available.
    """
    if not cloud.may_be_foreign(backup):
        return
    dependents = cloud.dependents(backup)
    if dependents:
        names = ', '.join(str(dependent) for dependent in dependents)
        raise errors.RefusedError(
            f'Incremental backups depend on backup {backup}: {names}. Without it they can never be '
            'restored; delete them first, the newest first.'
        )
