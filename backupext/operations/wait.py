# SPDX-License-Identifier: Apache-2.0
"""What a command waits for: a backup or a volume, and where it is to get."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from backupext.cloud import Cloud
from backupext.core.goals import BACKUP_GOALS, GONE, RESTORED, Goal
from backupext.core.models import Backup, Volume
from backupext.core.text import one_sentence

#: What the cloud shows of a backup or a volume; None where it is gone.
Row = Backup | Volume | None


@dataclass(frozen=True)
class Target:
    """A backup or a volume as it was seen last, and its goal."""

    subject: Backup | Volume
    goal: Goal

    @property
    def id(self) -> str:
        """The ID of the backup or volume."""
        return self.subject.id

    @property
    def noun(self) -> str:
        """What it is."""
        return 'backup' if isinstance(self.subject, Backup) else 'volume'

    def __str__(self) -> str:
        """Name it in a sentence."""
        return f'{self.noun} {self.subject}'

    @property
    def how_to_look(self) -> str:
        """Name it with the command that shows how it stands."""
        noun = 'volume backup' if self.noun == 'backup' else 'volume'
        return f'{self} (see: openstack {noun} show {self.id})'


#: The steps of a work: it sends requests, yields what has to happen in the cloud before it can go
#: on, and is sent how the cloud shows that then. What cannot happen any more is raised in it.
Steps = Generator[Target, Row, Any]


def until_available(backup: Backup) -> Target:
    """Wait for a backup to be made."""
    return Target(backup, BACKUP_GOALS['available'])


def until_restored(volume: Volume) -> Target:
    """Wait for a volume to have its data."""
    return Target(volume, RESTORED)


def until_gone(backup: Backup) -> Target:
    """Wait for a backup to be deleted."""
    return Target(backup, GONE)


def until(backup: Backup, status: str | None) -> Target:
    """Wait for a status, or until a backup is gone (None)."""
    return until_gone(backup) if status is None else Target(backup, BACKUP_GOALS[status])


def only(target: Target) -> Steps:
    """Do nothing but wait; give how the cloud shows it then."""
    return (yield target)


def why_missed(cloud: Cloud, target: Target, row: Row) -> str:
    """Say how a wait failed: in what status, the service's reason, and its message to the user."""
    title = f'{target.noun.capitalize()} {target.subject}'
    if row is None:
        return f'{title} has vanished.'
    reason = row.fail_reason if isinstance(row, Backup) else None
    message = cloud.read_user_message(row.id)
    if reason and message and reason.rstrip('.') in message:
        reason = None
    told = '; '.join(one_sentence(each) for each in (reason, message) if each)
    return f'{title} is in status {row.status}{": " if told else ""}{told}.'
