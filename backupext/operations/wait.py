# SPDX-License-Identifier: Apache-2.0
"""What a command waits for: a backup or a volume, and its goal."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from backupext.cloud import Cloud
from backupext.core.goals import BACKUP_GOALS, GONE, RESTORED, Goal
from backupext.core.models import Backup, Volume
from backupext.core.text import one_sentence

#: A backup or a volume as the cloud shows it; None if it does not exist any more.
Row = Backup | Volume | None


@dataclass(frozen=True)
class Target:
    """A backup or a volume as it was read last, and its goal."""

    subject: Backup | Volume
    goal: Goal

    @property
    def id(self) -> str:
        """The ID of the backup or volume."""
        return self.subject.id

    @property
    def noun(self) -> str:
        """The word for it: backup or volume."""
        return 'backup' if isinstance(self.subject, Backup) else 'volume'

    def __str__(self) -> str:
        """Name it in a sentence."""
        return f'{self.noun} {self.subject}'

    @property
    def how_to_look(self) -> str:
        """Its name, with the command that shows its status."""
        noun = 'volume backup' if self.noun == 'backup' else 'volume'
        return f'{self} (to check: openstack {noun} show {self.id})'


#: The steps of a work: a generator that sends requests, and yields what it waits for. It is sent
#: the row that has reached the goal. If the goal cannot be reached, the error is raised in it.
Steps = Generator[Target, Row, Any]


def until_available(backup: Backup) -> Target:
    """Return the target: a backup is available."""
    return Target(backup, BACKUP_GOALS['available'])


def until_restored(volume: Volume) -> Target:
    """Return the target: a volume is restored."""
    return Target(volume, RESTORED)


def until_gone(subject: Backup | Volume) -> Target:
    """Return the target: a backup or a volume is deleted."""
    return Target(subject, GONE)


def until(backup: Backup, status: str | None) -> Target:
    """Return the target: a backup has a status, or is deleted (None)."""
    return until_gone(backup) if status is None else Target(backup, BACKUP_GOALS[status])


def only(target: Target) -> Steps:
    """Return steps that only wait; their result is the row that has reached the goal."""
    return (yield target)


def why_missed(cloud: Cloud, target: Target, row: Row) -> str:
    """Return why a goal cannot be reached: the status and what the server says about it."""
    title = f'{target.noun.capitalize()} {target.subject}'
    if row is None:
        return f'{title} no longer exists.'
    reason = row.fail_reason if isinstance(row, Backup) else None
    message = cloud.read_user_message(row.id)
    if reason and message and reason.rstrip('.') in message:
        reason = None
    words = '; '.join(one_sentence(each) for each in (reason, message) if each)
    said = f' (the server said: {words})' if words else ''
    return f'{title} is in status {row.status}{said}.'
