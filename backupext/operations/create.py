# SPDX-License-Identifier: Apache-2.0
"""Backing up a volume or a snapshot, once and no more than once."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from backupext import errors
from backupext.cloud import Cloud
from backupext.core.chains import likeliest_parent
from backupext.core.models import Backup, Snapshot, Volume, is_id
from backupext.operations.wait import Clock

_NOT_FOUND = 404
_BAD_REQUEST = 400
# Clocks of servers differ, and an HTTP date leaves out the fraction of a second. An equal backup
# made so shortly before is taken for the one that is looked for: better than to make that twice.
_SLACK = timedelta(seconds=2)
# The longest Retry-After, in seconds, that is waited out.
_PATIENCE = 60
# How often, and how many seconds apart, a backup is looked for whose request had no answer: what
# is behind a proxy that gave up may still be at work.
_LOOKS = (1.0, 2.0, 4.0)
_TRIES = 3


class Creation:
    """Makes backups.

    :param say: told what the user should know although it is no failure.
    """

    def __init__(self, cloud: Cloud, clock: Clock, say: Callable[[str], None]) -> None:
        self._cloud = cloud
        self._clock = clock
        self._say = say

    def create(self, volume: str, snapshot: str | None, **attributes: Any) -> Backup:
        """Create a backup of a volume, or of its snapshot, each given by name or ID.

        An ID is taken at its word, which saves a request. Only if the cloud knows no such volume
        or snapshot, and so has done nothing, is it looked up: another one may have that name.

        :param attributes: name, description, container, force, is_incremental, metadata,
            availability_zone.
        :raises NotFoundError: there is no such volume or snapshot.
        :raises AmbiguousError: several have that name.
        """
        references = {'volume_id': volume, 'snapshot_id': snapshot}
        given = {kind: text for kind, text in references.items() if text is not None}
        try:
            ids = {kind: self._taken_at_its_word(kind, text) for kind, text in given.items()}
            return self._create_once({**ids, **attributes})
        except errors.RequestError as error:
            if error.status != _NOT_FOUND or not any(is_id(text) for text in given.values()):
                raise
        ids = {kind: self._looked_up(kind, text) for kind, text in given.items()}
        return self._create_once({**ids, **attributes})

    def create_full_if_needed(self, volume: str, snapshot: str | None, **attributes: Any) -> Backup:
        """Create an incremental backup, or a full one where there is none to build on."""
        source = self._cloud.find_volume(volume)
        taken = self._cloud.find_snapshot(snapshot) if snapshot is not None else None
        what = (source.id, taken.id if taken else None)
        reason = self._why_full(source, taken)
        if not reason:
            try:
                made = self.create(*what, is_incremental=True, **attributes)
            except errors.RequestError as error:
                if error.status != _BAD_REQUEST or 'create a full one first' not in str(error):
                    raise
                reason = 'the volume has no backup to build on'
            else:
                self._say(f'Making an incremental backup: {made}.')
                return made
        made = self.create(*what, **attributes)
        self._say(f'Making a full backup: {made}, because {reason}.')
        return made

    def _why_full(self, volume: Volume, snapshot: Snapshot | None) -> str | None:
        """Say why an incremental backup would fail; None where nothing speaks against it."""
        backups = list(self._cloud.backups({'volume_id': volume.id, 'status': 'available'}))
        parent = likeliest_parent(backups, snapshot.created if snapshot else None)
        if parent is None:
            return 'the volume has no available backup to build on'
        if parent.size is not None and volume.size is not None and parent.size < volume.size:
            # The chunked drivers fail it then, and ask for a full one.
            return f'the volume has grown from {parent.size} to {volume.size} GiB since {parent}'
        return None

    def _taken_at_its_word(self, kind: str, reference: str) -> str:
        return reference if is_id(reference) else self._looked_up(kind, reference)

    def _looked_up(self, kind: str, reference: str) -> str:
        if kind == 'volume_id':
            return self._cloud.find_volume(reference).id
        return self._cloud.find_snapshot(reference).id

    def _create_once(self, attributes: dict[str, Any]) -> Backup:
        """Send the request; where its answer is lost, look for the backup before another try."""
        for tries_left in reversed(range(_TRIES)):
            begun = self._clock.now()
            try:
                return self._cloud.create_backup(**attributes)
            except errors.RequestError as error:
                if not error.is_transient or (error.retry_after or 0) > _PATIENCE:
                    raise
                failure = error
            found = self._found_after(failure, attributes, begun, tries_left)
            if found:
                return found
        raise failure

    def _found_after(
        self, failure: errors.RequestError, attributes: dict[str, Any], begun: float, tries: int
    ) -> Backup | None:
        if not failure.leaves_doubt:
            # Too many requests, or no connection: this one was not carried out.
            if tries:
                self._clock.sleep(failure.retry_after or _LOOKS[0])
            return None
        try:
            found = self._look_for(attributes, begun)
        except KeyboardInterrupt as interrupt:
            raise errors.InterruptedByUserError(
                f'Interrupted. {_unknown(attributes["volume_id"])}'
            ) from interrupt
        if found:
            self._say(f'The answer was lost; the backup is being made: {found}.')
        return found

    def _look_for(self, attributes: dict[str, Any], begun: float) -> Backup | None:
        """Look for the backup that a request without an answer may have made.

        :raises RequestError: the cloud does not answer: whether there is one cannot be told.
        """
        for look, pause in enumerate(_LOOKS, start=1):
            self._clock.sleep(pause)
            try:
                rows, time = self._cloud.backups_and_time({'volume_id': attributes['volume_id']})
            except errors.RequestError as error:
                if error.is_transient and look < len(_LOOKS):
                    continue
                raise errors.RequestError(
                    f'{error} {_unknown(attributes["volume_id"])}', error.status
                ) from error
            since = time - timedelta(seconds=self._clock.now() - begun) - _SLACK
            made = [row for row in rows if _is_the_one(row, attributes, since)]
            if made:
                return max(made, key=lambda row: row.created_at or '')
        return None


def _unknown(volume_id: str) -> str:
    return (
        'Whether the backup is being made is unknown: look at "openstack volume backup list '
        f'--volume {volume_id}" before you try again.'
    )


def _is_the_one(row: Backup, attributes: dict[str, Any], since: datetime) -> bool:
    """Tell whether a backup is what was asked for, made since then.

    Its kind says nothing: the Ceph driver may make an incremental unasked.
    """
    long_ago = datetime.min.replace(tzinfo=timezone.utc)
    return (
        (row.created or long_ago) >= since
        and (row.name or None) == (str(attributes.get('name') or '').strip() or None)
        and row.snapshot_id == attributes.get('snapshot_id')
        and (row.metadata or {}) == (attributes.get('metadata') or {})
    )
