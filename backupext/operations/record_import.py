# SPDX-License-Identifier: Apache-2.0
"""Import the records of backups: one from the command line, or those of files."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from backupext import errors, local, resource
from backupext.cloud import Cloud
from backupext.core import chains, importing, records
from backupext.core.causes import Cause
from backupext.core.importing import Action, Decision
from backupext.core.models import Backup
from backupext.core.records import Document, Record
from backupext.core.text import visible
from backupext.operations.schedule import Schedule, Work
from backupext.operations.wait import Row, Steps, until_available, until_gone

OnFailure = Callable[[errors.BackupError], None]

# If one import fails like this, all do.
_HOPELESS = frozenset({Cause.NOT_ALLOWED, Cause.NO_BACKUP_SERVICE})


def import_record(cloud: Cloud, service: str, url: str) -> resource.Backup:
    """Import a record: Cinder accepts it, and reads it later.

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


def wait_for_import(imported: resource.Backup) -> Steps:
    """Return steps that wait until an imported backup is available; their result is its row."""
    return (yield until_available(Backup(imported.id, imported.name, 'creating')))


# From files


def read_documents(paths: Iterable[Path]) -> list[Document]:
    """Read the files of an import, and check that each is whole and as it was written.

    :raises RefusedError: one is not.
    """
    return [_read_document(path) for path in dict.fromkeys(paths)]


def _read_document(path: Path) -> Document:
    name, text = visible(str(path)), local.read(path)
    if text is None:
        raise _refused(f"there is no file '{name}'")
    try:
        return records.parse(text)
    except records.InvalidDocumentError as error:
        raise _refused(f"'{name}' cannot be used: {error}") from error


def _refused(why: str) -> errors.RefusedError:
    return errors.RefusedError(f'Nothing was imported: {why}.')


class Plan(NamedTuple):
    """What an import will do.

    :param shortage: why the quota does not allow it, as a clause.
    :param orphans: records whose parent is neither in a file nor in the cloud.
    """

    decisions: list[Decision]
    shortage: str | None
    orphans: list[Record]


def plan(cloud: Cloud, documents: Iterable[Document]) -> Plan:
    """Decide for each record of some documents, parents first; nothing is changed.

    :raises RefusedError: the documents contradict each other.
    """
    try:
        merged = records.merge(documents)
    except records.InvalidDocumentError as error:
        raise _refused(f'the files cannot be used together: {error}') from error
    rows = chains.by_id(cloud.list_backups({}))
    decisions = importing.decide(merged, rows)
    new = [each for each in decisions if each.action in {Action.IMPORT, Action.REPLACE}]
    shortage = importing.find_shortage(new, cloud.read_limits()) if new else None
    return Plan(decisions, shortage, records.find_orphans(merged, rows))


def check_quota(planned: Plan) -> None:
    """Refuse a plan that the quota does not allow, before the first import.

    :raises RefusedError: the quota does not allow it.
    """
    if planned.shortage:
        raise _refused(f'{planned.shortage}. Ask for a larger quota')


