# SPDX-License-Identifier: Apache-2.0
"""Plan a rotation: what to do with each volume, and why."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from backupext.cloud import Cloud
from backupext.core import labels, retention, rotation
from backupext.core.filters import Scope
from backupext.core.models import Backup, Volume
from backupext.core.quota import Limits
from backupext.core.rotation import Action, Step
from backupext.core.selection import Selection
from backupext.operations.selection import Selected, select

# Clocks of servers differ, and an HTTP date leaves out the fraction of a second.
_SLACK = timedelta(minutes=1)

#: The actions that begin a backup, or continue one.
RUNS = frozenset({Action.BACK_UP, Action.ADOPT})


class Shard(NamedTuple):
    """A part of the volumes: number ``part`` of ``parts``, from 1 on."""

    part: int
    parts: int

    def has(self, volume: Volume) -> bool:
        """Return whether a volume belongs to it."""
        return rotation.in_shard(volume.id, self.part, self.parts)


class Request(NamedTuple):
    """What to rotate and how.

    :param keep: which backups to keep; None means that nothing is deleted.
    :param zone: the time zone of the calendar and of names.
    :param start_within: start no backup later than this after the run began.
    :param properties: further properties of the backups.
    :param concurrency: the number of volumes to work on at once.
    """

    selection: Selection
    scope: Scope
    policy: rotation.Policy
    keep: retention.Policy | None
    zone: tzinfo
    shard: Shard | None
    start_within: timedelta | None
    name_format: str
    description: str | None
    properties: Mapping[str, str]
    concurrency: int


class Plan(NamedTuple):
    """What to do with each volume, and what that is based on.

    :param backups: the backups of the project.
    :param time: the time of the cloud.
    """

    steps: list[Step]
    selected: Selected
    backups: list[Backup]
    limits: Limits
    time: datetime


def plan(cloud: Cloud, request: Request, warn: Callable[[str], None]) -> Plan:
    """Plan a run with three lists: volumes, backups and limits.

    :param warn: called if an excluded volume does not exist.
    :raises RefusedError: nothing is selected, or the user may not see all projects.
    """
    selected = select(cloud, request.selection, request.scope, warn)
    backups = list(cloud.list_backups({}, is_held=True))
    limits = cloud.read_limits()
    shard = request.shard
    volumes = [each for each in selected.volumes if shard is None or shard.has(each)]
    steps = rotation.plan(volumes, backups, request.policy, limits, cloud.time, request.zone)
    return Plan(steps, selected, backups, limits, cloud.time)


def explain_orphans(planned: Plan, request: Request) -> str | None:
    """Return a sentence about backups whose volume is gone; None if there are none."""
    label = request.policy.label
    orphans = rotation.find_orphans(planned.backups, planned.selected.listed, label)
    if not orphans:
        return None
    volumes = sorted({each.volume_id or '' for each in orphans})
    return (
        f"{len(orphans)} backup{'' if len(orphans) == 1 else 's'} of rotation '{label}' "
        f'{"belongs" if len(orphans) == 1 else "belong"} to volumes that are not in the list of '
        f'volumes any more, and are kept: {", ".join(volumes)}. To delete them, use "openstack '
        'volume backup prune --volume <volume>".'
    )


def explain_need(planned: Plan, request: Request) -> Iterator[str]:
    """Yield what the policy needs when it has run for long, and whether the quota is enough."""
    volumes = [each.volume for each in planned.steps]
    need = rotation.steady_state(volumes, request.policy, request.keep, planned.time, request.zone)
    if need is None:
        yield 'Without retention rules, nothing is deleted and the number of backups has no limit.'
        return
    yield (
        f'With one run a day, this rotation will need up to {need.backups} backups and '
        f'{need.gigabytes} GiB of the quota.'
    )
    yield from planned.limits.find_excess(need.backups, need.gigabytes)


class Foreseen(NamedTuple):
    """A step of a dry run: the name of its backup, and how many backups it would delete."""

    step: Step
    backup_name: str | None = None
    deleted: int = 0

    @property
    def kind(self) -> str | None:
        """Full or incremental; None if the step makes no backup."""
        if self.step.action is not Action.BACK_UP:
            return None
        return kind_of(self.step)


def foresee(planned: Plan, request: Request) -> Iterator[Foreseen]:
    """Yield what a run would do with each volume."""
    book = Book(planned)
    for step in planned.steps:
        if step.action not in RUNS:
            yield Foreseen(step)
            continue
        made = replace(step.backup or _imagine(step, planned.time, request), status='available')
        book.enter(made)
        deleted = find_obsolete(book, made, planned.time, request)
        yield Foreseen(step, made.name, len(deleted))
    for missing in planned.selected.missing:
        yield Foreseen(Step(Volume(missing.reference), Action.FAIL, str(missing.error)))


def _imagine(step: Step, now: datetime, request: Request) -> Backup:
    """Return the backup that a step would create."""
    time = now.replace(tzinfo=None).isoformat()
    return Backup(
        '',
        name_of(step, request, now),
        volume_id=step.volume.id,
        size=step.volume.size,
        is_incremental=step.is_incremental,
        created_at=time,
        updated_at=time,
        data_timestamp=time,
        object_count=1,
        metadata=labels.properties(request.policy.label, '', labels.Origin(), parent=step.parent),
    )


def name_of(step: Step, request: Request, now: datetime) -> str:
    """Return the name of the backup that a step creates."""
    return rotation.format_name(
        request.name_format, step.volume, request.policy.label, kind_of(step), now, request.zone
    )


def kind_of(step: Step) -> str:
    """Return the kind of the backup that a step creates."""
    return 'incremental' if step.is_incremental else 'full'


class Book:
    """The project's backups as the cloud showed them last, by volume."""

    def __init__(self, planned: Plan) -> None:
        self._volumes: dict[str | None, dict[str, Backup]] = {}
        self._since = planned.time - _SLACK
        for backup in planned.backups:
            self.enter(backup)

    def enter(self, backup: Backup) -> None:
        """Add a backup, or replace what was known of it."""
        self._volumes.setdefault(backup.volume_id, {})[backup.id] = backup

    def replace(self, volume_id: str, backups: Iterable[Backup]) -> None:
        """Replace what was known of the backups of a volume."""
        self._volumes[volume_id] = {backup.id: backup for backup in backups}

    def of(self, volume_id: str | None) -> list[Backup]:
        """Return the backups of a volume."""
        return list(self._volumes.get(volume_id, {}).values())

    def watch(self, time: datetime) -> Callable[[Backup], bool]:
        """Return how to enter what a poll shows, the newest first.

        The returned function returns whether older backups may be new too: the poll before this one
        has shown all that were created before it.

        :param time: the cloud's time before this poll.
        """
        since, self._since = self._since, time - _SLACK

        def see(backup: Backup) -> bool:
            self.enter(backup)
            return backup.created is not None and backup.created > since

        return see


def find_obsolete(book: Book, made: Backup, now: datetime, request: Request) -> list[Backup]:
    """Return the backups of a volume that may be deleted after a new one is available."""
    decisions = rotation.find_obsolete(
        book.of(made.volume_id), made, request.policy.label, request.keep, now, request.zone
    )
    return [each.backup for each in decisions if each.action is retention.Action.DELETE]
