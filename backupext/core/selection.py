# SPDX-License-Identifier: Apache-2.0
"""Which volumes a command works on: named ones, those of servers, those with a property, or all."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from backupext.core.filters import Property
from backupext.core.models import Volume
from backupext.core.scratch import find_mark

# Cinder's names for the copies that it makes for a moment to back up a volume in use.
_TEMPORARY = re.compile(r'backup-vol-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


class Selection(NamedTuple):
    """What selects volumes. The selectors add up; then the exclusions are removed.

    :param volumes: names or IDs.
    :param servers: names or IDs of servers, whose attached volumes are selected.
    :param properties: a volume with at least one of them is selected.
    :param excluded: names or IDs; a name excludes every volume that has it.
    :param excluded_properties: a volume with at least one of them is excluded.
    """

    volumes: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    properties: tuple[Property, ...] = ()
    all_volumes: bool = False
    excluded: tuple[str, ...] = ()
    excluded_properties: tuple[Property, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing selects a volume."""
        return not (self.volumes or self.servers or self.properties or self.all_volumes)

    def takes(self, volume: Volume) -> bool:
        """Return whether a volume is selected, where volumes and servers are given as IDs."""
        return self._selects(volume) and not self._excludes(volume)

    def _selects(self, volume: Volume) -> bool:
        if volume.id in self.volumes:
            return True
        if is_temporary(volume):
            return False
        return (
            self.all_volumes
            or any(each.server_id in self.servers for each in volume.attachments)
            or any(each.is_in(volume.metadata) for each in self.properties)
        )

    def _excludes(self, volume: Volume) -> bool:
        return any(is_called(volume, each) for each in self.excluded) or any(
            each.is_in(volume.metadata) for each in self.excluded_properties
        )


def is_temporary(volume: Volume) -> bool:
    """Return whether a volume is a copy that Cinder or ``verify`` made for a moment.

    Clouds that are older than microversion 3.65 show Cinder's copies only by the name.
    """
    return (
        volume.consumes_quota is False
        or bool(_TEMPORARY.fullmatch(volume.name or ''))
        or find_mark(volume) is not None
    )


def is_called(volume: Volume, reference: str) -> bool:
    """Return whether a volume has a name or an ID. Cinder strips names when it stores them."""
    return reference == volume.id or reference.strip() == volume.name


def find_called(reference: str, volumes: Iterable[Volume]) -> list[Volume]:
    """Return the volume that has an ID, or else those that have a name."""
    called = [each for each in volumes if is_called(each, reference)]
    return [each for each in called if each.id == reference] or called
