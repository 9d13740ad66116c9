# SPDX-License-Identifier: Apache-2.0
"""Records of backups, and the document that keeps them in a file.

A record is what Cinder needs to know a backup again: the service that stored it, and base64 of a
JSON object. The document has one SHA-256 over everything, and one for each record, and every
document has exactly one spelling: a single changed byte is found. That protects from damage, and
not from somebody who can compute a SHA-256.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from backupext.core.models import Backup, is_id
from backupext.core.text import visible

#: What every document begins with.
FORMAT = 'backupext records'
#: The version of the format that this release writes, and the newest that it reads.
VERSION = 1

_BEGINNING = '{\n  "format": ' + json.dumps(FORMAT)
_CHECKSUM = 'sha256'
_UNSAFE_IN_A_NAME = re.compile(r'[^\w.-]+', re.ASCII)


class InvalidDocumentError(ValueError):
    """A file is not a document of records, or not as it was written; the message is a clause."""


class Source(NamedTuple):
    """Where records come from: the URL of the identity service, the region and the project."""

    cloud: str = ''
    region: str = ''
    project_id: str = ''
    project_name: str = ''

    def is_same_project(self, other: 'Source') -> bool:
        """Return whether both are the same project of the same region.

        A cloud can be reached by several URLs, and the ID of a project is unique.
        """
        return (self.region, self.project_id) == (other.region, other.project_id)

    def __str__(self) -> str:
        """Name it in a sentence."""
        project = f"'{visible(self.project_name)}' ({visible(self.project_id)})"
        region = f' in region {visible(self.region)}' if self.region else ''
        return f'project {project}{region}'

    @property
    def file_name(self) -> str:
        """The name of its file in a folder: the ID of the project makes it unique."""
        parts = (self.project_name, self.region, self.project_id)
        return '-'.join(_UNSAFE_IN_A_NAME.sub('_', part) for part in parts if part) + '.json'


class Record(NamedTuple):
    """The record of a backup, and what people want to know about the backup.

    ``size`` is in GiB. ``backup_service`` and ``backup_url`` are what Cinder imports.
    """

    id: str
    name: str | None
    description: str | None
    status: str
    volume_id: str | None
    parent_id: str | None
    size: int
    created_at: str | None
    data_timestamp: str | None
    container: str | None
    metadata: dict[str, str]
    backup_service: str
    backup_url: str

    @classmethod
    def of(cls, backup: Backup, service: str, url: str) -> 'Record':
        """Combine a backup with what Cinder exported of it.

        :raises ValueError: Cinder's text is not the record of this backup.
        """
        fields = decode(url)
        if fields.get('id') != backup.id:
            raise ValueError('it is the record of another backup')
        return cls(
            backup.id,
            backup.name,
            backup.description,
            backup.status or '',
            backup.volume_id,
            fields.get('parent_id'),
            backup.size or 0,
            backup.created_at,
            backup.data_timestamp,
            backup.container,
            fields.get('metadata') or {},
            service,
            url,
        )

    def is_current(self, backup: Backup) -> bool:
        """Return whether a backup still has the name, description and properties of the record.

        The data of a backup never changes. A microversion before 3.43 shows no properties.
        """
        properties = self.metadata if backup.metadata is None else backup.metadata
        return (self.name, self.description, self.metadata) == (
            backup.name,
            backup.description,
            properties,
        )

    def __str__(self) -> str:
        """Name the backup in a sentence, by name and ID."""
        return str(Backup(self.id, self.name))


class Document(NamedTuple):
    """Records of one project, and when they were exported, by the cloud's clock."""

    source: Source
    exported_at: str
    records: tuple[Record, ...]


def decode(url: str) -> dict[str, Any]:
    """Return the fields of a record as Cinder writes it.

    :raises ValueError: it is not a record.
    """
    fields = json.loads(base64.b64decode(url))
    if not isinstance(fields, dict):
        raise ValueError('it is not a record')  # noqa: TRY004  # the text is wrong, not its type
    return fields


def backup_id(url: str) -> str | None:
    """Return the ID of the backup in a record; None if there is none."""
    try:
        id_ = decode(url).get('id')
    except ValueError:
        return None
    return id_ if isinstance(id_, str) and is_id(id_) else None


# Writing


def render(document: Document) -> str:
    """Return a document as text: JSON in ASCII, with a checksum of each record and of all."""
    content = {
        'format': FORMAT,
        'version': VERSION,
        'exported_at': document.exported_at,
        'source': document.source._asdict(),
        'records': [_sealed(record._asdict()) for record in document.records],
    }
    return json.dumps(_sealed(content), indent=2) + '\n'


def _sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    return {**content, _CHECKSUM: _checksum(content)}


def _checksum(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(',', ':'))
    return hashlib.sha256(text.encode()).hexdigest()


# Reading

