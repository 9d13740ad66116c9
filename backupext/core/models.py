# SPDX-License-Identifier: Apache-2.0
"""Backups, volumes and snapshots: light rows built from the API's JSON."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any, NamedTuple

from backupext.core.text import visible

_ID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', re.IGNORECASE)

_PROJECT_ID_KEY = 'os-backup-project-attr:project_id'


def is_id(reference: str) -> bool:
    """Return whether a reference looks like an ID of Block Storage: a UUID with dashes.

    Only such a reference may become part of a path. A name can look the same.
    """
    return _ID.fullmatch(reference) is not None


@functools.lru_cache(maxsize=1 << 17)
def parse_time(text: str) -> datetime:
    """Parse a time of the API, which is naive UTC, as an aware one.

    :raises ValueError: the text is not an ISO 8601 time.
    """
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup as the API shows it; a field is None if the microversion or the role hides it.

    ``size`` is in GiB. Times are text as the API writes them (naive UTC), to be printed unchanged.
    To compare them, use :attr:`created` and :attr:`data_time`.
    """

    id: str
    name: str | None = None
    status: str | None = None
    volume_id: str | None = None
    size: int | None = None
    description: str | None = None
    is_incremental: bool | None = None
    has_dependent_backups: bool | None = None
    created_at: str | None = None
    updated_at: str | None = None
    data_timestamp: str | None = None
    availability_zone: str | None = None
    container: str | None = None
    snapshot_id: str | None = None
    object_count: int | None = None
    fail_reason: str | None = None
    metadata: dict[str, str] | None = None
    project_id: str | None = None
    user_id: str | None = None
    encryption_key_id: str | None = None

    @classmethod
    def from_api(cls, row: Mapping[str, Any], texts: dict[str, str] | None = None) -> 'Backup':
        """Build a row from one entry of ``/backups/detail`` or ``/backups``.

        :param texts: keeps one copy of texts that several rows have, such as the volume's ID. With
            it, rows that are held as a list need a third less memory.
        """
        known = {name: row[name] for name in _PLAIN_FIELDS if name in row}
        project: str | None = row.get(_PROJECT_ID_KEY)
        if texts is not None:
            for name in _REPEATED_FIELDS:
                text = known.get(name)
                if text:
                    known[name] = texts.setdefault(text, text)
            project = texts.setdefault(project, project) if project else None
        return cls(**known, project_id=project)

    @property
    def created(self) -> datetime | None:
        """When Block Storage accepted the request, aware, in UTC."""
        return parse_time(self.created_at) if self.created_at else None

    @property
    def data_time(self) -> datetime | None:
        """The time of the data, aware, in UTC: when the backup or its snapshot was created."""
        return parse_time(self.data_timestamp) if self.data_timestamp else None

    @property
    def updated(self) -> datetime | None:
        """When Block Storage last changed the backup, aware, in UTC."""
        return parse_time(self.updated_at) if self.updated_at else None

    def __str__(self) -> str:
        """Name a backup in a sentence, by name and ID."""
        return _in_a_sentence(self)


_PLAIN_FIELDS = tuple(field.name for field in fields(Backup) if field.name != 'project_id')
_REPEATED_FIELDS = (
    *('status', 'volume_id', 'availability_zone', 'user_id'),
    # Often the same as the time of creation.
    *('created_at', 'updated_at', 'data_timestamp'),
)


class Attachment(NamedTuple):
    """A volume's attachment to a server, and its device there, such as ``/dev/vdb``."""

    server_id: str | None = None
    device: str | None = None

    @classmethod
    def from_api(cls, row: Mapping[str, Any]) -> 'Attachment':
        """Build an attachment from an entry of a volume's ``attachments``."""
        return cls(row.get('server_id'), row.get('device'))


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume; ``size`` is in GiB. A row of ``/volumes`` has only the ID and the name.

    ``consumes_quota`` is false for the copies that Cinder makes for a moment (3.65), and
    ``encryption_key_id`` is shown from 3.64 on.
    """

    id: str
    name: str | None = None
    status: str | None = None
    size: int | None = None
    created_at: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None
    bootable: str | None = None
    encrypted: bool | None = None
    encryption_key_id: str | None = None
    consumes_quota: bool | None = None
    metadata: dict[str, str] | None = None
    attachments: tuple[Attachment, ...] = ()
    project_id: str | None = None
    description: str | None = None
    updated_at: str | None = None

    @classmethod
    def from_api(cls, row: Mapping[str, Any]) -> 'Volume':
        """Build a row from one entry of ``/volumes/detail``, ``/volumes`` or ``/volumes/{id}``."""
        known = {name: row[name] for name in _VOLUME_FIELDS if name in row}
        return cls(
            **known,
            attachments=tuple(map(Attachment.from_api, row.get('attachments') or ())),
            project_id=row.get('os-vol-tenant-attr:tenant_id'),
        )

    @property
    def created(self) -> datetime | None:
        """When Block Storage accepted the request, aware, in UTC."""
        return parse_time(self.created_at) if self.created_at else None

    @property
    def updated(self) -> datetime | None:
        """When Block Storage last changed the volume, aware, in UTC."""
        return parse_time(self.updated_at) if self.updated_at else None

    def __str__(self) -> str:
        """Name a volume in a sentence, by name and ID."""
        return _in_a_sentence(self)


_VOLUME_FIELDS = tuple(
    field.name for field in fields(Volume) if field.name not in {'attachments', 'project_id'}
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of a volume."""

    id: str
    name: str | None = None
    status: str | None = None
    volume_id: str | None = None
    created_at: str | None = None

    @classmethod
    def from_api(cls, row: Mapping[str, Any]) -> 'Snapshot':
        """Build a row from one entry of ``/snapshots``."""
        return cls(**{name: row[name] for name in _SNAPSHOT_FIELDS if name in row})

    @property
    def created(self) -> datetime | None:
        """When Block Storage accepted the request, aware, in UTC."""
        return parse_time(self.created_at) if self.created_at else None

    def __str__(self) -> str:
        """Name a snapshot in a sentence, by name and ID."""
        return _in_a_sentence(self)


_SNAPSHOT_FIELDS = tuple(field.name for field in fields(Snapshot))


def _in_a_sentence(thing: Backup | Volume | Snapshot) -> str:
    return f"'{visible(thing.name)}' ({thing.id})" if thing.name else thing.id
