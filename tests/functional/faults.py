# SPDX-License-Identifier: Apache-2.0
"""A proxy in front of Block Storage that counts requests, and fails where a test wants it to."""

import http.client
import json
import re
import socket
import struct
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.functional.api import Account
from tests.functional.base import FunctionalTest

# What one connection means only, or what is written anew.
_PER_CONNECTION = {'connection', 'keep-alive', 'transfer-encoding', 'content-length'}
_GIVE_UP = 60


@dataclass
class Request:
    """A request as it arrived, ``'GET /backups/detail'``, and what became of it."""

    line: str
    time: float
    status: int | None = None


class Exchange(BaseHTTPRequestHandler):
    """One request, which a fault answers, forwards or drops."""

    protocol_version = 'HTTP/1.1'
    # An answer leaves as one packet, at once.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: '_Server'
    request_seen: Request
    content: bytes

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Say nothing: the tests look at the requests."""

    def serve(self) -> None:
        self.content = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        proxy = self.server.proxy
        path = self.path.removeprefix('/v3').partition('?')[0]
        self.request_seen = Request(f'{self.command} {path}', time.monotonic())
        proxy.all_requests.append(self.request_seen)
        proxy.fault_for(self.request_seen.line)(self)

    do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815  # the base class's names

    def forward(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Let Block Storage do what was asked for, and give its answer."""
        host, port = self.server.proxy.upstream
        connection = http.client.HTTPConnection(host, port, timeout=_GIVE_UP)
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in _PER_CONNECTION
        }
        try:
            connection.request(self.command, self.path, self.content or None, headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer."""
        self.request_seen.status = status
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _PER_CONNECTION:
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reset(self) -> None:
        """Reset the connection, without an answer."""
        self.close_connection = True
        _reset(self.connection)


Fault = Callable[[Exchange], None]


def pass_on(exchange: Exchange) -> None:
    """Do nothing to a request."""
    exchange.send(*exchange.forward())


def reset(exchange: Exchange) -> None:
    """Reset the connection before Block Storage hears of the request."""
    exchange.reset()


def lose_answer(exchange: Exchange) -> None:
    """Reset the connection when Block Storage has done what was asked for."""
    exchange.forward()
    exchange.reset()


def answer(status: int, *, retry_after: int | None = None, done: bool = False) -> Fault:
    """Answer in place of Block Storage, which has done what was asked for or has not."""
    headers = [('Content-Type', 'text/plain')]
    if retry_after is not None:
        headers.append(('Retry-After', str(retry_after)))

    def fault(exchange: Exchange) -> None:
        if done:
            exchange.forward()
        exchange.send(status, headers, b'injected')

    return fault


def delay(seconds: float) -> Fault:
    """Answer late."""
    return meanwhile(lambda: time.sleep(seconds))


def never_answer(exchange: Exchange) -> None:
    """Take a request, and say nothing as long as the test lasts."""
    exchange.close_connection = True
    exchange.server.proxy.is_closed.wait(_GIVE_UP)


def meanwhile(happens: Callable[[], Any]) -> Fault:
    """Have something happen in the cloud just before a request arrives there."""

    def fault(exchange: Exchange) -> None:
        happens()
        pass_on(exchange)

    return fault


def then(happens: Callable[[], Any]) -> Fault:
    """Have something happen when a request has been answered."""

    def fault(exchange: Exchange) -> None:
        pass_on(exchange)
        exchange.wfile.flush()
        happens()

    return fault


class Proxy:
    """Stands on a port of its own between a client and the sandbox's Block Storage."""

    def __init__(self, volume_url: str) -> None:
        upstream = urllib.parse.urlsplit(volume_url)
        self.upstream = (str(upstream.hostname), int(upstream.port or 80))
        self.all_requests: list[Request] = []
        self._script: list[tuple[re.Pattern[str], Iterator[Fault]]] = []
        self._lock = threading.Lock()
        self.is_closed = threading.Event()
        self._socket = _bound(0)
        self.port = int(self._socket.getsockname()[1])
        self._folder = tempfile.TemporaryDirectory(prefix='backupext-proxy-')
        self.up()

    def environment(self, account: Account) -> dict[str, str]:
        """Lead a client to this proxy; it costs the client a question for the versions here."""
        # OSC heeds OS_BLOCK_STORAGE_ENDPOINT_OVERRIDE only after 9.0, and clouds.yaml always.
        override = f'http://127.0.0.1:{self.port}/v3'
        clouds = {'proxy': {'block_storage_endpoint_override': override}}
        path = Path(self._folder.name, 'clouds.yaml')
        path.write_text(json.dumps({'clouds': clouds}), 'utf-8')
        return {**account.environment, 'OS_CLIENT_CONFIG_FILE': str(path), 'OS_CLOUD': 'proxy'}

    def script(self, line: str, *faults: Fault, forever: Fault = pass_on) -> None:
        """Say what happens to the first, the second... request that a pattern matches, and then."""

        def each() -> Iterator[Fault]:
            yield from faults
            while True:
                yield forever

        self._script.append((re.compile(line), each()))

    def forget(self) -> None:
        """Begin anew: no requests, no script."""
        self.all_requests.clear()
        self._script.clear()

    def fault_for(self, line: str) -> Fault:
        """Choose what happens to a request."""
        with self._lock:
            for pattern, faults in self._script:
                if pattern.fullmatch(line):
                    return next(faults)
        return pass_on

    @property
    def requests(self) -> list[Request]:
        """What was asked for, without questions for the versions."""
        return [request for request in self.all_requests if request.line not in {'GET ', 'GET /'}]

    def lines(self, pattern: str = '.*') -> list[str]:
        """Give the requests that a pattern matches."""
        return [request.line for request in self.requests if re.fullmatch(pattern, request.line)]

    def up(self) -> None:
        """Listen."""
        self._server = _Server(self._socket, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def down(self) -> None:
        """Refuse connections and reset those that there are, but keep the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.reset_connections()
        self._socket = _bound(self.port)

    def close(self) -> None:
        """Give up the port."""
        self.is_closed.set()
        self.down()
        self._socket.close()
        self._folder.cleanup()


class _Server(ThreadingHTTPServer):
    """Listens on a socket that is bound already, and knows its connections."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, proxy: Proxy) -> None:
        super().__init__(listener.getsockname(), Exchange, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_activate()
        self.proxy = proxy
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close without a farewell: it would come before a reset."""
        self._connections.discard(request)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that is interrupted goes away."""

    def reset_connections(self) -> None:
        for connection in list(self._connections):
            _reset(connection)
            # The thread that reads from it lets go of it.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)


def _bound(port: int) -> socket.socket:
    """Hold a port; as long as nothing listens, connections are refused."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(('127.0.0.1', port))
    return holder


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


class ProxyTest(FunctionalTest):
    """A test of commands that reach Block Storage through a proxy."""

    def setUp(self) -> None:
        self.proxy = Proxy(self.box.volume_url)
        self.addCleanup(self.proxy.close)

    @property
    def member(self) -> dict[str, str]:
        """The member of the class's project, behind the proxy."""
        return self.proxy.environment(self.project.member)

    def set_status(self, backup: str, status: str) -> None:
        """Set a backup's status as if the cloud had got there."""
        self.sql('UPDATE backups SET status = ? WHERE id = ?', status, backup)

    def finished_as(self, volume: str, status: str) -> Fault:
        """Have a volume's backups finish in a status, before the client looks at them."""

        def finish() -> None:
            self.wait_until(lambda: self.unfinished(volume), [])
            self.set_all(volume, status)

        return meanwhile(finish)

    def set_all(self, volume: str, status: str) -> None:
        """Set the status of all of a volume's backups."""
        self.sql('UPDATE backups SET status = ? WHERE volume_id = ?', status, volume)

    def unfinished(self, volume: str) -> list[str]:
        """List a volume's backups that are not available."""
        statement = "SELECT id FROM backups WHERE volume_id = ? AND status != 'available'"
        return [row[0] for row in self.sql(statement, volume)]

    def rows(self, table: str) -> list[str]:
        """List the IDs of what the project has."""
        statement = f'SELECT id FROM {table} WHERE project_id = ? AND NOT deleted'
        return [row[0] for row in self.sql(statement, self.project.id)]