class Import:
    """Imports records: each when its parent is available.

    :param fail: called with each failure; records that do not need it are imported nevertheless.
    :param wait: wait until all are available, and not only those that others build on.
    :param properties: set on each backup that was imported, besides its own.
    """

    def __init__(
        self,
        schedule: Schedule,
        fail: OnFailure,
        *,
        wait: bool = False,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self._schedule = schedule
        self._cloud = schedule.cloud
        self._fail = fail
        self._wait = wait
        self._properties = properties or {}
        self._awaited: set[str] = set()

    def run(self, decisions: Sequence[Decision]) -> None:
        """Import what is to be imported.

        :raises RequestError: no record can be imported at all.
        :raises StoppedWaitingError: the time limit has passed, or Ctrl-C.
        """
        for each in decisions:
            if each.action is Action.REFUSE:
                self._fail(_refusal(each))
        work = {each.record.id: each for each in decisions if each.is_work}
        parents = {id_: each.record.parent_id for id_, each in work.items()}
        after = {id_: [parent] for id_, parent in parents.items() if parent in work}
        self._awaited = {parent for parent, *_ in after.values()}
        works = [Work(id_, str(each.record), self._steps(each)) for id_, each in work.items()]
        with contextlib.closing(self._schedule.run(works, after, stops_at_failure=True)) as run:
            for done in run:
                if isinstance(done.error, errors.RequestError) and done.error.cause in _HOPELESS:
                    raise done.error
                if done.error:
                    self._fail(done.error)
                elif done.is_left_out:
                    self._fail(_left_out(work[done.key].record))

    def _steps(self, decision: Decision) -> Steps:
        """Import one record, and wait for it if somebody needs that."""
        record = decision.record
        if decision.action is Action.REPLACE:
            yield from self._remove_failed(record)
        if decision.action is not Action.WAIT:
            self._request(record)
        if not (self._wait or self._properties or record.id in self._awaited):
            return
        row = yield until_available(Backup(record.id, record.name, 'creating', record.volume_id))
        self._set_properties(row)

    def _remove_failed(self, record: Record) -> Steps:
        """Delete the row of an import that failed, after another look at it."""
        row = self._cloud.read_backup(record.id)
        if row is None:
            return
        if not importing.is_failed_import(row) or importing.may_hold_data(row):
            raise errors.RefusedError(
                f'Backup {record} was not imported: the cloud has it now, in status {row.status}.'
            )
        if row.status != 'deleting':
            self._delete(row)
        yield until_gone(replace(row, name=record.name, status='deleting'))

    def _delete(self, row: Backup) -> None:
        try:
            self._schedule.patience.ask(lambda: self._cloud.delete_backup(row))
        except errors.RequestError:
            current = self._cloud.read_backup(row.id)
            if current is not None and current.status != 'deleting':
                raise

    def _request(self, record: Record) -> None:
        """Request an import; a record that is imported already, or by somebody else, is fine.

        A lost answer looks the same: the repeated request finds the backup of the first one.
        """
        service, url = record.backup_service, record.backup_url
        try:
            self._schedule.patience.ask(lambda: self._cloud.import_record(service, url))
        except errors.RequestError as error:
            row = self._cloud.read_backup(record.id)
            if row is None or row.status not in {'creating', 'available'}:
                raise _with_name(record, error, row) from error
            if row.project_id and self._cloud.access.may_be_foreign(row):
                raise errors.RefusedError(
                    f'Backup {record} was not imported: another project of this cloud has it, '
                    f'{row.project_id}.'
                ) from error

    def _set_properties(self, row: Row) -> None:
        if isinstance(row, Backup) and self._properties:
            metadata = {**(row.metadata or {}), **self._properties}
            self._schedule.patience.ask(lambda: self._cloud.update_backup(row, metadata=metadata))


def _with_name(
    record: Record, error: errors.RequestError, row: Backup | None
) -> errors.RequestError:
    """Name the backup in the failure of a request that names only a record."""
    advice = error.advice
    if row is not None:
        advice = f'The cloud has it in status {row.status}.'
    return errors.RequestError(
        f'Backup {record} was not imported. {error.sentence}',
        error.cause,
        advice=advice,
        status=error.status,
    )


def _refusal(decision: Decision) -> errors.RefusedError:
    record, row = decision.record, decision.row
    if row is not None and importing.is_failed_import(row):
        return errors.RefusedError(
            f'Backup {record} was not imported: an earlier import failed, and to delete its row '
            'would delete the data. Ask the operator of the cloud to mark the row as deleted in '
            'the database.'
        )
    return errors.RefusedError(f'Backup {record} was not imported: it {decision.reason}.')


def _left_out(record: Record) -> errors.RefusedError:
    return errors.RefusedError(
        f'Backup {record} was not imported: it builds on {record.parent_id}, which could not be '
        'imported.'
    )
