# SPDX-License-Identifier: Apache-2.0
"""Create scratch volumes from backups, and delete them; never delete a volume in doubt."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from backupext import errors
from backupext.core.filters import OWN_PROJECT
from backupext.core.models import Backup, Volume
from backupext.core.scratch import (
    RUNNING,
    Mark,
    find_key_objection,
    find_leftover_objection,
    find_mark,
    find_objection,
)
from backupext.core.verification import Place
from backupext.operations.patience import pauses
from backupext.operations.schedule import Schedule, Work
from backupext.operations.wait import Steps, until_gone, until_restored

#: Another run deletes its scratch volume soon after the restore has ended. Polls are 15 s apart.
_GRACE = timedelta(seconds=60)
#: The cloud's clock is read in whole seconds.
_PAUSE = _GRACE + timedelta(seconds=2)
#: The number of leftover volumes to delete at once.
_FEW = 4


class Scratch:
    """The volume to which a backup is restored, or the volumes if an answer was lost."""

    def __init__(self, mark: Mark, backup: Backup) -> None:
        self.mark = mark
        self.backup = backup
        #: The IDs of encryption keys with which volumes were created, by the IDs of the volumes.
        self.keys: dict[str, str | None] = {}
        #: There may be a volume whose ID is not known.
        self.is_uncertain = False

    @property
    def was_requested(self) -> bool:
        """Whether the cloud may have created a volume."""
        return self.is_uncertain or bool(self.keys)

    @property
    def how_to_delete(self) -> str:
        """What is left behind, and what to do with it."""
        if not self.keys:
            return (
                f"A volume with the name '{self.mark.name}' may have been created. If it exists, "
                'the next run deletes it.'
            )
        commands = ' '.join(f'openstack volume delete {id_}' for id_ in self.keys)
        which = ', '.join(self.keys)
        return (
            f'Scratch volume {which} was not deleted, because its restore has not ended. When its '
            f'status is available, the next run deletes it, or: {commands}'
        )


class ScratchVolumes:
    """Creates and deletes scratch volumes within the time limit of a schedule."""

    def __init__(self, schedule: Schedule) -> None:
        self._cloud = schedule.cloud
        self._patience = schedule.patience

    def create(self, scratch: Scratch, place: Place) -> Volume:
        """Request a new volume from a backup, again if the cloud does not answer.

        :raises RequestError: the cloud refuses it.
        """
        attributes: dict[str, Any] = {
            'name': scratch.mark.name,
            'description': scratch.mark.description,
            'metadata': scratch.mark.properties,
            'volume_type': place.type,
            'availability_zone': place.zone,
        }
        for attempts, pause in enumerate(pauses()):
            scratch.is_uncertain = True
            try:
                volume = self._cloud.create_volume_from(scratch.backup, **attributes)
            except errors.RequestError as error:
                if not error.is_transient:
                    raise
                made = self._find(scratch.mark) if error.leaves_doubt else []
                if made:
                    # The key is not known: the restore may have replaced it already.
                    return made[0]
                self._patience.bear(error, pause)
            else:
                scratch.keys[volume.id] = volume.encryption_key_id
                scratch.is_uncertain = attempts > 0
                return volume
        raise AssertionError('pauses never end')

    def _find(self, mark: Mark) -> list[Volume]:
        return [each for each in self._cloud.list_volumes_named(mark.name) if mark.is_on(each)]

    def remove(self, scratch: Scratch) -> Steps:
        """Delete a scratch volume when its restore has ended, and wait until it is gone.

        :raises BackupError: it could not be deleted, or must not be.
        """
        if scratch.is_uncertain:
            for volume in self._find(scratch.mark):
                scratch.keys.setdefault(volume.id, None)
        for id_, key in scratch.keys.items():
            yield from self._remove(id_, partial(self._object, scratch.mark, key))

    def _object(self, mark: Mark, key: str | None, volume: Volume) -> str | None:
        return find_objection(volume, mark, self._cloud.access.project_id) or find_key_objection(
            volume, key, shows_keys=self._cloud.shows('encryption_key_id')
        )

    def remove_leftover(self, volume: Volume, mark: Mark) -> Steps:
        """Delete a scratch volume of an earlier run.

        :raises BackupError: it could not be deleted, or must not be.
        """
        project = self._cloud.access.project_id
        yield from self._remove(
            volume.id, lambda row: find_leftover_objection(row, mark, project), waits=False
        )

    def _remove(
        self, id_: str, find: Callable[[Volume], str | None], *, waits: bool = True
    ) -> Steps:
        """Read a volume again, delete it if there is no objection, and wait until it is gone."""
        volume = self._cloud.read_volume(id_)
        if waits and volume and volume.status in RUNNING:
            yield from _until_ended(volume)
            volume = self._cloud.read_volume(id_)
        if volume is None:
            return
        if volume.status != 'deleting':
            objection = find(volume)
            if objection:
                raise errors.RefusedError(f'Volume {volume} was not deleted: {objection}.')
            self._send(volume)
        yield until_gone(replace(volume, status='deleting'))

    def _send(self, volume: Volume) -> None:
        """Request a deletion until the cloud accepts it; a repeated one deletes nothing else."""
        try:
            self._patience.ask(lambda: self._cloud.delete_volume(volume))
        except errors.RequestError:
            current = self._cloud.read_volume(volume.id)
            if current and current.status != 'deleting':
                raise


def _until_ended(volume: Volume) -> Steps:
    """Wait until a restore has ended, in success or not."""
    try:
        yield until_restored(volume)
    except errors.EndedBadlyError:
        return


class Leftovers:
    """The scratch volumes of earlier runs that were killed, or of other runs that still work.

    :param warn: called with what was not deleted, and why.
    """

    def __init__(self, schedule: Schedule, run: str, warn: Callable[[str], None]) -> None:
        self._schedule = schedule
        self._run = run
        self._warn = warn
        self._left: list[tuple[Volume, Mark]] = []

    def remove(self) -> None:
        """Delete the leftovers whose owner would have deleted them long ago."""
        try:
            self._left = list(self._list())
        except errors.RequestError as error:
            self._warn(f'Volumes that earlier runs left behind were not deleted. {error}')
            return
        old = [each for each in self._left if self._is_old(each[0])]
        self._left = [each for each in self._left if not self._is_old(each[0])]
        self._delete(old)

    def remove_rest(self) -> None:
        """Delete those whose restore has ended since then, and name the others.

        After the time limit, or Ctrl-C, the next run deletes them.
        """
        with contextlib.suppress(errors.StoppedWaitingError):
            rows = self._read_again()
            if any(volume.status not in RUNNING and not self._is_old(volume) for volume, _ in rows):
                self._schedule.patience.pause(_PAUSE.total_seconds())
                rows = self._read_again()
            self._delete(each for each in rows if self._is_old(each[0]))
            for volume, _ in rows:
                if volume.status in RUNNING:
                    self._warn(_running(volume))

    def _read_again(self) -> list[tuple[Volume, Mark]]:
        found = [(self._schedule.cloud.read_volume(each.id), mark) for each, mark in self._left]
        return [(volume, mark) for volume, mark in found if volume]

    def _list(self) -> Iterator[tuple[Volume, Mark]]:
        for volume in self._schedule.cloud.list_volumes(OWN_PROJECT):
            mark = find_mark(volume)
            if mark and mark.run != self._run and volume.status != 'deleting':
                yield volume, mark

    def _is_old(self, volume: Volume) -> bool:
        if volume.status in RUNNING:
            return False
        return not volume.updated or self._schedule.cloud.time - volume.updated >= _GRACE

    def _delete(self, found: Iterable[tuple[Volume, Mark]]) -> None:
        volumes = ScratchVolumes(self._schedule)
        works = [
            Work(volume.id, f'volume {volume}', volumes.remove_leftover(volume, mark))
            for volume, mark in found
        ]
        for done in self._schedule.run(works, limit=_FEW):
            if done.error:
                self._warn(str(done.error))


def _running(volume: Volume) -> str:
    return (
        f'Volume {volume}, which another run of this command created, was not deleted, because its '
        'restore has not ended. When its status is available, the next run deletes it, or: '
        f'openstack volume delete {volume.id}'
    )
