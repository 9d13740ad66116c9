# SPDX-License-Identifier: Apache-2.0
"""Counting the backups in a scope."""

from collections.abc import Callable, Mapping

from backupext.cloud import Cloud
from backupext.core.filters import Criteria, Scope
from backupext.core.summary import Line, summarize
from backupext.operations import listing


def count_backups(
    cloud: Cloud, scope: Scope, warn: Callable[[str], None]
) -> tuple[list[Line], Mapping[str, str | None]]:
    """Count backups by volume, status and kind; give the names of the scope's volumes too.

    :param warn: told where the cloud does not let the user see beyond the own project.
    :raises RefusedError: the cloud does not let the user see the project asked for.
    """
    found = listing.list_backups(cloud, Criteria(scope=scope), listing.References(), warn)
    names: dict[str, str | None] = {}
    for page in cloud.list_volume_names(scope):
        names.update(page)
    return summarize(found.backups, names), names
