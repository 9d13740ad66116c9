# SPDX-License-Identifier: Apache-2.0
"""A Keystone and a Block Storage that hold backups in memory, and may answer late.

They need little time, so that a measurement shows the client's costs and the delay of the line.
"""

import base64
import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.benchmark import data

_PAGE = 1000
_QUOTA = ('maxTotalBackups', 'maxTotalBackupGigabytes')
_USED = ('totalBackupsUsed', 'totalBackupGigabytesUsed')

_DRIVER = 'cinder.backup.drivers.posix.PosixBackupDriver'

Row = dict[str, Any]
Answer = tuple[int, Any]


class Stub:
    """A cloud with a number of backups, on a port of its own, until it is closed.

    :param doomed: the number of further full backups, all of one volume.
    :param delay: the seconds by which each answer is late.
    """

    def __init__(self, backups: int, doomed: int = 0, delay: float = 0) -> None:
        self._delay = delay
        self.rows = data.stub_rows(backups, doomed)
        self._children: dict[str, list[str]] = {}
        for child, parent in self.rows.parents.items():
            self._children.setdefault(parent, []).append(child)
        self.restore()
        self._server = _Server(('127.0.0.1', 0), _Handler)
        self._server.stub = self
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def restore(self) -> None:
        """Undo all deletions."""
        self._deleted: set[str] = set()

    @property
    def doomed_volume(self) -> str:
        """The ID of the volume with the doomed backups."""
        return next(iter(self.rows.volumes))

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a client."""
        return {
            'OS_AUTH_URL': f'{self._url}/identity/v3',
            'OS_USERNAME': 'admin',
            'OS_PASSWORD': 'secret',
            'OS_PROJECT_NAME': 'admin',
            'OS_USER_DOMAIN_ID': 'default',
            'OS_PROJECT_DOMAIN_ID': 'default',
            'OS_REGION_NAME': 'RegionOne',
            'OS_IDENTITY_API_VERSION': '3',
        }

    @property
    def _url(self) -> str:
        return f'http://127.0.0.1:{self._server.server_address[1]}'

    def answer(self, method: str, url: str) -> Answer:
        """Answer a request, after the delay."""
        time.sleep(self._delay)
        parts = urlsplit(url)
        service, _, path = parts.path.strip('/').partition('/v3')
        if service == 'identity':
            links = [{'rel': 'self', 'href': f'{self._url}/identity/v3'}]
            version = {'id': 'v3.14', 'status': 'stable', 'links': links}
            return (201, self._token()) if path else (200, {'version': version})
        what, _, which = path.strip('/').partition('/')
        if what == 'limits':
            absolute = {**dict.fromkeys(_QUOTA, -1), **dict.fromkeys(_USED, 0)}
            return 200, {'limits': {'absolute': absolute}}
        if not what:
            links = [{'rel': 'self', 'href': f'{self._url}/volume/v3/'}]
            version = {'id': 'v3.0', 'status': 'CURRENT', 'version': '3.71', 'min_version': '3.0'}
            return 200, {'versions': [{**version, 'links': links}]}
        if which in {'', 'detail'}:
            return 200, self._page(what, dict(parse_qsl(parts.query)))
        id_, _, action = which.partition('/')
        return self._one(method, id_, action)

    def _token(self) -> Any:
        services = {'identity': '/identity/v3', 'block-storage': '/volume/v3'}
        domain = {'id': 'default', 'name': 'Default'}
        catalogue = [
            {
                'type': type_,
                'endpoints': [
                    {
                        'interface': 'public',
                        'region': 'RegionOne',
                        'region_id': 'RegionOne',
                        'url': f'{self._url}{path}',
                    }
                ],
            }
            for type_, path in services.items()
        ]
        return {
            'token': {
                'methods': ['password'],
                'user': {'id': 'admin', 'name': 'admin', 'domain': domain},
                'project': {'id': data.STUB_PROJECT, 'name': 'admin', 'domain': domain},
                'roles': [{'id': 'admin', 'name': 'admin'}],
                'expires_at': '2099-01-01T00:00:00.000000Z',
                'issued_at': '2026-01-01T00:00:00.000000Z',
                'catalog': catalogue,
            }
        }

    def _page(self, key: str, query: Mapping[str, str]) -> Any:
        """Return a page of backups or volumes as Cinder does: a full one has a link."""
        table = {'backups': self.rows.backups, 'volumes': self.rows.volumes}.get(key, {})
        ids = self._children.get(query['parent_id'], []) if 'parent_id' in query else list(table)
        first = self.rows.places[query['marker']] + 1 if 'marker' in query else 0
        filters = {name: query[name] for name in ('name', 'status', 'volume_id') if name in query}
        rows = (table[ids[place]] for place in range(first, len(ids)))
        wanted = (
            row
            for row in rows
            if row['id'] not in self._deleted and all(row[k] == v for k, v in filters.items())
        )
        page = list(islice(wanted, min(int(query.get('limit', _PAGE)), _PAGE)))
        links = [{'rel': 'next', 'href': ''}] if len(page) == _PAGE else []
        return {key: page, f'{key}_links': links}

    def _one(self, method: str, id_: str, action: str) -> Answer:
        row = self.rows.backups.get(id_)
        if row is None or id_ in self._deleted:
            return 404, {'itemNotFound': {'code': 404, 'message': f'There is no backup {id_}.'}}
        if method == 'DELETE':
            self._deleted.add(id_)
            return 202, None
        if action == 'export_record':
            return 200, {
                'backup-record': {'backup_service': _DRIVER, 'backup_url': _record_of(row)}
            }
        return 200, {'backup': row}


def _record_of(row: Row) -> str:
    """Return what Cinder needs to import a backup: its row as base64 of JSON."""
    return base64.b64encode(json.dumps(row).encode()).decode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    stub: Stub


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # Send an answer at once, in one packet.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Log nothing."""

    def serve(self) -> None:
        self.rfile.read(int(self.headers.get('Content-Length') or 0))
        status, answer = self.server.stub.answer(self.command, self.path)
        body = b'' if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.send_header('X-Subject-Token', 'token')
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = serve  # noqa: N815  # the base class's names
