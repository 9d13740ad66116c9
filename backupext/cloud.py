# SPDX-License-Identifier: Apache-2.0
"""What speaks to Block Storage: finding by name or ID, paging through lists, one call each.

Every method raises :class:`backupext.errors.RequestError` where the cloud refuses or cannot be
reached, with a sentence that begins with what was tried.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any, Generic, TypeVar

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from backupext import errors, resource
from backupext.core import answers, features
from backupext.core.filters import OWN_PROJECT, Scope
from backupext.core.models import Backup, Snapshot, Volume, is_id
from backupext.core.text import one_sentence, visible, without_markup
from backupext.session import Session

_NOT_FOUND = 404
# Identity's IDs are UUIDs without dashes; some deployments bring IDs with dashes of their own.
_PROJECT_ID = re.compile(r'[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')

Row = TypeVar('Row', Backup, Volume, Snapshot)
Answer = TypeVar('Answer')


@dataclass(frozen=True)
class _Kind(Generic[Row]):
    """What can be found: its noun, which is its key in an answer too, and how to read one."""

    noun: str
    from_api: Callable[[Mapping[str, Any]], Row]

    @property
    def path(self) -> str:
        return f'/{self.noun}s'


_BACKUP = _Kind('backup', Backup.from_api)
_VOLUME = _Kind('volume', Volume.from_api)
_SNAPSHOT = _Kind('snapshot', Snapshot.from_api)


def ask_once(ask: Callable[[], Answer]) -> Answer:
    """Take a failure for what it is; what waits is more patient."""
    return ask()


@contextlib.contextmanager
def attempt(what: str) -> Iterator[None]:
    """Turn what the SDK and keystoneauth raise into one sentence: 'Cannot <what>: <why>.'."""
    try:
        yield
    except sdk_exceptions.HttpException as error:
        status = error.status_code or 0
        why = answers.explain(status, _said(error))
        raise errors.RequestError(
            f'Cannot {what}: {why}.', status, retry_after=_retry_after(error.response)
        ) from error
    except ksa_exceptions.HttpError as error:
        # Authentication anew, when a token has expired, goes through keystoneauth alone.
        why = answers.explain(error.http_status, str(error.message))
        raise errors.RequestError(f'Cannot {what}: {why}.', error.http_status) from error
    except (ksa_exceptions.EndpointNotFound, sdk_exceptions.ServiceDisabledException) as error:
        raise errors.RequestError(
            f'Cannot {what}: the cloud has no Block Storage service in its catalogue '
            f'({one_sentence(str(error))}); check the region and the interface.'
        ) from error
    except ksa_exceptions.ConnectionError as error:
        raise errors.RequestError(
            f'Cannot {what}: Block Storage cannot be reached ({answers.connection(str(error))}).',
            lost=True,
            sent='NewConnectionError' not in str(error),
        ) from error
    except sdk_exceptions.ServiceDiscoveryException as error:
        raise errors.RequestError(
            f'Cannot {what}: nothing at the endpoint of Block Storage says that it is that '
            f'({one_sentence(str(error))}); check that it is right and can be reached.'
        ) from error
    except (sdk_exceptions.SDKException, ksa_exceptions.ClientException) as error:
        raise errors.RequestError(f'Cannot {what}: {one_sentence(str(error))}.') from error
    except (KeyError, ValueError) as error:
        raise errors.RequestError(
            f'Cannot {what}: the answer is not one of Block Storage; check the endpoint.'
        ) from error


class Cloud:
    """Block Storage, as one user in one project sees it."""

    def __init__(self, client_manager: Any) -> None:
        """Take over OSC's authenticated connection; sends no request unless a version is pinned."""
        self._connection = client_manager.sdk_connection
        access = client_manager.auth_ref
        self.project_id: str | None = access.project_id if access else None
        self._project_name: str | None = access.project_name if access else None
        self.is_admin: bool = bool(access) and 'admin' in access.role_names
        #: How requests that only read are sent; a waiter puts its own in this place.
        self.patience: Callable[[Callable[[], Any]], Any] = ask_once
        with attempt('use Block Storage'), _pin_refused(), _endpoint_silent():
            version = self._connection.config.get_api_version('block-storage')
            self._session = Session(self._connection.block_storage, version)

    # What can be asked for

    def require(self, *options: str) -> None:
        """Refuse options that the pin or the cloud does not have, now or before anything changes.

        :param options: names in :data:`backupext.core.features.OPTIONS`.
        :raises UnsupportedError: one of them cannot be had.
        """
        for option in options:
            self._session.require(features.OPTIONS[option])

    def shows(self, column: str) -> bool:
        """Tell whether the microversion in use has a column for those who may see it."""
        return self._session.microversion >= features.COLUMNS[column].since

    def has(self, column: str, *, sees_owners: bool) -> bool:
        """Tell whether the microversion in use and the user's role have a column."""
        feature = features.COLUMNS.get(column)
        if feature is None:
            return True
        return self.shows(column) and (sees_owners or not feature.admin)

    def scope(self, project: str | None, *, all_projects: bool) -> Scope:
        """Say whose backups ``--project`` and ``--all-projects`` ask for.

        A member's own project needs no question; an ID none either.

        :raises NotFoundError: no project has that name.
        :raises RefusedError: it takes an administrator, and this cloud could not say so.
        """
        if project and not self.is_admin and project in {self.project_id, self._project_name}:
            return OWN_PROJECT
        if not project:
            return Scope(all_projects=all_projects)
        if not self.is_admin and not self.shows('project_id'):
            raise errors.RefusedError("Only an administrator can list another project's backups.")
        return Scope(project_id=self._project_id(project))

    def _project_id(self, reference: str) -> str:
        if _PROJECT_ID.fullmatch(reference):
            return reference
        with attempt(f"look up project '{visible(reference)}' (only its ID needs no look-up)"):
            projects = list(self._connection.identity.projects(name=reference))
        if not projects:
            raise errors.NotFoundError(f"No project is called '{visible(reference)}'.")
        if len(projects) > 1:
            ids = ', '.join(project.id for project in projects)
            raise errors.AmbiguousError(
                f"{len(projects)} projects are called '{visible(reference)}': give an ID ({ids})."
            )
        return str(projects[0].id)

    def may_be_foreign(self, backup: Backup) -> bool:
        """Tell whether a backup may belong to another project than the user's token is for.

        Only administrators find such a one, and see whose it is (from 3.18 on).
        """
        if backup.project_id is None:
            return self.is_admin
        return backup.project_id != self.project_id

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
                found: Row = self.patience(lambda: fetch(reference))
                return found
        # Cinder strips names when it stores them.
        name = reference.strip()
        rows = self._rows(kind, {'name': name, **scope.query})
        # MySQL compares names without regard to case: take the exact ones only.
        return _only_one(kind, name, [row for row in rows if row.name == name])

    def _fetch(self, kind: _Kind[Row], id_: str) -> Row:
        with attempt(f'look up {kind.noun} {id_}'), _not_found_is_ours(kind, id_):
            return kind.from_api(self._get(f'{kind.path}/{id_}')[kind.noun])

    def _fetch_backup(self, id_: str) -> Backup:
        with attempt(f'look up backup {id_}'), _not_found_is_ours(_BACKUP, id_):
            found = resource.Backup.existing(id=id_).fetch(self._session)
            if found.status is None:
                raise ValueError('every backup has a status')
        return Backup(**{field.name: getattr(found, field.name) for field in fields(Backup)})

    # Lists

    def backups(
        self, query: Mapping[str, str], *, page_size: int | None = None, most: int | None = None
    ) -> Iterator[Backup]:
        """List backups page by page, as they are asked for, newest first unless the query sorts.

        :param page_size: rows a request; the cloud's own limit (1000) where it is smaller.
        :param most: stop after so many.
        """
        return self._rows(_BACKUP, query, page_size=page_size, most=most)

    def backups_and_time(self, query: Mapping[str, str]) -> tuple[list[Backup], datetime]:
        """List backups, and tell what time the cloud has it, to the second (aware, UTC)."""
        rows = list(self.backups(query))
        return rows, self._session.server_time or datetime.now(timezone.utc)

    def volume_name(self, id_: str) -> str | None:
        """Give the name of one of the project's volumes; None where that cannot be told."""
        with contextlib.suppress(errors.RequestError):
            volume = self.read_volume(id_)
            if volume and volume.project_id in {None, self.project_id}:
                return volume.name
        return None

    def volume_names(self) -> Iterator[dict[str, str | None]]:
        """List the names of the project's volumes by ID, a page at a time.

        They are an addition to a list: where they cannot be read, it ends early.
        """
        with contextlib.suppress(errors.RequestError):
            yield from self.names_of_volumes(OWN_PROJECT)

    def names_of_volumes(self, scope: Scope) -> Iterator[dict[str, str | None]]:
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
        """Read pages while the cloud says that there are more; a repeated marker ends it too."""
        query = dict(query)
        if query.get('limit') == '0':
            return
        while True:
            answer = self.patience(lambda: self._page(path, key, query))
            page = answer[key]
            yield page
            more = any(link['rel'] == 'next' for link in answer.get(f'{key}_links', ()))
            if not more or not page or query.get('marker') == page[-1]['id']:
                return
            query['marker'] = page[-1]['id']

    def read_backup(self, id_: str) -> Backup | None:
        """Read a backup by its ID alone; None if it is gone."""
        with contextlib.suppress(errors.NotFoundError):
            return self._fetch_backup(id_)
        return None

    def read_volume(self, id_: str) -> Volume | None:
        """Read a volume by its ID alone; None if it is gone."""
        with contextlib.suppress(errors.NotFoundError):
            return self._fetch(_VOLUME, id_)
        return None

    def user_message(self, id_: str) -> str | None:
        """Give what the service tells users about a failure of theirs (3.3); None if nothing.

        It is an addition to what is known already, so nothing that goes wrong here matters.
        """
        with contextlib.suppress(errors.RequestError), attempt('list messages'):
            messages = self._get('/messages', {'resource_uuid': id_})['messages']
            told = [row['user_message'] for row in messages if row.get('resource_uuid') == id_]
            return one_sentence(told[0]) if told else None
        return None

    def _page(self, path: str, key: str, query: Mapping[str, str]) -> Any:
        with attempt(f'list {key}'):
            answer = self._get(path, query)
            if key not in answer:
                raise KeyError(key)
        return answer

    def dependents(self, backup: Backup) -> list[Backup]:
        """List the incrementals whose parent a backup is, in every project (administrators only).

        The parent is never shown, but an administrator may filter by it.
        """
        return list(self.backups({'parent_id': backup.id, 'all_tenants': '1'}))

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
                raise ValueError('every backup has an ID')
        return Backup(made.id, made.name, 'creating', volume_id)

    def create_volume_from(self, backup: Backup, **attributes: str | None) -> Volume:
        """Create a volume from a backup (3.47), which restores it: 202, with its ID and name."""
        volume = {key: value for key, value in attributes.items() if value is not None}
        body = {'volume': {'backup_id': backup.id, **volume}}
        with attempt(_doing('restore', backup)):
            response = self._session.post(_VOLUME.path, json=body)
            sdk_exceptions.raise_from_response(response)
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


