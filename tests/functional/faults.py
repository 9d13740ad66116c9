# SPDX-License-Identifier: Apache-2.0
"""A proxy in front of Block Storage that counts requests and injects faults."""

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

# Headers that apply to one connection, or that the proxy replaces.
_PER_CONNECTION = {'connection', 'keep-alive', 'transfer-encoding', 'content-length'}
_GIVE_UP = 60


@dataclass
class Request:
    """A request as it arrived, ``'GET /backups/detail'``, and its outcome."""

    line: str
    time: float
    status: int | None = None


class Exchange(BaseHTTPRequestHandler):
    """One request, which a fault answers, forwards or drops."""

    protocol_version = 'HTTP/1.1'
    # Send an answer at once, in one packet.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: '_Server'
    request_seen: Request
    content: bytes

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Log nothing: the tests check the requests."""

    def serve(self) -> None:
        self.content = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        proxy = self.server.proxy
        path = self.path.removeprefix('/v3').partition('?')[0]
        self.request_seen = Request(f'{self.command} {path}', time.monotonic())
        proxy.all_requests.append(self.request_seen)
        proxy.fault_for(self.request_seen.line)(self)

    do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815  # the base class's names

    def forward(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Forward the request to Block Storage, and return its answer."""
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
    """Forward a request without a fault."""
    exchange.send(*exchange.forward())


def reset(exchange: Exchange) -> None:
    """Reset the connection before Block Storage receives the request."""
    exchange.reset()


def lose_answer(exchange: Exchange) -> None:
    """Reset the connection after Block Storage has carried out the request."""
    exchange.forward()
    exchange.reset()


def answer(status: int, *, retry_after: int | None = None, done: bool = False) -> Fault:
    """Answer instead of Block Storage, after or without forwarding the request."""
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
    return before_arrival(lambda: time.sleep(seconds))


def never_answer(exchange: Exchange) -> None:
    """Accept a request and never answer it."""
    exchange.close_connection = True
    exchange.server.proxy.is_closed.wait(_GIVE_UP)


def before_arrival(happens: Callable[[], Any]) -> Fault:
    """Run a function just before a request arrives at the cloud."""

    def fault(exchange: Exchange) -> None:
        happens()
        pass_on(exchange)

    return fault


def after_answer(happens: Callable[[], Any]) -> Fault:
    """Run a function after a request was answered."""

    def fault(exchange: Exchange) -> None:
        pass_on(exchange)
        exchange.wfile.flush()
        happens()

    return fault


class Proxy:
    """A proxy with its own port between a client and the sandbox's Block Storage."""

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
        """Return variables for this proxy; the client then also asks it for the versions."""
        # OSC up to 9.0 ignores OS_BLOCK_STORAGE_ENDPOINT_OVERRIDE, but reads clouds.yaml.
        override = f'http://127.0.0.1:{self.port}/v3'
        clouds = {'proxy': {'block_storage_endpoint_override': override}}
        path = Path(self._folder.name, 'clouds.yaml')
        path.write_text(json.dumps({'clouds': clouds}), 'utf-8')
        return {**account.environment, 'OS_CLIENT_CONFIG_FILE': str(path), 'OS_CLOUD': 'proxy'}

    def script(self, line: str, *faults: Fault, forever: Fault = pass_on) -> None:
        """Set the faults of matching requests in turn, the last one for all later requests."""

        def each() -> Iterator[Fault]:
            yield from faults
            while True:
                yield forever

        self._script.append((re.compile(line), each()))

    def forget(self) -> None:
        """Forget all requests and faults."""
        self.all_requests.clear()
        self._script.clear()

    def fault_for(self, line: str) -> Fault:
        """Return the fault of a request."""
        with self._lock:
            for pattern, faults in self._script:
                if pattern.fullmatch(line):
                    return next(faults)
        return pass_on

    @property
    def requests(self) -> list[Request]:
        """The requests, without those for the versions."""
        return [request for request in self.all_requests if request.line not in {'GET ', 'GET /'}]

    def lines(self, pattern: str = '.*') -> list[str]:
        """Return the requests that match a pattern."""
        return [request.line for request in self.requests if re.fullmatch(pattern, request.line)]

    def up(self) -> None:
        """Listen."""
        self._server = _Server(self._socket, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def down(self) -> None:
        """Refuse new connections and reset the existing ones, but keep the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.reset_connections()
        self._socket = _bound(self.port)

    def close(self) -> None:
        """Return up the port."""
        self.is_closed.set()
        self.down()
        self._socket.close()
        self._folder.cleanup()


class _Server(ThreadingHTTPServer):
    """Listens on a bound socket, and keeps track of its connections."""

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
        """Close without a shutdown, which would precede the reset."""
        self._connections.discard(request)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors: an interrupted client closes its connection."""

    def reset_connections(self) -> None:
        for connection in list(self._connections):
            _reset(connection)
            # The thread that reads from the connection closes it.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)


def _bound(port: int) -> socket.socket:
    """Reserve a port; while nothing listens on it, connections are refused."""
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
        """Set a backup's status in the database."""
        self.sql('UPDATE backups SET status = ? WHERE id = ?', status, backup)

    def finished_as(self, volume: str, status: str) -> Fault:
        """Let a volume's backups end in a status before the client reads them."""

        def finish() -> None:
            self.wait_until(lambda: self.unfinished(volume), [])
            self.set_all(volume, status)

        return before_arrival(finish)

    def set_all(self, volume: str, status: str) -> None:
        """Set the status of all of a volume's backups."""
        self.sql('UPDATE backups SET status = ? WHERE volume_id = ?', status, volume)

    def unfinished(self, volume: str) -> list[str]:
        """List a volume's backups that are not available."""
        statement = "SELECT id FROM backups WHERE volume_id = ? AND status != 'available'"
        return [row[0] for row in self.sql(statement, volume)]

    def rows(self, table: str) -> list[str]:
        """Return the IDs of the project's backups or volumes."""
        statement = f'SELECT id FROM {table} WHERE project_id = ? AND NOT deleted'
        return [row[0] for row in self.sql(statement, self.project.id)]
