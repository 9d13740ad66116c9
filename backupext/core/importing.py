# SPDX-License-Identifier: Apache-2.0
"""What an import does with each record, judged by what the cloud has already."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from backupext.core.models import Backup
from backupext.core.quota import Limits
from backupext.core.records import Record

#: The volume of a backup whose import has not finished, or has failed.
NO_VOLUME = '00000000-0000-0000-0000-000000000000'


class Action(Enum):
    """What to do with a record."""

    IMPORT = 'import'
    #: Delete the row of an import that failed, and import the record again.
    REPLACE = 'replace'
    #: Somebody is importing it already.
    WAIT = 'wait'
    #: The cloud has the backup.
    SKIP = 'skip'
    REFUSE = 'refuse'


class Decision(NamedTuple):
    """What to do with a record, and why.

    :param row: what the cloud has with this ID.
    """

    record: Record
    action: Action
    reason: str
    row: Backup | None = None

    @property
    def is_work(self) -> bool:
        """Whether there is something to request or to wait for."""
        return self.action in {Action.IMPORT, Action.REPLACE, Action.WAIT}


def decide(records: Iterable[Record], rows: Mapping[str, Backup]) -> list[Decision]:
    """Decide for each record, in their order.

    :param rows: the backups of the project, by ID.
    """
    return [_decide(record, rows.get(record.id)) for record in records]


def _decide(record: Record, row: Backup | None) -> Decision:
    if row is None:
        return Decision(record, Action.IMPORT, 'not in the cloud')
    if row.volume_id == NO_VOLUME and row.status == 'creating':
        return Decision(record, Action.WAIT, 'another import of it is running', row)
    if is_failed_import(row):
        if may_hold_data(row):
            return Decision(record, Action.REFUSE, 'failed import that has data', row)
        return Decision(record, Action.REPLACE, 'an earlier import failed', row)
    status = row.status or 'unknown'
    is_usable = not status.startswith('error') and status != 'deleting'
    return Decision(
        record, Action.SKIP if is_usable else Action.REFUSE, f'exists in status {status}', row
    )


def is_failed_import(row: Backup) -> bool:
    """Return whether a backup is only the trace of an import that failed.

    Cinder refuses another import of the same record until it is deleted.
    """
    return row.volume_id == NO_VOLUME and row.status in {'error', 'deleting'}


def may_hold_data(row: Backup) -> bool:
    """Return whether deleting the row of a failed import may delete data from the storage.

    As a rule such a row does not know where the data is. But if the cloud had the backup before and
    deleted it, Cinder uses the old row again, which does.
    """
    return row.container is not None or bool(row.object_count)


def find_shortage(decisions: Iterable[Decision], limits: Limits) -> str | None:
    """Return why the quota does not allow an import, as a clause; None if it does.

    Cinder counts a failed import with its size, and deleting the row gives back the number only.
    """
    known = list(decisions)
    new = [each.record for each in known if each.action is Action.IMPORT]
    again = [each.record for each in known if each.action is Action.REPLACE]
    if not new and not again:
        return None
    return limits.find_shortage(len(new), sum(each.size for each in (*new, *again)))
