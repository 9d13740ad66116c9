# SPDX-License-Identifier: Apache-2.0
"""The requests to Block Storage: find by name or ID, list, read and change.

Every method raises :class:`backupext.errors.RequestError` if the cloud refuses the request or
cannot be reached. The message begins with what the method tried.
"""

import contextlib
import copy
import functools
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any, Generic, Protocol, TypeVar

from openstack import exceptions as sdk_exceptions

from backupext import errors, resource
from backupext.access import Access
from backupext.core import features
from backupext.core.causes import Cause
from backupext.core.filters import OWN_PROJECT, Scope
from backupext.core.models import Backup, Snapshot, Volume, is_id
from backupext.core.paging import Trail
from backupext.core.quota import Limits, VolumeLimits
from backupext.core.records import Record, Source
from backupext.core.text import one_sentence, visible
from backupext.faults import (
    COMPUTE,
    IDENTITY,
    UnexpectedAnswerError,
    attempt,
    reading_answer,
)
from backupext.session import READ_TIMEOUT, Session, connect, limit

Row = TypeVar('Row', Backup, Volume, Snapshot)
Answer = TypeVar('Answer')


class Patience(Protocol):
    """How long and how often to repeat a request that only reads."""

    def ask(self, request: Callable[[], Answer]) -> Answer:
        """Send a request, and repeat it if that may help."""

    def time_left(self) -> float | None:
        """Return the seconds that are left for requests; None means no limit."""


class _Once:
    """Sends each request once."""

    def ask(self, request: Callable[[], Answer]) -> Answer:
        return request()

    def time_left(self) -> float | None:
        return None


@dataclass(frozen=True)
class _Kind(Generic[Row]):
    """What can be found: its noun, which is also its key in an answer, and its parser."""

    noun: str
    from_api: Callable[[Mapping[str, Any]], Row]

    @property
    def path(self) -> str:
        return f'/{self.noun}s'


# Keystone's IDs are UUIDs without dashes; some deployments import IDs with dashes.
_PROJECT_ID = re.compile(r'[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')

_BACKUP = _Kind('backup', Backup.from_api)
_VOLUME = _Kind('volume', Volume.from_api)
_SNAPSHOT = _Kind('snapshot', Snapshot.from_api)


