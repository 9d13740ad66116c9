# SPDX-License-Identifier: Apache-2.0
"""List and find backups in the projects that the user may see."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from backupext import errors, parallel
from backupext.cloud import Cloud
from backupext.core.filters import OWN_PROJECT, Criteria, Scope, select
from backupext.core.models import Backup, is_id

_BAD_REQUEST = 400
# With this many references or more, one list needs fewer requests than finding each.
_MANY = 4
_ONLY_AN_ADMINISTRATOR = "Only an administrator can list another project's backups."


class References(NamedTuple):
    """Filters of a list that are given by name or ID."""

    volume: str | None = None
    snapshot: str | None = None
    marker: str | None = None


class Listing(NamedTuple):
    """Backups in the order of the list, and whether the user sees their projects."""

    backups: Iterator[Backup]
    shows_owners: bool


def list_backups(
    cloud: Cloud,
    criteria: Criteria,
    references: References,
    warn: Callable[[str], None],
    *,
    is_held: bool = False,
) -> Listing:
    """List backups, the newest first unless the criteria sort.

    :param warn: called if the user may not see the backups of all projects.
    :param is_held: see :meth:`backupext.cloud.Cloud.list_backups`.
    :raises NotFoundError: no volume has that name; the ID of a deleted volume is accepted.
    :raises RefusedError: the user may not see the requested project.
    """
    criteria = _resolve(cloud, criteria, references)
    rows = cloud.list_backups(
        criteria.query,
        page_size=criteria.page_limit,
        most=_stop_after(criteria),
        is_held=is_held,
    )
    with _filter_refused(cloud, criteria.scope):
        first = next(rows, None)
    rows = itertools.chain([] if first is None else [first], rows)
    seen = _shows_owners(cloud, first)
    _check_scope(criteria.scope, warn, seen=seen)
    return Listing(select(rows, criteria), seen)


def resolve_scope(cloud: Cloud, project: str | None, *, all_projects: bool) -> Scope:
    """Return the scope for ``--project`` and ``--all-projects``.

    The project of the token, and an ID, need no look-up.

    :raises NotFoundError: no project has that name.
    :raises RefusedError: the user is not an administrator, and this cloud would ignore the option.
    """
    if not project:
        return Scope(all_projects=all_projects)
    if not cloud.access.is_admin:
        if cloud.access.is_own(project):
            return OWN_PROJECT
        if not cloud.shows('project_id'):
            raise errors.RefusedError(_ONLY_AN_ADMINISTRATOR)
    return Scope(project_id=cloud.find_project(project))


def list_in_volumes(
    cloud: Cloud, scope: Scope, volumes: Sequence[str], warn: Callable[[str], None]
) -> list[Backup]:
    """Read all backups of some volumes, with a list for each at once, or of all volumes.

    :param volumes: names or IDs, also IDs of deleted volumes; empty for all volumes.
    """

    def read(references: References) -> list[Backup]:
        found = list_backups(cloud, Criteria(scope=scope), references, warn, is_held=True)
        return list(found.backups)

    references = [References(volume) for volume in volumes] or [References()]
    lists = parallel.answers(read, references)
    if len(lists) == 1:
        return lists[0]
    return list({backup.id: backup for backups in lists for backup in backups}.values())


def find_many(
    cloud: Cloud, references: Sequence[str], fail: Callable[[errors.BackupError], None]
) -> list[Backup]:
    """Find backups by name or ID, each only once: a few by a request each, many in one list.

    :param fail: called with the error for each reference that is not found.
    """
    known = _Known(cloud.list_backups({}) if len(references) >= _MANY else ())
    unknown = [each for each in dict.fromkeys(references) if known.get(each) is None]
    looked_up = dict(parallel.run(cloud.find_backup, unknown))
    found = {}
    for reference in references:
        try:
            backup = known.get(reference) or looked_up[reference].result()
        except errors.StoppedWaitingError:
            raise
        except errors.BackupError as error:
            fail(error)
        else:
            found[backup.id] = backup
    return list(found.values())


class _Known:
    """The backups of a list, by ID and by name."""

    def __init__(self, backups: Iterable[Backup]) -> None:
        self._ids: dict[str, Backup] = {}
        self._names: dict[str, list[Backup]] = {}
        for backup in backups:
            self._ids[backup.id] = backup
            self._names.setdefault(backup.name or '', []).append(backup)

    def get(self, reference: str) -> Backup | None:
        if reference in self._ids:
            return self._ids[reference]
        named = self._names.get(reference.strip(), [])
        # A name that looks like an ID may be the ID of another project's backup.
        return named[0] if len(named) == 1 and not is_id(reference) else None


def find(cloud: Cloud, reference: str, scope: Scope) -> Backup:
    """Find a backup by ID or name in a scope.

    :raises NotFoundError: no backup that the user may see has the name or ID.
    :raises AmbiguousError: several have that name.
    """
    try:
        with _filter_refused(cloud, scope):
            return cloud.find_backup(reference, scope)
    except errors.NotFoundError as error:
        if scope == OWN_PROJECT or cloud.access.is_admin:
            raise
        raise errors.NotFoundError(
            f'{error} Only an administrator can find backups of other projects.'
        ) from error


def _stop_after(criteria: Criteria) -> int | None:
    """Return how many rows to read; None means all, because the plugin filters or sorts."""
    if criteria.is_filtered_by_server and criteria.is_sorted_by_server:
        return criteria.most
    return 0 if criteria.most == 0 else None


def _resolve(cloud: Cloud, criteria: Criteria, references: References) -> Criteria:
    """Replace references by IDs; an ID is used without a look-up."""
    if references.volume is not None:
        criteria = replace(criteria, volume_id=_volume_id(cloud, references.volume, criteria.scope))
    if references.snapshot is not None:
        criteria = _with_snapshot(cloud, criteria, references.snapshot)
    if references.marker is not None:
        criteria = replace(criteria, marker=_marker(cloud, references.marker, criteria.scope))
    return criteria


def _volume_id(cloud: Cloud, volume: str, scope: Scope) -> str:
    """Return a volume's ID; an ID is not looked up, since it may be that of a deleted volume."""
    if is_id(volume):
        return volume
    try:
        return cloud.find_volume(volume, scope if cloud.access.is_admin else OWN_PROJECT).id
    except errors.NotFoundError as error:
        raise errors.NotFoundError(f'{error} If the volume was deleted, use its ID.') from error


