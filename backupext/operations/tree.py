# SPDX-License-Identifier: Apache-2.0
"""Read the chains of volumes."""

from collections.abc import Callable, Sequence

from backupext import errors, parallel
from backupext.cloud import Cloud
from backupext.core import tree
from backupext.core.filters import Scope
from backupext.core.models import Backup
from backupext.operations import listing


def read_chains(
    cloud: Cloud,
    scope: Scope,
    volumes: Sequence[str],
    warn: Callable[[str], None],
    *,
    exact: bool = False,
) -> list[tree.Node]:
    """Return every backup of some volumes, or of all, with its parent.

    :param volumes: names or IDs, also IDs of deleted volumes; empty for all volumes.
    :param exact: ask Cinder for the parents instead of inferring them (administrators only).
    :raises RefusedError: ``exact`` is only for administrators.
    """
    if exact and not cloud.access.is_admin:
        raise errors.RefusedError(
            'Only an administrator can use --exact. Without it, the parents are inferred.'
        )
    backups = listing.list_in_volumes(cloud, scope, volumes, warn)
    if not exact:
        return tree.infer(backups)
    asked = _possible_parents(backups)
    answers = parallel.answers(cloud.list_dependents, asked)
    parents = {
        child.id: parent.id
        for parent, children in zip(asked, answers, strict=True)
        for child in children
    }
    return tree.connect(backups, parents)


def _possible_parents(backups: Sequence[Backup]) -> list[Backup]:
    """Return the backups of volumes that have incremental backups: only they have children."""
    with_incrementals = {backup.volume_id for backup in backups if backup.is_incremental}
    return [backup for backup in backups if backup.volume_id in with_incrementals]