_TEXT_OR_NONE = (str, type(None))
_RECORD: Mapping[str, tuple[type, ...]] = {
    'id': (str,),
    'name': _TEXT_OR_NONE,
    'description': _TEXT_OR_NONE,
    'status': (str,),
    'volume_id': _TEXT_OR_NONE,
    'parent_id': _TEXT_OR_NONE,
    'size': (int,),
    'created_at': _TEXT_OR_NONE,
    'data_timestamp': _TEXT_OR_NONE,
    'container': _TEXT_OR_NONE,
    'metadata': (dict,),
    'backup_service': (str,),
    'backup_url': (str,),
}


def parse(text: str) -> Document:
    """Read a document, and check that it is whole and as it was written.

    :raises InvalidDocumentError: it is not; the message says why, as a clause.
    """
    content = _load(text)
    _check_format(content)
    _check_checksums(content)
    document = _document(content)
    if render(document) != text:
        raise InvalidDocumentError('it was changed after the export')
    _check_records(document.records)
    return document


def _load(text: str) -> dict[str, Any]:
    if not text.strip():
        raise InvalidDocumentError('it is empty')
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.startswith(_BEGINNING):
            raise InvalidDocumentError('it is cut off or damaged') from error
        raise _foreign() from error
    if not isinstance(content, dict):
        raise _foreign()
    return content


def _foreign() -> InvalidDocumentError:
    return InvalidDocumentError(
        'it is not a file that record export has written with --output-file'
    )


def _check_format(content: Mapping[str, Any]) -> None:
    version = content.get('version')
    if content.get('format') != FORMAT or type(version) is not int or version < 1:
        raise _foreign()
    if version > VERSION:
        raise InvalidDocumentError(
            f'a newer release of the plugin wrote it (format {version}; this release reads up to '
            f'{VERSION})'
        )


def _check_checksums(content: Mapping[str, Any]) -> None:
    if _is_intact(content):
        return
    records = content.get('records')
    damaged = [
        visible(str(record.get('id')))
        for record in (records if isinstance(records, list) else ())
        if isinstance(record, dict) and not _is_intact(record)
    ]
    where = f', in the record of backup {", ".join(damaged)}' if damaged else ''
    raise InvalidDocumentError(f'it was changed after the export{where}')


def _is_intact(content: Mapping[str, Any]) -> bool:
    rest = {key: value for key, value in content.items() if key != _CHECKSUM}
    return content.get(_CHECKSUM) == _checksum(rest)


def _document(content: Mapping[str, Any]) -> Document:
    """Build a document; what has other keys is spelled differently, which the caller notices."""
    try:
        source = Source(**content['source'])
        records = tuple(_record(each) for each in content['records'])
        document = Document(source, content['exported_at'], records)
    except (KeyError, TypeError) as error:
        raise InvalidDocumentError('its content is not valid') from error
    if not all(isinstance(each, str) for each in (*source, document.exported_at)):
        raise InvalidDocumentError('its content is not valid')
    return document


def _record(entry: Mapping[str, Any]) -> Record:
    fields = {key: entry[key] for key in Record._fields}
    for key, kinds in _RECORD.items():
        if not isinstance(fields[key], kinds):
            raise TypeError(key)
    return Record(**fields)


def _check_records(records: Iterable[Record]) -> None:
    """Check what the checksums do not: a program that is not this one may have computed them."""
    seen: set[str] = set()
    for record in records:
        if record.id in seen:
            raise InvalidDocumentError(f'it has several records of backup {visible(record.id)}')
        seen.add(record.id)
        if backup_id(record.backup_url) != record.id:
            raise InvalidDocumentError(
                f'the record of backup {visible(record.id)} is not valid, or of another backup'
            )


# Several records


def merge(documents: Iterable[Document]) -> list[Record]:
    """Return each record once, parents first; the document that was exported last wins.

    :raises InvalidDocumentError: two backups are said to be parents of each other.
    """
    ordered = sorted(documents, key=lambda document: document.exported_at)
    return parents_first(record for document in ordered for record in document.records)


def parents_first(records: Iterable[Record]) -> list[Record]:
    """Sort records, the oldest first, but each after that of its parent.

    :raises InvalidDocumentError: two backups are said to be parents of each other.
    """
    known = {record.id: record for record in records}
    ordered: dict[str, Record] = {}
    for record in sorted(known.values(), key=lambda each: (each.created_at or '', each.id)):
        ahead: dict[str, Record] = {}
        current: Record | None = record
        while current and current.id not in ordered:
            if current.id in ahead:
                raise InvalidDocumentError('two of its backups build on each other')
            ahead[current.id] = current
            current = known.get(current.parent_id or '')
        ordered.update(reversed(ahead.items()))
    return list(ordered.values())


def find_orphans(records: Iterable[Record], others: Iterable[str] = ()) -> list[Record]:
    """Return the records of incremental backups whose parent is missing.

    :param others: the IDs of backups that are known although they are not among the records.
    """
    known = {record.id: record for record in records}
    there = {*known, *others}
    return [each for each in known.values() if each.parent_id and each.parent_id not in there]
