# SPDX-License-Identifier: Apache-2.0
"""Chains of backups, drawn as a tree that fits a terminal of 80 columns."""

import itertools
from collections.abc import Iterator, Sequence
from enum import Enum

from backupext.cli.columns import VolumeNames
from backupext.core.text import visible
from backupext.core.tree import Node


def lines(nodes: Sequence[Node], names: VolumeNames) -> Iterator[str]:
    """Yield a heading for each volume, and below it a line for each backup.

    A line has a guide, the kind, the time of creation, the size in GiB, the name (or the ID), and
    the status if it is not available. A question mark means that the parent is not certain.
    """
    for _, group in itertools.groupby(nodes, lambda node: (node.backup.project_id, _volume(node))):
        members = list(group)
        yield _heading(members, names)
        for guide, node in guides(members):
            yield f'{guide}{_describe(node)}'
        yield ''


def guides(nodes: Sequence[Node]) -> Iterator[tuple[str, Node]]:
    """Yield each backup with its guide: the lines that connect it to its parent.

    A chain is drawn straight down one column, however long it is: each backup depends on the one
    above it in this column. If several backups depend on the same parent, the last one continues
    the column, and each of the others starts a branch, with its own column, below the parent.
    """
    ids = {node.backup.id for node in nodes}
    children: dict[str | None, list[Node]] = {}
    for node in nodes:
        children.setdefault(node.parent if node.parent in ids else None, []).append(node)
    ahead = [(node, '', _Place.ROOT) for node in reversed(children.get(None, ()))]
    while ahead:
        node, columns, place = ahead.pop()
        below = children.get(node.backup.id, [])
        yield f'{columns}{place.value[bool(below)]} ', node
        if place is _Place.BRANCH:
            columns += '│ '
        ahead += [(child, columns, _Place.NEXT) for child in below[-1:]]
        ahead += [(child, columns, _Place.BRANCH) for child in reversed(below[:-1])]


def encodable(line: str, encoding: str | None) -> str:
    """Return a line with ASCII guides and escaped names where the encoding lacks the characters."""
    if not encoding:
        return line
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        plain = line.translate(_PLAIN_GUIDES)
        return plain.encode(encoding, 'backslashreplace').decode(encoding)
    return line


_PLAIN_GUIDES = str.maketrans('┌├└┬─│', ',|`+-|')


class _Place(Enum):
    """The position of a backup, and its guide without children and with children."""

    ROOT = (' ', '┌')
    NEXT = ('└', '├')
    BRANCH = ('├──', '├─┬')


def _volume(node: Node) -> str:
    return node.backup.volume_id or ''


def _heading(nodes: Sequence[Node], names: VolumeNames) -> str:
    volume = _volume(nodes[0])
    name = visible(names.get(volume))
    title = f'{name} ({volume})' if name != volume else volume
    count = len(nodes)
    return f'Volume {title}: {count} backup{"" if count == 1 else "s"}'


def _describe(node: Node) -> str:
    backup = node.backup
    kind = 'incremental' if backup.is_incremental else 'full'
    created = (backup.created_at or '')[:16].replace('T', ' ')
    name = visible(backup.name or backup.id)
    words = [kind, created, f'{backup.size} GiB', name]
    if backup.status != 'available':
        words.append(f'[{backup.status}]')
    if node.parent is None and backup.is_incremental:
        words.append('(parent missing)')
    elif not node.is_certain:
        words.append('(?)')
    return ' '.join(words)
