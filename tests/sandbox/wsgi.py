# SPDX-License-Identifier: Apache-2.0
"""A threaded HTTP/1.1 server of a WSGI application, with keep-alive.

wsgiref's closes every connection after one answer, which no deployed cloud does; clients that reuse
connections, as the SDK does, deserve one that does not.
"""

from __future__ import annotations

import io
import logging
import sys
import time
import urllib.parse
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    # As in wsgiref.types, which is newer than Python 3.10.
    StartResponse = Callable[..., Callable[[bytes], Any]]
    Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_LOG = logging.getLogger(__name__)
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Server(ThreadingHTTPServer):
    """Serves every connection in a thread of its own, on a socket that is already open."""

    daemon_threads = True

    def __init__(
        self,
        listener: socket.socket,
        application: Application,
        now: Callable[[], float] = time.time,
    ) -> None:
        address = listener.getsockname()
        super().__init__(address, _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = address[0], address[1]
        self.application = application
        self.now = now

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log a closed connection in one line, and any other error in full."""
        if isinstance(sys.exc_info()[1], ConnectionError):
            _LOG.info('%s closed its connection early', client_address)
        else:
            _LOG.exception('A request of %s failed', client_address)


class _Answer:
    """The status and headers of an application's response, and the body."""

    def __init__(self) -> None:
        self.status = ''
        self.headers: list[tuple[str, str]] = []
        self.body = io.BytesIO()

    def start(
        self,
        status: str,
        headers: list[tuple[str, str]],
        _error: Any = None,
    ) -> Callable[[bytes], Any]:
        self.status, self.headers = status, headers
        return self.body.write


class _Handler(BaseHTTPRequestHandler):
    """Calls the application for each request on a connection, one after another."""

    protocol_version = 'HTTP/1.1'
    # Send a response at once, in one packet: otherwise Nagle's algorithm costs 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Write a time for a header, by default what the server takes for now."""
        return super().date_time_string(self.server.now() if timestamp is None else timestamp)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        _LOG.info(format, *args)

    def respond(self) -> None:
        if 'Transfer-Encoding' in self.headers:
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return
        answer = _Answer()
        try:
            self._call(answer.start, answer)
        except Exception:  # noqa: BLE001  # the client gets a response in any case
            _LOG.exception('%s %s', self.command, self.path)
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        self._send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = respond  # noqa: N815

    def _call(self, start: StartResponse, answer: _Answer) -> None:
        chunks = self.server.application(self._environ(), start)
        try:
            for chunk in chunks:
                answer.body.write(chunk)
        finally:
            close = getattr(chunks, 'close', None)
            if close is not None:
                close()

    def _environ(self) -> dict[str, Any]:
        path, _, query = self.path.partition('?')
        length = self.headers.get('Content-Length', '')
        environ: dict[str, Any] = {
            'REQUEST_METHOD': self.command,
            'SCRIPT_NAME': '',
            'PATH_INFO': urllib.parse.unquote(path, 'iso-8859-1'),
            'QUERY_STRING': query,
            'CONTENT_TYPE': self.headers.get('Content-Type', ''),
            'CONTENT_LENGTH': length,
            'SERVER_NAME': self.server.server_name,
            'SERVER_PORT': str(self.server.server_port),
            'SERVER_PROTOCOL': self.request_version,
            'REMOTE_ADDR': self.client_address[0],
            'wsgi.version': (1, 0),
            'wsgi.url_scheme': 'http',
            'wsgi.input': io.BytesIO(self.rfile.read(int(length or 0))),
            'wsgi.errors': sys.stderr,
            'wsgi.multithread': True,
            'wsgi.multiprocess': False,
            'wsgi.run_once': False,
        }
        for name, value in self.headers.items():
            key = 'HTTP_' + name.upper().replace('-', '_')
            environ[key] = f'{environ[key]},{value}' if key in environ else value
        return environ

    def _send(self, answer: _Answer) -> None:
        code, _, reason = answer.status.partition(' ')
        body = answer.body.getvalue()
        self.send_response(int(code), reason)
        names = set()
        for name, value in answer.headers:
            names.add(name.lower())
            self.send_header(name, value)
        if 'content-length' not in names and int(code) not in _WITHOUT_BODY:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD' and int(code) not in _WITHOUT_BODY:
            self.wfile.write(body)