def _said(error: sdk_exceptions.HttpException) -> str:
    """Give the server's message; the SDK takes the markup out of a page line by line only."""
    response = error.response
    if response is not None and 'html' in response.headers.get('Content-Type', ''):
        return without_markup(response.text)
    return str(error.details or error.message)


def _retry_after(response: Any) -> float | None:
    """Read how long the cloud asks to wait, where it says so in seconds."""
    text = response.headers.get('Retry-After', '') if response is not None else ''
    return float(text) if text.isdecimal() else None


@contextlib.contextmanager
def _pin_refused() -> Iterator[None]:
    """Shorten what the SDK says of a pin that the cloud does not have."""
    try:
        yield
    except sdk_exceptions.ConfigException as error:
        objection = features.pin_objection(str(error))
        if not objection:
            raise
        raise errors.UnsupportedError(f'{objection}.') from error


@contextlib.contextmanager
def _endpoint_silent() -> Iterator[None]:
    """Say of an endpoint of the user's own that it does not answer, as the SDK does from 4.11 on.

    Earlier ones look for the version in what they have not got from there.
    """
    try:
        yield
    except AttributeError as error:
        raise sdk_exceptions.ServiceDiscoveryException('No endpoint data found') from error


def _target(backup: Backup) -> resource.Backup:
    target: resource.Backup = resource.Backup.existing(id=backup.id)
    return target


@contextlib.contextmanager
def _not_found_is_ours(kind: _Kind[Row], reference: str) -> Iterator[None]:
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
