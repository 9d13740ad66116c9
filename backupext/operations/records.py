# SPDX-License-Identifier: Apache-2.0
"""Import the record of a backup."""

import contextlib

from backupext import errors, resource
from backupext.cloud import Cloud
from backupext.core import records
from backupext.core.models import Backup


def import_record(cloud: Cloud, service: str, url: str) -> resource.Backup:
    """Import a record: Cinder accepts it, and validates it later.

    :raises RequestError: Cinder refused it. The message names the backup with that ID if there is
        one, such as that of an earlier import that failed and prevents another.
    """
    try:
        return cloud.import_record(service, url)
    except errors.RequestError as error:
        there = _backup_of(cloud, url)
        if there is None:
            raise
        advice = f'Backup {there} already exists, in status {there.status}.'
        if there.status == 'error':
            advice += f' To delete it first: openstack volume backup delete {there.id}'
        raise errors.RequestError(
            error.sentence, error.cause, advice=advice, status=error.status
        ) from error


def _backup_of(cloud: Cloud, url: str) -> Backup | None:
    id_ = records.backup_id(url)
    with contextlib.suppress(errors.RequestError):
        return cloud.read_backup(id_) if id_ else None
    return None
