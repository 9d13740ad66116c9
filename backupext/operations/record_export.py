# SPDX-License-Identifier: Apache-2.0
"""Export the records of backups to a file."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from backupext import errors, local, parallel
from backupext.cloud import Cloud
from backupext.core import chains, records
from backupext.core.causes import Cause
from backupext.core.filters import OWN_PROJECT, Property
from backupext.core.models import Backup
from backupext.core.records import Document, Record
from backupext.core.text import visible
from backupext.operations import listing
from backupext.operations.patience import Patience

_NOT_WRITTEN = 'Nothing was written.'

OnFailure = Callable[[errors.BackupError], None]


class Request(NamedTuple):
    """Which records to export: those of named backups, of some volumes, or of the project.

    :param backups: names or IDs; empty for the backups of ``volumes``.
    :param volumes: names or IDs; empty for all volumes.
    :param properties: only backups that have all of them.
    :param chain: export all that the backups build on, too.
    """

    backups: Sequence[str] = ()
    volumes: Sequence[str] = ()
    properties: tuple[Property, ...] = ()
    chain: bool = False


class Summary(NamedTuple):
    """What a file contains after an export, and what was done to it."""

    file: str
    records: int
    exported: int
    kept: int
    removed: int


class Output(NamedTuple):
    """The file to write to, and what it contains.

    :param old: what to update; None to begin with nothing.
    """

    path: Path
    old: Document | None = None

    @property
    def records(self) -> Mapping[str, Record]:
        """The records in the file, by the ID of the backup."""
        return {each.id: each for each in self.old.records} if self.old else {}


class _Selected(NamedTuple):
    """Backups to export, and others that they may build on."""

    backups: list[Backup]
    known: Mapping[str, Backup]


def open_output(cloud: Cloud, path: Path, *, update: bool) -> Output:
    """Find the file to write to, and with ``update`` read what it contains.

    :param path: a file, or a folder, where the file is named after the project.
    :raises RefusedError: the file cannot be written, is damaged, or has the records of another
        project.
    """
    if path.is_dir():
        path /= cloud.source.file_name
    if path.is_symlink():
        path = path.resolve()
    local.check_writable(path)
    text = local.read(path) if update else None
    return Output(path, None if text is None else _check_old(cloud, path, text))


def _check_old(cloud: Cloud, path: Path, text: str) -> Document:
    name = visible(str(path))
    try:
        old = records.parse(text)
    except records.InvalidDocumentError as error:
        raise errors.RefusedError(
            f"Cannot update '{name}': {error}. Export to another file, or without --update."
        ) from error
    if not old.source.is_same_project(cloud.source):
        raise errors.RefusedError(
            f"Cannot update '{name}': it has the records of {old.source}, and you are logged in "
            f'to {cloud.source}. Use a file for each project.'
        )
    return old


class Export:
    """Exports records.

    :param fail: called with each failure; the others are exported nevertheless.
    :param warn: called with what does not prevent the export.
    """

    def __init__(
        self, cloud: Cloud, patience: Patience, fail: OnFailure, warn: Callable[[str], None]
    ) -> None:
        self._cloud = cloud
        self._patience = patience
        self._fail = fail
        self._warn = warn

    def run(self, request: Request, output: Output) -> Summary | None:
        """Export, and write the file; return None if there is nothing to write.

        :raises RefusedError: none of the backups in the file exists any more, or the file cannot
            be written; it is as it was before.
        :raises StoppedWaitingError: the time limit has passed, or Ctrl-C; nothing was written.
        """
        try:
            return self._run(request, output)
        except errors.StoppedWaitingError as error:
            raise error.with_more(advice=_NOT_WRITTEN) from error
        except KeyboardInterrupt as error:
            raise errors.InterruptedByUserError('Interrupted', advice=_NOT_WRITTEN) from error

    def _run(self, request: Request, output: Output) -> Summary | None:
        kept = self._keep(output)
        selected = self._select(request)
        exported = self._export(self._outdated(selected.backups, kept))
        if request.chain:
            exported |= self._export_ancestors(selected, exported, kept)
        document = Document(
            self._cloud.source,
            f'{self._cloud.time:%Y-%m-%dT%H:%M:%SZ}',
            tuple(records.parents_first({**kept, **exported}.values())),
        )
        if not document.records:
            return None
        self._explain_orphans(document.records)
        local.write_whole(output.path, records.render(document))
        return Summary(
            str(output.path),
            records=len(document.records),
            exported=len(exported),
            kept=len(kept.keys() - exported.keys()),
            removed=len(output.records) - len(kept),
        )

    @functools.cached_property
    def _own(self) -> list[Backup]:
        """The backups of the project, which are listed only once."""
        return list(self._cloud.list_backups({}))

    # What the file has

    def _keep(self, output: Output) -> dict[str, Record]:
        """Return the records of the file without those whose backup is deleted."""
        old = output.records
        if not old:
            return {}
        listed = {backup.id for backup in self._own}
        kept = {id_: each for id_, each in old.items() if id_ in listed or self._exists(id_)}
        if not kept:
            raise errors.RefusedError(
                f"No backup whose record is in '{visible(str(output.path))}' exists any more. The "
                'file was not changed, because its records are needed if Block Storage has lost '
                'its database. To begin with an empty file, use another path.'
            )
        return kept

    def _exists(self, id_: str) -> bool:
        """Read a backup that a list does not have: a list may miss one."""
        return self._cloud.read_backup(id_) is not None

    # What to export

    def _select(self, request: Request) -> _Selected:
        if not request.backups:
            found = self._of_volumes(request.volumes) if request.volumes else self._own
            wanted = [each for each in found if _has(each, request.properties)]
            return _Selected(self._without_unavailable(wanted), chains.by_id(found))
        named = listing.find_many(self._cloud, request.backups, self._fail)
        wanted = [each for each in named if self._is_exportable(each)]
        return _Selected(wanted, self._siblings(wanted) if request.chain else {})

    def _siblings(self, backups: Iterable[Backup]) -> Mapping[str, Backup]:
        """List the backups of the volumes of some backups: a parent is of the same volume."""
        volumes = list(dict.fromkeys(each.volume_id for each in backups if each.volume_id))
        return chains.by_id(self._of_volumes(volumes) if volumes else ())

    def _of_volumes(self, volumes: Sequence[str]) -> list[Backup]:
        return listing.list_in_volumes(self._cloud, OWN_PROJECT, volumes, self._warn)

    def _is_exportable(self, backup: Backup) -> bool:
        """Report a named backup that cannot be exported."""
        why = None
        if backup.status != 'available':
            why = f'its status is {backup.status}, and only an available backup can be exported'
        elif backup.project_id and self._cloud.access.may_be_foreign(backup):
            why = (
                f'it belongs to another project, {backup.project_id}. Log in to that project to '
                'export it'
            )
        if why:
            self._fail(errors.RefusedError(f'Backup {backup} was not exported: {why}.'))
        return not why

    def _without_unavailable(self, backups: Iterable[Backup]) -> list[Backup]:
        known = list(backups)
        others = [each for each in known if each.status != 'available']
        if others:
            names = ', '.join(f'{each}, {each.status}' for each in others)
            self._warn(f'Only available backups can be exported. These were not: {names}.')
        return [each for each in known if each.status == 'available']

    @staticmethod
    def _outdated(backups: Iterable[Backup], kept: Mapping[str, Record]) -> list[Backup]:
        """Return the backups whose record is missing or has another name or other properties."""
        return [
            each for each in backups if each.id not in kept or not kept[each.id].is_current(each)
        ]

    # Requests

    def _export(self, backups: Sequence[Backup]) -> dict[str, Record]:
        """Export backups, several at once: Cinder answers when its backup service has."""
        exported: dict[str, Record] = {}
        first, others = backups[:1], backups[1:]
        for batch in (first, others):
            for backup, ended in parallel.run(self._cloud.read_record, batch):
                try:
                    exported[backup.id] = ended.result()
                except errors.RequestError as error:
                    # If the first one is not allowed, none is.
                    if batch is first and error.cause is Cause.NOT_ALLOWED:
                        raise
                    self._fail(error)
        return exported

    def _export_ancestors(
        self, selected: _Selected, exported: Mapping[str, Record], kept: Mapping[str, Record]
    ) -> dict[str, Record]:
        """Export what the selected backups build on: a record names the parent."""
        tried = {each.id for each in selected.backups}
        ancestors: dict[str, Record] = {}
        ahead = [each.id for each in selected.backups]
        while ahead:
            have = {**kept, **exported, **ancestors}
            parents = dict.fromkeys(have[id_].parent_id for id_ in ahead if id_ in have)
            new = [selected.known[id_] for id_ in parents if id_ in selected.known.keys() - tried]
            tried.update(each.id for each in new)
            exportable = [each for each in new if self._is_exportable(each)]
            ancestors |= self._export(self._outdated(exportable, kept))
            ahead = [each.id for each in new]
        return ancestors

    def _explain_orphans(self, written: Iterable[Record]) -> None:
        orphans = records.find_orphans(written)
        if orphans:
            names = ', '.join(str(each) for each in orphans)
            self._warn(
                f'The file does not have all that these backups build on: {names}. Without it, '
                'they cannot be restored on most storage. To export it too, use --chain.'
            )


def _has(backup: Backup, properties: Iterable[Property]) -> bool:
    return all(each.is_in(backup.metadata) for each in properties)
