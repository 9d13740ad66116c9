# SPDX-License-Identifier: Apache-2.0
"""Count the backups in a scope."""

from collections.abc import Callable, Mapping

from backupext.cloud import Cloud
from backupext.core.filters import Criteria, Scope
from backupext.core.summary import Line, summarize
from backupext.operations import listing


def count_backups(
    cloud: Cloud, scope: Scope, warn: Callable[[str], None]
) -> tuple[list[Line], Mapping[str, str | None]]:
    """Count backups by volume, status and kind; return the names of the volumes in scope too.

    :param warn: called if the user may not see the backups of all projects.
    :raises RefusedError: the user may not see the requested project.
    """
    found = listing.list_backups(cloud, Criteria(scope=scope), listing.References(), warn)
    names: dict[str, str | None] = {}
    for page in cloud.list_volume_names(scope):
        names.update(page)
    return summarize(found.backups, names), names