class Cloud:
    """Block Storage, as one user in one project sees it."""

    def __init__(self, client_manager: Any, patience: Patience | None = None) -> None:
        """Use OSC's authenticated connection; this sends no request unless a version is pinned.

        :param patience: how to repeat requests that only read; by default they are sent once.
        """
        self._patience = patience or _Once()
        self._connection = client_manager.sdk_connection
        self.access = Access.of(client_manager.auth_ref)
        self._session = self._patience.ask(self._connect)

    def _connect(self) -> Session:
        with attempt('use Block Storage'):
            return connect(self._connection, self._patience.time_left)

    def patient(self, patience: Patience) -> 'Cloud':
        """Return the same cloud, with another patience for requests that only read."""
        view = copy.copy(self)
        view._patience = patience  # noqa: SLF001  # a view of the same class
        view._session = self._session.limited(patience.time_left)  # noqa: SLF001
        return view

    def impatient(self) -> 'Cloud':
        """Return the same cloud, which sends each request once."""
        return self.patient(_Once())

    # What the cloud offers

    def require(self, *options: str) -> None:
        """Refuse options that the microversion does not have, before anything changes.

        :param options: names in :data:`backupext.core.features.OPTIONS`.
        :raises UnsupportedError: the pin or the cloud is too old for one of them.
        """
        for option in options:
            self._session.negotiation.require(features.OPTIONS[option])

    def shows(self, column: str) -> bool:
        """Return whether the microversion in use has a column, for a user who may see it."""
        return self._session.negotiation.version >= features.COLUMNS[column].since

    def has(self, column: str, *, sees_owners: bool) -> bool:
        """Return whether this user sees a column with the microversion in use."""
        feature = features.COLUMNS.get(column)
        if feature is None:
            return True
        return self.shows(column) and (sees_owners or not feature.admin)

    def read_limits(self) -> Limits:
        """Return the quota of the project's backups, which every role may read."""
        return self._patience.ask(lambda: self._read_limits(Limits.from_api, 'backups'))

    def read_volume_limits(self) -> VolumeLimits:
        """Return the quota of the project's volumes, which every role may read."""
        return self._patience.ask(lambda: self._read_limits(VolumeLimits.from_api, 'volumes'))

    def _read_limits(self, build: Callable[[Mapping[str, Any]], Answer], things: str) -> Answer:
        with attempt(f'read the quota of {things}'):
            answer = self._get('/limits')
            with reading_answer():
                return build(answer['limits']['absolute'])

    def find_server(self, name: str, scope: Scope) -> str:
        """Return the ID of the server that has a name, which Compute is asked for.

        :raises NotFoundError: no server has that name.
        :raises AmbiguousError: several servers have that name; the message lists their IDs.
        """
        servers = [
            each
            for each in self._patience.ask(lambda: self._servers(name, scope))
            # Nova takes the name for a regular expression.
            if each.name == name
        ]
        return _only_id('server', name, servers)

    def _servers(self, name: str, scope: Scope) -> list[Any]:
        what = f"look up server '{visible(name)}' (not necessary if you use its ID)"
        with (
            attempt(what, COMPUTE),
            limit(self._connection.session, READ_TIMEOUT, self._patience.time_left()),
        ):
            return list(
                self._connection.compute.servers(
                    details=False,
                    all_projects=scope.all_projects or None,
                    name=f'^{re.escape(name)}$',
                )
            )

    def find_project(self, reference: str) -> str:
        """Return the ID of a project, given by name or ID; an ID needs no request.

        :raises NotFoundError: no project has that name.
        :raises AmbiguousError: several projects have that name.
        """
        if _PROJECT_ID.fullmatch(reference):
            return reference
        what = f"look up project '{visible(reference)}' (not necessary if you use its ID)"
        projects = self._patience.ask(lambda: self._projects(what, reference))
        return _only_id('project', reference, projects)

    def _projects(self, what: str, name: str) -> list[Any]:
        with (
            attempt(what, IDENTITY),
            limit(self._connection.session, READ_TIMEOUT, self._patience.time_left()),
        ):
            return list(self._connection.identity.projects(name=name))

    @property
    def source(self) -> Source:
        """Where the backups of the user's project are."""
        config = self._connection.config
        return Source(
            _without_credentials(str(config.get_auth_args().get('auth_url') or '')),
            config.get_region_name('block-storage') or '',
            self.access.project_id or '',
            self.access.project_name or '',
        )

    # Finding

    def find_backup(self, reference: str, scope: Scope = OWN_PROJECT) -> Backup:
        """Find a backup by ID, or by name in the scope, with one request.

        If no backup has the ID, it may be the name of another one: that costs a second request.

        :raises NotFoundError: no backup has the name or ID.
        :raises AmbiguousError: several backups have the name; the message lists them.
        """
        return self._find(_BACKUP, self._fetch_backup, reference, scope)

    def find_volume(self, reference: str, scope: Scope = OWN_PROJECT) -> Volume:
        """Find a volume by ID or name, as :meth:`find_backup` does."""
        return self._find(_VOLUME, lambda id_: self._fetch(_VOLUME, id_), reference, scope)

    def find_snapshot(self, reference: str) -> Snapshot:
        """Find a snapshot by ID or name, as :meth:`find_backup` does."""
        return self._find(
            _SNAPSHOT, lambda id_: self._fetch(_SNAPSHOT, id_), reference, OWN_PROJECT
        )

    def _find(
        self, kind: _Kind[Row], fetch: Callable[[str], Row], reference: str, scope: Scope
    ) -> Row:
        if is_id(reference):
            with contextlib.suppress(errors.NotFoundError):
                return self._patience.ask(lambda: fetch(reference))
        # Cinder strips spaces from names when it stores them.
        name = reference.strip()
        rows = self._rows(kind, {'name': name, **scope.query})
        # MySQL ignores case when it compares names: accept only exact matches.
        return _only_one(kind, name, [row for row in rows if row.name == name])

    def _fetch(self, kind: _Kind[Row], id_: str) -> Row:
        with attempt(f'look up {kind.noun} {id_}'), _explaining_absence(kind, id_):
            answer = self._get(f'{kind.path}/{id_}')
            with reading_answer():
                return kind.from_api(answer[kind.noun])

    def _fetch_backup(self, id_: str) -> Backup:
        with attempt(f'look up backup {id_}'), _explaining_absence(_BACKUP, id_):
            found = resource.Backup.existing(id=id_).fetch(self._session)
            if found.status is None:
                raise UnexpectedAnswerError('every backup has a status')
        return Backup(**{field.name: getattr(found, field.name) for field in fields(Backup)})

    # Lists

    def list_backups(
        self,
        query: Mapping[str, str],
        *,
        page_size: int | None = None,
        most: int | None = None,
        is_held: bool = False,
    ) -> Iterator[Backup]:
        """Yield backups, the newest first unless the query sorts; read each page when needed.

        :param page_size: rows per request; the cloud may have a smaller limit (1000 by default).
        :param most: the largest number of backups to yield.
        :param is_held: the caller holds all backups, so they should need little memory.
        """
        kind = _BACKUP
        if is_held:
            kind = _Kind(_BACKUP.noun, functools.partial(Backup.from_api, texts={}))
        return self._rows(kind, query, page_size=page_size, most=most)

    @property
    def place(self) -> str:
        """The endpoint and the project, which together identify what the user works on."""
        return f'{self._session.endpoint} {self.access.project_id}'

    @property
    def time(self) -> datetime:
        """The time on the cloud's clock at its last answer (aware, UTC), in whole seconds."""
        return self._session.server_time or datetime.now(timezone.utc)

    def read_volume_name(self, id_: str) -> str | None:
        """Return the name of one of the project's volumes; None if it cannot be read."""
        with contextlib.suppress(errors.RequestError):
            volume = self.read_volume(id_)
            if volume and volume.project_id in {None, self.access.project_id}:
                return volume.name
        return None

    def list_readable_volume_names(self) -> Iterator[dict[str, str | None]]:
        """Yield the names of the project's volumes by ID, a page at a time.

        A list is useful without them: after a failure no more pages follow.
        """
        with contextlib.suppress(errors.RequestError):
            yield from self.list_volume_names(OWN_PROJECT)

    def list_volumes(self, scope: Scope) -> Iterator[Volume]:
        """Yield the scope's volumes with all their fields, a page at a time."""
        return self._rows(_VOLUME, scope.query)

    def list_snapshots(self, query: Mapping[str, str]) -> Iterator[Snapshot]:
        """Yield snapshots, a page at a time."""
        return self._rows(_SNAPSHOT, query)

    def list_volumes_named(self, name: str) -> Iterator[Volume]:
        """Yield the project's volumes that have a name."""
        rows = self._rows(_VOLUME, {'name': name})
        return (volume for volume in rows if volume.name == name)

    def read_volume_type_name(self, id_: str) -> str | None:
        """Return the name of a volume type; None if it cannot be read."""
        with contextlib.suppress(errors.RequestError), attempt(f'look up volume type {id_}'):
            answer = self._patience.ask(lambda: self._get(f'/types/{id_}'))
            with reading_answer():
                return str(answer['volume_type']['name'])
        return None

    def list_volume_names(self, scope: Scope) -> Iterator[dict[str, str | None]]:
        """Yield the names of the scope's volumes by ID, a page at a time."""
        for page in self._pages(_VOLUME.path, 'volumes', scope.query):
            yield {row['id']: row['name'] for row in page}

    def _rows(
        self,
        kind: _Kind[Row],
        query: Mapping[str, str],
        *,
        page_size: int | None = None,
        most: int | None = None,
    ) -> Iterator[Row]:
        limits = [limit for limit in (page_size, most) if limit is not None]
        if limits:
            query = {**query, 'limit': str(min(limits))}
        left = most
        for page in self._pages(f'{kind.path}/detail', f'{kind.noun}s', query):
            for row in page[:left]:
                yield kind.from_api(row)
            if left is not None:
                left -= len(page)
                if left <= 0:
                    return

    def _pages(
        self, path: str, key: str, query: Mapping[str, str]
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Yield pages until the cloud names no next one, or repeats the last row.

        Another command may delete the row after which the next page begins. Cinder refuses such a
        marker (404); then an earlier row is the marker.
        """
        if query.get('limit') == '0':
            return
        trail = Trail()
        answer = self._page(path, key, query)
        while True:
            yield trail.new(answer[key])
            more = any(link['rel'] == 'next' for link in answer.get(f'{key}_links', ()))
            if not more or trail.stands_still:
                return
            answer = self._page_after(path, key, query, trail)

    def _page_after(self, path: str, key: str, query: Mapping[str, str], trail: Trail) -> Any:
        for marker in trail.markers():
            try:
                return self._page(path, key, {**query, **marker})
            except errors.RequestError as error:
                if error.cause is not Cause.NOT_FOUND or not marker:
                    raise
        raise AssertionError('the last attempt has no marker')

    def _page(self, path: str, key: str, query: Mapping[str, str]) -> Any:
        return self._patience.ask(lambda: self._page_once(path, key, query))

    def _page_once(self, path: str, key: str, query: Mapping[str, str]) -> Any:
        with attempt(f'list {key}'):
            answer = self._get(path, query)
            with reading_answer():
                [row['id'] for row in answer[key]]
            return answer

    def read_backup(self, id_: str) -> Backup | None:
        """Read a backup by ID only; None if it does not exist."""
        with contextlib.suppress(errors.NotFoundError):
            return self._patience.ask(lambda: self._fetch_backup(id_))
        return None

    def read_volume(self, id_: str) -> Volume | None:
        """Read a volume by ID only; None if it does not exist."""
        with contextlib.suppress(errors.NotFoundError):
            return self._patience.ask(lambda: self._fetch(_VOLUME, id_))
        return None

    def read_user_message(self, id_: str) -> str | None:
        """Return the newest message of the service about a volume or backup (3.3), if any.

        It only adds to what is known already, so every failure is ignored.
        """
        with contextlib.suppress(errors.RequestError), attempt('list messages'):
            answer = self._get('/messages', {'resource_uuid': id_})
            with reading_answer():
                rows = [row for row in answer['messages'] if row.get('resource_uuid') == id_]
                messages = [row['user_message'] for row in rows]
            return one_sentence(messages[0]) if messages else None
        return None

    def list_dependents(self, backup: Backup) -> list[Backup]:
        """Return the incremental backups whose parent is a backup (administrators only).

        They may be in any project. Cinder never shows a parent, but filters by it.
        """
        return list(self.list_backups({'parent_id': backup.id, 'all_tenants': '1'}))

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        response = self._session.get(path, params=dict(query or {}))
        sdk_exceptions.raise_from_response(response)
        return response.json()

    # Changes

    def create_backup(self, **attributes: Any) -> Backup:
        """Request a backup of ``volume_id``; the answer (202) has its ID and name."""
        volume_id = attributes['volume_id']
        with attempt(f'back up volume {volume_id}'):
            made = resource.Backup.new(**attributes).create(self._session)
            if made.id is None:
                raise UnexpectedAnswerError('every backup has an ID')
        return Backup(made.id, made.name, 'creating', volume_id)

    def create_volume_from(self, backup: Backup, **attributes: Any) -> Volume:
        """Request a new volume from a backup (3.47); the answer (202) has its ID and name."""
        volume = {key: value for key, value in attributes.items() if value is not None}
        body = {'volume': {'backup_id': backup.id, **volume}}
        with attempt(_doing('restore', backup)):
            response = self._session.post(_VOLUME.path, json=body)
            sdk_exceptions.raise_from_response(response)
            with reading_answer():
                return Volume.from_api(response.json()['volume'])

    def delete_volume(self, volume: Volume) -> None:
        """Request the deletion of a volume (202); Cinder refuses one that is attached or busy."""
        with attempt(f'delete volume {volume}'):
            response = self._session.delete(f'{_VOLUME.path}/{volume.id}')
            sdk_exceptions.raise_from_response(response)

    def update_backup(self, backup: Backup, **attributes: Any) -> None:
        """Replace the name, the description or the metadata."""
        with attempt(_doing('change', backup)):
            changed = _target(backup)
            changed._update(**attributes)  # noqa: SLF001  # how the SDK's own proxy updates
            changed.commit(self._session)

    def delete_backup(self, backup: Backup, *, force: bool = False) -> None:
        """Request a deletion (202); Cinder deletes later."""
        with attempt(_doing('delete', backup)):
            target = _target(backup)
            if force:
                target.force_delete(self._session)
            else:
                target.delete(self._session)

    def restore_backup(
        self, backup: Backup, *, volume_id: str | None = None, name: str | None = None
    ) -> resource.Backup:
        """Request a restore to a volume or a new one; the answer (202) has its ID and name."""
        with attempt(_doing('restore', backup)):
            target = _target(backup)
            return target.restore(self._session, volume_id=volume_id, name=name)

    def reset_backup(self, backup: Backup, status: str) -> None:
        """Request another status in the database (202); Cinder sets it a moment later."""
        with attempt(f'{_doing("set the state of", backup)} to {status}'):
            _target(backup).reset(self._session, status)

    def export_record(self, backup: Backup) -> dict[str, object]:
        """Return the record with which another cloud imports a backup."""
        return self._patience.ask(lambda: self._export(backup))

    def _export(self, backup: Backup) -> dict[str, object]:
        with attempt(_doing('export the record of', backup)):
            return _target(backup).export_record(self._session)

    def read_record(self, backup: Backup) -> Record:
        """Export a backup, and return its record with what the cloud shows of it."""
        return self._patience.ask(lambda: self._record(backup))

    def _record(self, backup: Backup) -> Record:
        with attempt(_doing('export the record of', backup)):
            answer = _target(backup).export_record(self._session)
            with reading_answer():
                service, url = answer['backup_service'], answer['backup_url']
                return Record.of(backup, str(service), str(url))

    def import_record(self, service: str, url: str) -> resource.Backup:
        """Import a record: 201, with ID and name; the status shows the result later."""
        with attempt('import the record'):
            return resource.Backup.import_record(self._session, service=service, url=url)


def _target(backup: Backup) -> resource.Backup:
    target: resource.Backup = resource.Backup.existing(id=backup.id)
    return target


def _without_credentials(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition('@')[2]).geturl()


@contextlib.contextmanager
def _explaining_absence(kind: _Kind[Row], reference: str) -> Iterator[None]:
    try:
        yield
    except sdk_exceptions.NotFoundException as error:
        raise _not_found(kind, reference) from error


def _not_found(kind: _Kind[Row], reference: str) -> errors.NotFoundError:
    return errors.NotFoundError(f"No {kind.noun} has the name or ID '{visible(reference)}'.")


def _only_one(kind: _Kind[Row], name: str, rows: list[Row]) -> Row:
    if not rows:
        raise _not_found(kind, name)
    if len(rows) == 1:
        return rows[0]
    which = [f'{row.id} (created {row.created_at}, {row.status})' for row in rows]
    raise _ambiguous(kind.noun, name, which)


def _only_id(noun: str, name: str, found: list[Any]) -> str:
    """Return the ID of a server or project that was looked up by name."""
    if not found:
        raise errors.NotFoundError(f"No {noun} has the name '{visible(name)}'.")
    if len(found) == 1:
        return str(found[0].id)
    raise _ambiguous(noun, name, [each.id for each in found])


def _ambiguous(noun: str, name: str, which: list[str]) -> errors.AmbiguousError:
    return errors.AmbiguousError(
        f"{len(which)} {noun}s have the name '{visible(name)}'. Use the ID of one of them: "
        f'{", ".join(which)}.'
    )


def _doing(what: str, backup: Backup) -> str:
    """Describe a request, with the backup's status if it may explain a failure."""
    status = f' in status {backup.status}' if backup.status not in {None, 'available'} else ''
    return f'{what} backup {backup}{status}'
