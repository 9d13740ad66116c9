# SPDX-License-Identifier: Apache-2.0
"""Backing up a volume or a snapshot."""

from typing import Any

from backupext import errors
from backupext.cloud import Cloud
from backupext.core.models import is_id
from backupext.resource import Backup

_NOT_FOUND = 404


def create(cloud: Cloud, volume: str, snapshot: str | None, **attributes: Any) -> Backup:
    """Create a backup of a volume, or of its snapshot, each given by name or ID.

    An ID is taken at its word, which saves a request. Only if the cloud knows no such volume or
    snapshot, and so has done nothing, is it looked up: another one may have that name.

    :raises NotFoundError: there is no such volume or snapshot.
    :raises AmbiguousError: several have that name.
    """
    ids = _Ids(cloud, at_their_word=True)
    try:
        return cloud.create_backup(**ids.of(volume, snapshot), **attributes)
    except errors.RequestError as error:
        if error.status != _NOT_FOUND or not (is_id(volume) or is_id(snapshot or '')):
            raise
    ids = _Ids(cloud, at_their_word=False)
    return cloud.create_backup(**ids.of(volume, snapshot), **attributes)


class _Ids:
    """References turned into IDs, with or without asking for what looks like one."""

    def __init__(self, cloud: Cloud, *, at_their_word: bool) -> None:
        self._cloud = cloud
        self._at_their_word = at_their_word

    def of(self, volume: str, snapshot: str | None) -> dict[str, str]:
        ids = {'volume_id': self._volume(volume)}
        if snapshot is not None:
            ids['snapshot_id'] = self._snapshot(snapshot)
        return ids

    def _volume(self, reference: str) -> str:
        if self._at_their_word and is_id(reference):
            return reference
        return self._cloud.find_volume(reference).id

    def _snapshot(self, reference: str) -> str:
        if self._at_their_word and is_id(reference):
            return reference
        return self._cloud.find_snapshot(reference).id
