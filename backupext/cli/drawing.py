# SPDX-License-Identifier: Apache-2.0
"""Chains as a person reads them, on a terminal of 80 columns."""

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from backupext.cli.columns import VolumeNames
from backupext.core.text import visible

if TYPE_CHECKING:
    from backupext.core.tree import Node


def lines(nodes: Sequence['Node'], names: VolumeNames) -> Iterator[str]:
    """Write a heading for each volume, and under it a line for each backup.

    A line has the kind, the time of creation, the size in GiB, the name (or the ID), and the status
    where it is not available. A question mark says that the parent is not certain.
    """
    from backupext.core import tree  # noqa: PLC0415  # every openstack run imports this module

    for _, group in itertools.groupby(nodes, lambda node: (node.backup.project_id, _volume(node))):
        members = list(group)
        yield _heading(members, names)
        for line in tree.draw(members):
            yield f'{line.guide}{_describe(line.node)}'
        yield ''


def _volume(node: 'Node') -> str:
    return node.backup.volume_id or ''


def _heading(nodes: Sequence['Node'], names: VolumeNames) -> str:
    volume = _volume(nodes[0])
    name = visible(names.get(volume))
    title = f'{name} ({volume})' if name != volume else volume
    count = len(nodes)
    return f'Volume {title}: {count} backup{"" if count == 1 else "s"}'


def _describe(node: 'Node') -> str:
    backup = node.backup
    kind = 'incremental' if backup.is_incremental else 'full'
    created = (backup.created_at or '')[:16].replace('T', ' ')
    name = visible(backup.name or backup.id)
    words = [kind, created, f'{backup.size} GiB', name]
    if backup.status != 'available':
        words.append(f'[{backup.status}]')
    if node.parent is None and backup.is_incremental:
        words.append('(its parent is not here)')
    elif not node.is_certain:
        words.append('(?)')
    return ' '.join(words)
