# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with the backups of volumes, how bad it is, and what to do about it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from backupext.core import labels
from backupext.core.filters import Property
from backupext.core.models import Backup


class Severity(Enum):
    """How bad a finding is; the value is the exit status of a monitoring plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


#: A problem that is known is worse than something that cannot be known.
_RISING = (Severity.OK, Severity.WARNING, Severity.UNKNOWN, Severity.CRITICAL)


class Kind(NamedTuple):
    """A kind of finding.

    :param meaning: a sentence for the documentation.
    :param summary: what a summary says, with fields such as ``{count}``.
    :param advice: a sentence that says what to do.
    """

    name: str
    severity: Severity
    meaning: str
    summary: str
    advice: str


LATE = Kind(
    'late',
    Severity.CRITICAL,
    'The volume has no restorable backup whose data is younger than --max-age. A volume that is '
    'younger itself is new, which is not a finding.',
    '{count} of {total} {have} no backup in {max_age}',
    'Find out why the backup job created none: look at its log and its exit status.',
)
UNRESTORABLE = Kind(
    'unrestorable',
    Severity.CRITICAL,
    'The newest available backup cannot be restored: a backup that it builds on is missing or is '
    'not available.',
    '{count} cannot be restored',
    'Make a full backup of the volume now.',
)
STUCK = Kind(
    'stuck',
    Severity.CRITICAL,
    'A volume or a snapshot is in status backing-up, but no backup of it is in progress.',
    '{count} stuck',
    'Ask an administrator to set its status back. Until then it cannot be backed up.',
)
MISSING = Kind(
    'missing',
    Severity.UNKNOWN,
    'A volume that the command line names was not found.',
    '{count} not found',
    'Correct the name in the check, or remove it.',
)
UNWRITTEN = Kind(
    'unwritten',
    Severity.UNKNOWN,
    'The metrics file could not be written.',
    'the metrics file was not written',
    'Check its folder and the permissions of the user that runs the check.',
)
AGING = Kind(
    'aging',
    Severity.WARNING,
    'The data of the newest restorable backup is older than --warn-age.',
    '{count} older than {warn_age}',
    'Check the backup job before the limit is reached.',
)
FAILED = Kind(
    'failed',
    Severity.WARNING,
    'A backup, or its deletion, failed after the newest restorable backup was created.',
    '{count} failed',
    'Remove the cause, and then delete the failed backup.',
)
SLOW = Kind(
    'slow',
    Severity.WARNING,
    'A backup has been in status creating, deleting or restoring for longer than --max-running.',
    '{count} running for too long',
    'Ask the operator of the cloud whether the backup service is running.',
)
CHAIN = Kind(
    'chain',
    Severity.WARNING,
    'The newest restorable backup and what it builds on are more backups than --max-chain.',
    '{count} with too long a chain',
    'Make a full backup of the volume.',
)
QUOTA = Kind(
    'quota',
    Severity.WARNING,
    'Another backup of each selected volume would exceed the quota of the project.',
    'the next round exceeds the quota',
    'Delete backups that you no longer need, or ask for a larger quota.',
)
LEFTOVER = Kind(
    'leftover',
    Severity.WARNING,
    'A temporary copy that Cinder created for a backup still exists, but the backup is not in '
    'progress. The copy uses space, and a snapshot prevents the deletion of its volume.',
    '{count} left over',
    'Make sure that nothing uses it, and delete it.',
)
FUTURE = Kind(
    'future',
    Severity.WARNING,
    'The data of a backup has a time in the future, so its age is not known.',
    '{count} in the future',
    'Ask the operator of the cloud to compare the clocks of its hosts.',
)

#: All kinds of findings, in the order of the summary.
KINDS = (
    *(LATE, UNRESTORABLE, STUCK, MISSING, UNWRITTEN),
    *(AGING, FAILED, SLOW, CHAIN, QUOTA, LEFTOVER, FUTURE),
)


class Policy(NamedTuple):
    """What is expected of the backups.

    Only backups with the label, or with all the properties, count; without both, every backup.
    A limit that is None is not checked.
    """

    max_age: timedelta
    warn_age: timedelta | None = None
    max_running: timedelta | None = None
    max_chain: int | None = None
    label: str | None = None
    properties: tuple[Property, ...] = ()

    @property
    def is_selective(self) -> bool:
        """Whether only some backups count."""
        return self.label is not None or bool(self.properties)

    def counts(self, backup: Backup) -> bool:
        """Return whether a backup has the label or the properties."""
        if self.label is not None and labels.label_of(backup) != self.label:
            return False
        return all(each.is_in(backup.metadata) for each in self.properties)


def time_of(backup: Backup) -> datetime | None:
    """Return the time of a backup's data; a backup has none before it is being made."""
    return backup.data_time or backup.created


