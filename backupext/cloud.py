# SPDX-License-Identifier: Apache-2.0
"""What speaks to Block Storage: finding by name or ID, paging through lists, one call each.

Every method raises :class:`backupext.errors.RequestError` where the cloud refuses or cannot be
reached, with a sentence that begins with what was tried.
"""

import contextlib
import copy
import re
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
from backupext.core.text import one_sentence, visible
from backupext.faults import UnexpectedAnswerError, attempt, reading_answer
from backupext.session import READ_TIMEOUT, Session, connect, limit

Row = TypeVar('Row', Backup, Volume, Snapshot)
Answer = TypeVar('Answer')


class Patience(Protocol):
    """How long and how often a request that only reads is sent."""

    def ask(self, request: Callable[[], Answer]) -> Answer:
        """Send a request, more than once where that helps."""

    def time_left(self) -> float | None:
        """Give the seconds until nothing more may be sent; None is no limit."""


class _Once:
    """Takes the first answer, or the first failure."""

    def ask(self, request: Callable[[], Answer]) -> Answer:
        return request()

    def time_left(self) -> float | None:
        return None


@dataclass(frozen=True)
class _Kind(Generic[Row]):
    """What can be found: its noun, which is its key in an answer too, and how to read one."""

    noun: str
    from_api: Callable[[Mapping[str, Any]], Row]

    @property
    def path(self) -> str:
        return f'/{self.noun}s'


# Identity's IDs are UUIDs without dashes; some deployments bring IDs with dashes of their own.
_PROJECT_ID = re.compile(r'[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')

_BACKUP = _Kind('backup', Backup.from_api)
_VOLUME = _Kind('volume', Volume.from_api)
_SNAPSHOT = _Kind('snapshot', Snapshot.from_api)