def _with_snapshot(cloud: Cloud, criteria: Criteria, reference: str) -> Criteria:
    """Filter by snapshot, and by its volume too if the snapshot still exists."""
    try:
        snapshot = cloud.find_snapshot(reference)
    except errors.NotFoundError:
        if not is_id(reference):
            raise
        return replace(criteria, snapshot_id=reference)
    volume_id = criteria.volume_id or snapshot.volume_id
    return replace(criteria, snapshot_id=snapshot.id, volume_id=volume_id)


def _marker(cloud: Cloud, marker: str, scope: Scope) -> str:
    return marker if is_id(marker) else cloud.find_backup(marker, scope).id


@contextlib.contextmanager
def _filter_refused(cloud: Cloud, scope: Scope) -> Iterator[None]:
    """Explain a refused filter by project, which only administrators may use."""
    try:
        yield
    except errors.RequestError as error:
        if error.status != _BAD_REQUEST or cloud.access.is_admin or not scope.project_id:
            raise
        raise errors.RefusedError(_ONLY_AN_ADMINISTRATOR) from error


def _shows_owners(cloud: Cloud, first: Backup | None) -> bool:
    """Return whether the user may see other projects.

    From 3.18 on, Cinder shows the project of a backup only to users who may. Otherwise only the
    role is known.
    """
    if first is None or not cloud.shows('project_id'):
        return cloud.access.is_admin
    return first.project_id is not None


def _check_scope(scope: Scope, warn: Callable[[str], None], *, seen: bool) -> None:
    """Warn or refuse if Cinder ignored ``all_tenants``, which it does silently for members."""
    if scope == OWN_PROJECT or seen:
        return
    if scope.project_id:
        raise errors.RefusedError(_ONLY_AN_ADMINISTRATOR)
    warn('Only an administrator can list the backups of all projects. Showing only your project.')