class Finding(NamedTuple):
    """Something that is wrong.

    :param sentence: what is wrong with what, without the advice.
    :param brief: the age for a summary, such as ``3d`` or ``never``.
    """

    kind: Kind
    sentence: str
    brief: str = ''

    def __str__(self) -> str:
        """Say what is wrong, and what to do."""
        return f'{self.sentence} {self.kind.advice}'


class Health(NamedTuple):
    """A selected volume and its findings, or something else that has a finding.

    :param id: None if there is no such thing, as for a volume that was not found.
    :param newest: the newest restorable backup that counts.
    :param age: how old its data is; negative if its time is in the future.
    :param is_restorable: whether the newest available backup can be restored; None if there is
        none.
    :param chain: the largest possible number of backups that the newest one consists of.
    :param statuses: how many backups that count are in each status.
    :param is_new: the volume has no restorable backup yet, but is younger than the limit.
    """

    id: str | None
    name: str | None
    project_id: str | None = None
    findings: tuple[Finding, ...] = ()
    newest: Backup | None = None
    age: timedelta | None = None
    is_restorable: bool | None = None
    chain: int = 0
    statuses: Mapping[str, int] = {}
    is_new: bool = False

    @property
    def severity(self) -> Severity:
        """The severity of the worst finding."""
        return worst(self.findings)

    @property
    def state(self) -> str:
        """The severity in lower case, or ``new``."""
        is_new = self.is_new and self.severity is Severity.OK
        return 'new' if is_new else self.severity.name.lower()

    @property
    def kinds(self) -> list[str]:
        """The names of the findings' kinds."""
        return [each.kind.name for each in self.findings]

    @property
    def sentences(self) -> list[str]:
        """What is wrong, and what to do."""
        return [str(each) for each in self.findings]

    @property
    def newest_id(self) -> str | None:
        """The ID of the newest restorable backup."""
        return self.newest.id if self.newest else None

    @property
    def newest_time(self) -> datetime | None:
        """The time of the data of the newest restorable backup, aware, in UTC."""
        return time_of(self.newest) if self.newest else None

    @property
    def newest_at(self) -> str | None:
        """The time of the data of the newest restorable backup, as the API writes it."""
        return self.newest.data_timestamp if self.newest else None


class Report(NamedTuple):
    """The result of a check.

    :param volumes: the selected volumes, the worst first.
    :param others: what else has a finding.
    """

    volumes: Sequence[Health]
    others: Sequence[Health]
    policy: Policy
    now: datetime

    @property
    def rows(self) -> Sequence[Health]:
        """The volumes and what else has a finding."""
        return [*self.volumes, *self.others]

    @property
    def findings(self) -> Sequence[Finding]:
        """All findings, the worst first."""
        found = [finding for each in self.rows for finding in each.findings]
        return sorted(found, key=lambda each: rank(each.kind.severity), reverse=True)

    @property
    def severity(self) -> Severity:
        """The severity of the worst finding."""
        return worst(self.findings)

    @property
    def concerned(self) -> Mapping[Kind, Sequence[Health]]:
        """What has a finding, by its kind, for every kind; a summary counts these."""
        found: dict[Kind, list[Health]] = {kind: [] for kind in KINDS}
        for each in self.rows:
            for kind in {one.kind for one in each.findings}:
                found[kind].append(each)
        return found

    def with_unwritten(self, reason: str) -> 'Report':
        """Return the report of a check whose metrics file could not be written."""
        finding = Finding(UNWRITTEN, reason)
        return self._replace(others=[*self.others, Health(None, None, findings=(finding,))])


def rank(severity: Severity) -> int:
    """Return a number that is larger for what is worse."""
    return _RISING.index(severity)


def worst(findings: Iterable[Finding]) -> Severity:
    """Return the severity of the worst finding."""
    return max((each.kind.severity for each in findings), key=rank, default=Severity.OK)
