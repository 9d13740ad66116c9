# SPDX-License-Identifier: Apache-2.0
"""Chains as trees: what each backup builds on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from backupext.core import chains
from backupext.core.models import Backup


class Node(NamedTuple):
    """A backup and what it builds on.

    ``parent`` is None for a full, and where no parent is left; ``is_certain`` says whether there is
    doubt about it.
    """

    backup: Backup
    parent: str | None
    is_certain: bool


def infer(backups: Iterable[Backup]) -> list[Node]:
    """Find the likeliest parent of each backup by Cinder's rule, oldest first in each volume.

    :param backups: all of each volume's backups.
    """
    volumes: dict[tuple[str, str], list[Backup]] = {}
    for backup in backups:
        volumes.setdefault((backup.project_id or '', backup.volume_id or ''), []).append(backup)
    return [
        node for key in sorted(volumes) for node in _infer_one(chains.creation_order(volumes[key]))
    ]


def _infer_one(backups: Sequence[Backup]) -> Iterable[Node]:
    before: set[str] = set()
    for backup in backups:
        parents = [each.id for each in chains.possible_parents(backup, backups)]
        # Of two that were created at the same moment each may build on the other; a tree needs an
        # order, and takes the one that its rows have.
        likeliest = next((id_ for id_ in parents if id_ in before), None)
        certain = not backup.is_incremental or parents == [likeliest]
        yield Node(backup, likeliest, certain)
        before.add(backup.id)


def exact(backups: Iterable[Backup], parents: Mapping[str, str]) -> list[Node]:
    """Put the parents that Cinder has in the place of inferred ones.

    :param parents: the parent's ID by the child's.
    """
    return [
        Node(each.backup, parents.get(each.backup.id), is_certain=True) for each in infer(backups)
    ]
