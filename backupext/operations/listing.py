# SPDX-License-Identifier: Apache-2.0
"""Listing backups by criteria, in the projects that the user may see."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

from backupext import errors
from backupext.cloud import Cloud
from backupext.core.filters import OWN_PROJECT, Scope
from backupext.core.models import Backup, is_id

_BAD_REQUEST = 400
_ONLY_AN_ADMINISTRATOR = "Only an administrator can list another project's backups."


class Criteria(NamedTuple):
    """What a list is narrowed to, as the user gave it; names are not looked up yet.

    ``page_size`` is rows a request, ``most`` rows in all.
    """

    scope: Scope = OWN_PROJECT
    name: str | None = None
    status: str | None = None
    volume: str | None = None
    marker: str | None = None
    page_size: int | None = None
    most: int | None = None


def backups(cloud: Cloud, criteria: Criteria, warn: Callable[[str], None]) -> Iterator[Backup]:
    """List backups, newest first.

    :param warn: told where the cloud does not let the user see beyond the own project.
    :raises NotFoundError: no volume has that name; the ID of a deleted volume is fine.
    :raises RefusedError: the cloud does not let the user see the project asked for.
    """
    query = _query(cloud, criteria)
    found = cloud.backups(query, page_size=criteria.page_size, most=criteria.most)
    if criteria.scope == OWN_PROJECT:
        return found
    with _filter_refused(cloud, criteria.scope):
        return _as_far_as_seen(cloud, criteria.scope, found, warn)


def find(cloud: Cloud, reference: str, scope: Scope) -> Backup:
    """Find a backup by ID or name in a scope.

    :raises NotFoundError: there is none, or not for this user.
    :raises AmbiguousError: several have that name.
    """
    try:
        with _filter_refused(cloud, scope):
            return cloud.find_backup(reference, scope)
    except errors.NotFoundError as error:
        if scope == OWN_PROJECT or cloud.is_admin:
            raise
        raise errors.NotFoundError(
            f'{error} Only an administrator can look into other projects.'
        ) from error


def _query(cloud: Cloud, criteria: Criteria) -> dict[str, str]:
    query = dict(criteria.scope.query)
    if criteria.name is not None:
        query['name'] = criteria.name.strip()  # as Cinder does when it stores one
    if criteria.status is not None:
        query['status'] = criteria.status
    if criteria.volume is not None:
        query['volume_id'] = _volume_id(cloud, criteria)
    if criteria.marker is not None:
        query['marker'] = _marker(cloud, criteria)
    return query


def _volume_id(cloud: Cloud, criteria: Criteria) -> str:
    """Take an ID at its word: Cinder keeps the backups of a deleted volume under it."""
    volume = criteria.volume or ''
    if is_id(volume):
        return volume
    scope = criteria.scope if cloud.is_admin else OWN_PROJECT
    try:
        return cloud.find_volume(volume, scope).id
    except errors.NotFoundError as error:
        raise errors.NotFoundError(
            f'{error} To list the backups of a deleted volume give its ID.'
        ) from error


def _marker(cloud: Cloud, criteria: Criteria) -> str:
    marker = criteria.marker or ''
    return marker if is_id(marker) else cloud.find_backup(marker, criteria.scope).id


@contextlib.contextmanager
def _filter_refused(cloud: Cloud, scope: Scope) -> Iterator[None]:
    """Say what it means that Cinder refuses to filter by project, as it does for a member."""
    try:
        yield
    except errors.RequestError as error:
        if error.status != _BAD_REQUEST or cloud.is_admin or not scope.project_id:
            raise
        raise errors.RefusedError(_ONLY_AN_ADMINISTRATOR) from error


def _as_far_as_seen(
    cloud: Cloud, scope: Scope, found: Iterator[Backup], warn: Callable[[str], None]
) -> Iterator[Backup]:
    """Notice that Cinder ignored ``all_tenants``, as it does, in silence, for a member.

    Whoever may look beyond the own project is shown whose backups they are (from 3.18 on).
    """
    first = next(found, None)
    if first is None:
        seen = cloud.is_admin
    elif cloud.shows('project_id'):
        seen = first.project_id is not None
    else:
        seen = cloud.is_admin
    if not seen and scope.project_id:
        raise errors.RefusedError(_ONLY_AN_ADMINISTRATOR)
    if not seen:
        warn(
            'Only an administrator can list the backups of all projects; '
            "these are your own project's."
        )
    return itertools.chain([] if first is None else [first], found)
