# SPDX-License-Identifier: Apache-2.0
"""Delete the backups that no rule keeps; read each again before its deletion."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import NamedTuple

from backupext import errors
from backupext.cloud import Cloud
from backupext.core import retention
from backupext.core.filters import Property, Scope
from backupext.core.models import Backup
from backupext.operations import listing
from backupext.operations.delete import Deletion, OnFailure, Way
from backupext.operations.schedule import Schedule


class Request(NamedTuple):
    """What to prune and how.

    ``volumes`` are names or IDs, empty for all volumes. Only backups with all ``properties`` are in
    scope. ``zone`` is the time zone of the calendar, ``concurrency`` the number of deletions to run
    at once.
    """

    scope: Scope
    volumes: Sequence[str]
    properties: tuple[Property, ...]
    policy: retention.Policy
    zone: tzinfo
    concurrency: int


def decide(cloud: Cloud, request: Request) -> list[retention.Decision]:
    """Decide for every backup in scope; nothing is changed.

    :raises RefusedError: a backup to keep by its ID does not exist in scope, or the user may not
        see the requested projects.
    """
    backups = listing.list_in_volumes(cloud, request.scope, request.volumes, _refuse)
    missing = request.policy.ids - {backup.id for backup in backups}
    if missing:
        raise errors.RefusedError(
            f'Nothing was deleted: no backup in scope has the ID {" or ".join(sorted(missing))}, '
            'given with --keep-id. Check the ID, the volume and the project.'
        )
    return retention.plan(
        backups,
        request.policy,
        cloud.time,
        request.zone,
        lambda backup: all(each.is_in(backup.metadata) for each in request.properties),
    )


def explain_pins(decisions: Iterable[retention.Decision]) -> Iterator[str]:
    """Yield which failed backups prevent the deletion of others, and what to do."""
    for failed, kept in retention.find_pins(decisions):
        names = ', '.join(str(backup) for backup in failed)
        count = '1 backup' if len(kept) == 1 else f'{len(kept)} backups'
        them = 'it' if len(kept) == 1 else 'them'
        noun, which = ('backup', 'one') if len(failed) == 1 else ('backups', 'ones')
        yield (
            f'{count} not kept by any rule cannot be deleted, because failed {noun} {names} may '
            f'build on {them}. Delete the failed {which} first, or use --delete-failed.'
        )


def _refuse(_warning: str) -> None:
    """Treat the scope warning as an error, because prune deletes."""
    raise errors.RefusedError('Only an administrator can prune the backups of all projects.')


def execute(
    schedule: Schedule, decisions: Sequence[retention.Decision], request: Request, fail: OnFailure
) -> None:
    """Delete as planned, each backup before its possible parents.

    A chain stops at its first failure. A backup that has changed since the plan is kept.
    """
    doomed = [each.backup for each in decisions if each.action is retention.Action.DELETE]
    way = Way(
        wait=True,
        stops_at_failure=True,
        limit=request.concurrency,
        check=lambda backup: _check_again(schedule.cloud, backup, request.policy),
    )
    Deletion(schedule.cloud, schedule, fail, way).run(doomed)


def _check_again(cloud: Cloud, planned: Backup, policy: retention.Policy) -> Backup | None:
    """Read a backup again, and return it; None if it does not exist any more.

    :raises RefusedError: it has changed since the plan.
    """
    current = cloud.read_backup(planned.id)
    if current is None or current.status == 'deleting':
        return current
    if current.status != planned.status:
        raise errors.RefusedError(f'Backup {current} was kept: its status is now {current.status}.')
    if current.metadata != planned.metadata:
        raise errors.RefusedError(f'Backup {current} was kept: its properties have changed.')
    if any(each.is_in(current.metadata) for each in policy.protect):
        raise errors.RefusedError(f'Backup {current} was kept: it is protected now.')
    return current