class Cloud:
    """Block Storage, as one user in one project sees it."""

    def __init__(self, client_manager: Any, patience: Patience | None = None) -> None:
        """Take over OSC's authenticated connection; sends no request unless a version is pinned.

        :param patience: how requests that only read are sent; once each by default.
        """
        self._patience = patience or _Once()
        self._connection = client_manager.sdk_connection
        self.access = Access.of(client_manager.auth_ref)
        self._session = self._patience.ask(self._connect)

    def _connect(self) -> Session:
        with attempt('use Block Storage'):
            return connect(self._connection, self._patience.time_left)

    def patient(self, patience: Patience) -> 'Cloud':
        """Return the same cloud, whose requests that only read are sent with more patience."""
        view = copy.copy(self)
        view._patience = patience  # noqa: SLF001  # a view of the same class
        view._session = self._session.limited(patience.time_left)  # noqa: SLF001
        return view

    # What can be asked for

    def require(self, *options: str) -> None:
        """Refuse options that the pin or the cloud does not have, now or before anything changes.

        :param options: names in :data:`backupext.core.features.OPTIONS`.
        :raises UnsupportedError: one of them cannot be had.
        """
        for option in options:
            self._session.negotiation.require(features.OPTIONS[option])

    def shows(self, column: str) -> bool:
        """Tell whether the microversion in use has a column for those who may see it."""
        return self._session.negotiation.version >= features.COLUMNS[column].since

    def has(self, column: str, *, sees_owners: bool) -> bool:
        """Tell whether the microversion in use and the user's role have a column."""
        feature = features.COLUMNS.get(column)
        if feature is None:
            return True
        return self.shows(column) and (sees_owners or not feature.admin)

    def find_project(self, reference: str) -> str:
        """Find a project's ID by name or ID; an ID needs no request.

        :raises NotFoundError: no project has that name.
        :raises AmbiguousError: several projects have it.
        """
        if _PROJECT_ID.fullmatch(reference):
            return reference
        what = f"look up project '{visible(reference)}' (only its ID needs no look-up)"
        projects = self._patience.ask(lambda: self._projects(what, reference))
        if not projects:
            raise errors.NotFoundError(f"No project is called '{visible(reference)}'.")
        if len(projects) > 1:
            ids = ', '.join(project.id for project in projects)
            raise errors.AmbiguousError(
                f"{len(projects)} projects are called '{visible(reference)}': give an ID ({ids})."
            )
        return str(projects[0].id)

    def _projects(self, what: str, name: str) -> list[Any]:
        with (
            attempt(what),
            limit(self._connection.session, READ_TIMEOUT, self._patience.time_left()),
        ):
            return list(self._connection.identity.projects(name=name))

    # Finding

    def find_backup(self, reference: str, scope: Scope = OWN_PROJECT) -> Backup:
        """Find a backup by ID, or by name in the scope: one request for either.

        An ID that is not found may be the name of another backup; that costs a second one.

        :raises NotFoundError: there is none.
        :raises AmbiguousError: several have the name; the message lists them.
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
        # Cinder strips names when it stores them.
        name = reference.strip()
        rows = self._rows(kind, {'name': name, **scope.query})
        # MySQL compares names without regard to case: take the exact ones only.
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
        self, query: Mapping[str, str], *, page_size: int | None = None, most: int | None = None
    ) -> Iterator[Backup]:
        """List backups page by page, as they are asked for, newest first unless the query sorts.

        :param page_size: rows a request; the cloud's own limit (1000) where it is smaller.
        :param most: stop after so many.
        """
        return self._rows(_BACKUP, query, page_size=page_size, most=most)

    @property
    def time(self) -> datetime:
        """What time the cloud had at its last answer (aware, UTC), to the second."""
        return self._session.server_time or datetime.now(timezone.utc)

    def read_volume_name(self, id_: str) -> str | None:
        """Give the name of one of the project's volumes; None where that cannot be told."""
        with contextlib.suppress(errors.RequestError):
            volume = self.read_volume(id_)
            if volume and volume.project_id in {None, self.access.project_id}:
                return volume.name
        return None

    def list_readable_volume_names(self) -> Iterator[dict[str, str | None]]:
        """List the names of the project's volumes by ID, a page at a time.

        They are an addition to a list: where they cannot be read, it ends early.
        """
        with contextlib.suppress(errors.RequestError):
            yield from self.list_volume_names(OWN_PROJECT)

    def list_volumes_named(self, name: str) -> Iterator[Volume]:
        """List the project's volumes of a name."""
        rows = self._rows(_VOLUME, {'name': name})
        return (volume for volume in rows if volume.name == name)

    def read_volume_type_name(self, id_: str) -> str | None:
        """Give the name of a volume type; None where it cannot be told."""
        with contextlib.suppress(errors.RequestError), attempt(f'look up volume type {id_}'):
            answer = self._patience.ask(lambda: self._get(f'/types/{id_}'))
            with reading_answer():
                return str(answer['volume_type']['name'])
        return None

    def list_volume_names(self, scope: Scope) -> Iterator[dict[str, str | None]]:
        """List the names of the scope's volumes by ID, a page at a time."""
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
        """Read pages while the cloud says that there are more; a repeated marker ends it too.

        Another command may delete the row behind which the next page begins. Cinder does not know
        such a marker (404); the row before it serves as well.
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
            answer = self._page_behind(path, key, query, trail)

    def _page_behind(self, path: str, key: str, query: Mapping[str, str], trail: Trail) -> Any:
        for marker in trail.markers():
            try:
                return self._page(path, key, {**query, **marker})
            except errors.RequestError as error:
                if error.cause is not Cause.NOT_FOUND or not marker:
                    raise
        raise AssertionError('the last page to ask for has no marker')

    def _page(self, path: str, key: str, query: Mapping[str, str]) -> Any:
        return self._patience.ask(lambda: self._page_once(path, key, query))

    def _page_once(self, path: str, key: str, query: Mapping[str, str]) -> Any:
        with attempt(f'list {key}'):
            answer = self._get(path, query)
            with reading_answer():
                [row['id'] for row in answer[key]]
            return answer

    def read_backup(self, id_: str) -> Backup | None:
        """Read a backup by its ID alone; None if it is gone."""
        with contextlib.suppress(errors.NotFoundError):
            return self._patience.ask(lambda: self._fetch_backup(id_))
        return None

    def read_volume(self, id_: str) -> Volume | None:
        """Read a volume by its ID alone; None if it is gone."""
        with contextlib.suppress(errors.NotFoundError):
            return self._patience.ask(lambda: self._fetch(_VOLUME, id_))
        return None

    def read_user_message(self, id_: str) -> str | None:
        """Give what the service tells users about a failure of theirs (3.3); None if nothing.

        It is an addition to what is known already, so nothing that goes wrong here matters.
        """
        with contextlib.suppress(errors.RequestError), attempt('list messages'):
            answer = self._get('/messages', {'resource_uuid': id_})
            with reading_answer():
                rows = [row for row in answer['messages'] if row.get('resource_uuid') == id_]
                told = [row['user_message'] for row in rows]
            return one_sentence(told[0]) if told else None
        return None

    def list_dependents(self, backup: Backup) -> list[Backup]:
        """List the incrementals whose parent a backup is, in every project (administrators only).

        The parent is never shown, but an administrator may filter by it.
        """
        return list(self.list_backups({'parent_id': backup.id, 'all_tenants': '1'}))

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        response = self._session.get(path, params=dict(query or {}))
        sdk_exceptions.raise_from_response(response)
        return response.json()

    # Changes

    def create_backup(self, **attributes: Any) -> Backup:
        """Create a backup: 202, with its ID and name; ``volume_id`` is needed."""
        volume_id = attributes['volume_id']
        with attempt(f'back up volume {volume_id}'):
            made = resource.Backup.new(**attributes).create(self._session)
            if made.id is None:
                raise UnexpectedAnswerError('every backup has an ID')
        return Backup(made.id, made.name, 'creating', volume_id)

    def create_volume_from(self, backup: Backup, **attributes: str | int | None) -> Volume:
        """Create a volume from a backup (3.47), which restores it: 202, with its ID and name."""
        volume = {key: value for key, value in attributes.items() if value is not None}
        body = {'volume': {'backup_id': backup.id, **volume}}
        with attempt(_doing('restore', backup)):
            response = self._session.post(_VOLUME.path, json=body)
            sdk_exceptions.raise_from_response(response)
            with reading_answer():
                return Volume.from_api(response.json()['volume'])

    def update_backup(self, backup: Backup, **attributes: Any) -> None:
        """Set name, description or metadata, each as a whole."""
        with attempt(_doing('change', backup)):
            changed = _target(backup)
            changed._update(**attributes)  # noqa: SLF001  # how the SDK's own proxy updates
            changed.commit(self._session)

    def delete_backup(self, backup: Backup, *, force: bool = False) -> None:
        """Ask for a deletion, which takes its time: 202."""
        with attempt(_doing('delete', backup)):
            target = _target(backup)
            if force:
                target.force_delete(self._session)
            else:
                target.delete(self._session)

    def restore_backup(
        self, backup: Backup, *, volume_id: str | None = None, name: str | None = None
    ) -> resource.Backup:
        """Ask for a restore into a volume or a new one: 202, with the volume's ID and name."""
        with attempt(_doing('restore', backup)):
            target = _target(backup)
            return target.restore(self._session, volume_id=volume_id, name=name)

    def reset_backup(self, backup: Backup, status: str) -> None:
        """Set the status in the database, a moment later: 202."""
        with attempt(f'{_doing("set the state of", backup)} to {status}'):
            _target(backup).reset(self._session, status)

    def export_record(self, backup: Backup) -> dict[str, object]:
        """Give the record that another cloud needs to import a backup."""
        with attempt(_doing('export the record of', backup)):
            return _target(backup).export_record(self._session)

    def import_record(self, service: str, url: str) -> resource.Backup:
        """Import a record: 201, with ID and name; whether it worked shows a moment later."""
        with attempt('import the record'):
            return resource.Backup.import_record(self._session, service=service, url=url)


def _target(backup: Backup) -> resource.Backup:
    target: resource.Backup = resource.Backup.existing(id=backup.id)
    return target


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
    which = ', '.join(f'{row.id} (created {row.created_at}, {row.status})' for row in rows)
    raise errors.AmbiguousError(
        f"{len(rows)} {kind.noun}s are called '{visible(name)}'; give the ID of one: {which}."
    )


def _doing(what: str, backup: Backup) -> str:
    """Say what is tried on which backup, with its status where that may be why it fails."""
    status = f' in status {backup.status}' if backup.status not in {None, 'available'} else ''
    return f'{what} backup {backup}{status}'
