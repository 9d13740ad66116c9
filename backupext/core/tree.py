# SPDX-License-Identifier: Apache-2.0
"""Chains as trees: what each backup builds on."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from backupext.core import chains
from backupext.core.models import Backup


class Node(NamedTuple):
    """A backup and what it builds on.

    ``parent`` is None for a full backup, and where no parent is left; ``is_certain`` is false where
    there is doubt about it.
    """

    backup: Backup
    parent: str | None
    is_certain: bool


def infer(backups: Iterable[Backup]) -> list[Node]:
    """Find the likeliest parent of each backup by Cinder's rule, oldest first in each volume.

    :param backups: all of each volume's backups.
    """
    graph = chains.Graph(backups)
    return [node for key in sorted(graph.groups) for node in _nodes(graph.groups[key], graph)]


def _nodes(group: Iterable[Backup], graph: chains.Graph) -> Iterator[Node]:
    before: set[str] = set()
    for backup in group:
        parents = [each.id for each in graph.parents(backup)]
        # Of two that were created at the same moment each may build on the other; a tree needs an
        # order, and takes the one that its rows have.
        likeliest = next((id_ for id_ in parents if id_ in before), None)
        certain = graph.is_certain(backup) and (likeliest is not None or not parents)
        yield Node(backup, likeliest, certain)
        before.add(backup.id)


def connect(backups: Iterable[Backup], parents: Mapping[str, str]) -> list[Node]:
    """Give each backup the parent that Cinder has, in the order of :func:`infer`.

    :param parents: the parent's ID by the child's.
    """
    rows = list(backups)
    graph = chains.Graph(rows, {row.id: parents.get(row.id) for row in rows})
    return [
        Node(backup, parents.get(backup.id), is_certain=True)
        for key in sorted(graph.groups)
        for backup in graph.groups[key]
    ]
