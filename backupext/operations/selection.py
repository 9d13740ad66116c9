# SPDX-License-Identifier: Apache-2.0
"""Find the volumes that a command works on, with one list."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from backupext import errors, parallel
from backupext.cloud import Cloud
from backupext.core.filters import Scope
from backupext.core.models import Volume, is_id
from backupext.core.selection import Selection, find_called, is_called
from backupext.core.text import visible


class Missing(NamedTuple):
    """A volume that was named but not found, and why."""

    reference: str
    error: errors.BackupError


class Selected(NamedTuple):
    """The volumes that were selected.

    :param missing: one volume that is not found does not prevent the work on the others.
    :param listed: every volume in scope, selected or not.
    :param servers: the IDs of the servers that were given.
    :param server_names: the names of the servers that were given by name, by ID.
    """

    volumes: list[Volume]
    missing: list[Missing]
    listed: Sequence[Volume]
    servers: tuple[str, ...]
    server_names: Mapping[str, str]


def select(
    cloud: Cloud, selection: Selection, scope: Scope, warn: Callable[[str], None]
) -> Selected:
    """Find the selected volumes, with one list of volumes.

    A server is looked up only if it is given by name; its ID needs no Compute service.

    :param warn: called if an excluded volume does not exist.
    :raises NotFoundError: no server has a name.
    :raises RefusedError: nothing is selected, or the user may not see all projects.
    """
    servers = _find_servers(cloud, selection.servers, scope)
    volumes = _list(cloud, scope)
    _check_exclusions(selection, volumes, warn)
    named, missing = _find_named(cloud, selection.volumes, volumes)
    known = {each.id: each for each in (*volumes, *named)}
    precise = selection._replace(volumes=tuple(each.id for each in named), servers=tuple(servers))
    found = [each for each in known.values() if precise.takes(each)]
    if not found and not missing:
        raise errors.RefusedError('No volume is selected.')
    names = {id_: name for id_, name in servers.items() if name}
    return Selected(found, missing, volumes, tuple(servers), names)


def _find_servers(cloud: Cloud, references: Sequence[str], scope: Scope) -> dict[str, str | None]:
    """Return the names of servers by ID; None for one that was given by ID."""
    names = [each for each in dict.fromkeys(references) if not is_id(each)]
    ids = parallel.answers(lambda name: cloud.find_server(name, scope), names)
    by_name = dict(zip(names, ids, strict=True))
    return {by_name.get(each, each): each if each in by_name else None for each in references}


def _list(cloud: Cloud, scope: Scope) -> list[Volume]:
    volumes = list(cloud.list_volumes(scope))
    own = cloud.access.project_id
    sees_all = cloud.access.is_admin or any(each.project_id not in {None, own} for each in volumes)
    if scope.all_projects and not sees_all:
        raise errors.RefusedError('Only an administrator can list the volumes of all projects.')
    return volumes


def _check_exclusions(
    selection: Selection, volumes: Sequence[Volume], warn: Callable[[str], None]
) -> None:
    for reference in selection.excluded:
        if not any(is_called(each, reference) for each in volumes):
            warn(f"No volume has the excluded name or ID '{visible(reference)}'.")


def _find_named(
    cloud: Cloud, references: Sequence[str], volumes: Sequence[Volume]
) -> tuple[list[Volume], list[Missing]]:
    found: list[Volume] = []
    missing: list[Missing] = []
    for reference in dict.fromkeys(references):
        called = find_called(reference, volumes)
        try:
            # What a list lacks is looked up: it may be new, or in another project. If several
            # volumes have the name, the message lists them.
            found.append(called[0] if len(called) == 1 else cloud.find_volume(reference))
        except errors.StoppedWaitingError:
            raise
        except errors.BackupError as error:
            missing.append(Missing(reference, error))
    return found, missing
