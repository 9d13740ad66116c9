# SPDX-License-Identifier: Apache-2.0
"""Check the backups of volumes: one list of volumes, one of backups and one of snapshots."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

from backupext import errors, local
from backupext.cloud import Cloud
from backupext.core import health, metrics
from backupext.core.filters import Criteria, Scope
from backupext.core.findings import Policy, Report
from backupext.core.selection import Selection
from backupext.operations import listing, selection
from backupext.operations.selection import Selected

#: Everybody may read metrics: node_exporter runs as another user.
_METRICS_MODE = 0o644


class Request(NamedTuple):
    """What to check: which volumes, what is expected of them, and whether the quota is read."""

    selection: Selection
    scope: Scope
    policy: Policy
    checks_quota: bool = False


def examine(cloud: Cloud, request: Request, warn: Callable[[str], None]) -> Report:
    """Read what the cloud shows, and compare it with what is expected.

    The volumes are read first: a backup that ends in between explains the status of its volume.

    :param warn: called if an excluded volume does not exist.
    :raises BackupError: nothing is selected, or the cloud does not show everything.
    """
    selected = selection.select(cloud, request.selection, request.scope, warn)
    criteria = Criteria(scope=request.scope, volume_id=_only_volume(request.selection, selected))
    backups = listing.list_backups(cloud, criteria, listing.References(), _refuse).backups
    seen = health.Seen(
        volumes=selected.volumes,
        listed=selected.listed,
        is_complete=request.selection.all_volumes,
        missing=[(each.reference, str(each.error)) for each in selected.missing],
        backups=list(backups),
        snapshots=list(cloud.list_snapshots(criteria.query)),
        limits=cloud.read_limits() if request.checks_quota else None,
        now=cloud.time,
    )
    return health.examine(seen, request.policy)


def _only_volume(wanted: Selection, selected: Selected) -> str | None:
    """Return the ID of the volume if one is selected, and not all: the cloud can filter by it."""
    is_one = len(selected.volumes) == 1 and not wanted.all_volumes
    return selected.volumes[0].id if is_one else None


def _refuse(sentence: str) -> NoReturn:
    """Treat it as an error that the user may not see all projects: backups would be missing."""
    raise errors.RefusedError(sentence)


def write_metrics(cloud: Cloud, report: Report, path: Path) -> Report:
    """Write the metrics file whole; if that fails, return the report with a finding."""
    try:
        text = metrics.render(report, cloud.access.project_id)
        local.write_whole(path, text, mode=_METRICS_MODE)
    except errors.RefusedError as error:
        return report.with_unwritten(str(error))
    return report
