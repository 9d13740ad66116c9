# SPDX-License-Identifier: Apache-2.0
"""Chains as trees: each backup with its parent."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from backupext.core import chains
from backupext.core.models import Backup


class Node(NamedTuple):
    """A backup and its parent.

    ``parent`` is the parent's ID. It is None for a full backup, and if no possible parent exists.
    ``is_certain`` says whether it is certainly the parent.
    """

    backup: Backup
    parent: str | None
    is_certain: bool


def infer(backups: Iterable[Backup]) -> list[Node]:
    """Return each backup with its likeliest parent by Cinder's rule, the oldest first per volume.

    :param backups: all backups of each volume.
    """
    graph = chains.Graph(backups)
    return [node for key in sorted(graph.groups) for node in _nodes(graph.groups[key], graph)]


def _nodes(group: Iterable[Backup], graph: chains.Graph) -> Iterator[Node]:
    before: set[str] = set()
    for backup in group:
        parents = [each.id for each in graph.parents(backup)]
        # Of two backups created at the same moment each may build on the other. A tree needs an
        # order, so only an earlier row can be the parent.
        likeliest = next((id_ for id_ in parents if id_ in before), None)
        certain = graph.is_certain(backup) and (likeliest is not None or not parents)
        yield Node(backup, likeliest, certain)
        before.add(backup.id)


def connect(backups: Iterable[Backup], parents: Mapping[str, str]) -> list[Node]:
    """Return each backup with its known parent, in the order of :func:`infer`.

    :param parents: the parent's ID by the child's.
    """
    rows = list(backups)
    graph = chains.Graph(rows, {row.id: parents.get(row.id) for row in rows})
    return [
        Node(backup, parents.get(backup.id), is_certain=True)
        for key in sorted(graph.groups)
        for backup in graph.groups[key]
    ]
