# SPDX-License-Identifier: Apache-2.0
"""The process that holds a sandbox together: it starts Keystone and Cinder, and ends with them.

Runs under the Python of the sandbox's virtual environment, in a session of its own:
`supervisor STATE OPTIONS`. Standard input comes from whoever started it: when that ends, so does
the sandbox, unless `DETACH` was read from it before.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from tests.sandbox import clouds, config, lifeline
from tests.sandbox.layout import Layout, Template
from tests.sandbox.options import Options

DETACH = b'd'
OWNER = 0
BACKLOG = 128


@dataclass
class Server:
    """The process of a server, and the supervisor's end of the socket to it."""

    name: str
    process: subprocess.Popen[bytes]
    line: socket.socket
    ready: bool = False


@dataclass
class Supervisor:
    """A sandbox that starts or runs."""

    layout: Layout
    options: Options
    servers: list[Server] = field(default_factory=list)
    auth_url: str = ''
    volume_url: str = ''

    def run(self) -> None:
        """Serve until the owner, a server or a signal ends it; leave no process behind."""
        try:
            self._start()
            self._watch()
        finally:
            for server in self.servers:
                server.process.kill()
            for server in self.servers:
                server.process.wait()
        self._clean_up_after_the_owner()

    def _start(self) -> None:
        # The ports are bound before they are announced, so no other sandbox can take them.
        identity, storage = _listen(), _listen()
        self.auth_url = f'http://127.0.0.1:{identity.getsockname()[1]}/v3'
        self.volume_url = f'http://127.0.0.1:{storage.getsockname()[1]}/v3'
        self._copy_template()
        self._put_addresses()
        self._serve('identity', identity)
        self._serve('block_storage', storage, self.options.to_json())

    def _copy_template(self) -> None:
        template = Template(Path(sys.prefix, 'template'))
        shutil.copytree(template.keys, self.layout.keys)
        for source, target in (
            (template.keystone_database, self.layout.keystone_database),
            (template.cinder_database, self.layout.cinder_database),
        ):
            shutil.copyfile(source, target)
            with contextlib.closing(sqlite3.connect(target)) as database:
                # Readers do not wait for a writer.
                database.execute('PRAGMA journal_mode = WAL')

    def _put_addresses(self) -> None:
        """Write what depends on the ports: the catalogue, the configuration, clouds.yaml."""
        with contextlib.closing(sqlite3.connect(self.layout.keystone_database)) as database:
            for placeholder, url in (
                (f'{clouds.IDENTITY_PLACEHOLDER}/v3', self.auth_url),
                (f'{clouds.STORAGE_PLACEHOLDER}/v3', self.volume_url),
            ):
                database.execute('UPDATE endpoint SET url = ? WHERE url = ?', (url, placeholder))
            database.commit()
        lifetime = self.options.token_lifetime
        self.layout.keystone_conf.write_text(config.keystone_conf(self.layout, lifetime))
        driver = config.CEPH_DRIVER if self.options.ceph else config.POSIX_DRIVER
        self.layout.cinder_conf.write_text(
            config.cinder_conf(self.layout, self.auth_url, driver, self.options.store)
        )
        self.layout.clouds_yaml.write_text(clouds.clouds_yaml(self.auth_url))

    def _serve(self, module: str, listener: socket.socket, *arguments: str) -> None:
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            [
                *(sys.executable, '-m', f'tests.sandbox.{module}', 'serve'),
                *(str(self.layout.folder), str(listener.fileno()), *arguments),
            ],
            stdin=theirs.fileno(),
            pass_fds=[listener.fileno()],
        )
        theirs.close()
        listener.close()
        self.servers.append(Server(module, process, ours))

    def _watch(self) -> None:
        """Return when the owner is gone; if a server ends, end the others too."""
        owner: list[int] = [OWNER]
        while True:
            lines = [server.line.fileno() for server in self.servers]
            readable, _, _ = select.select([*owner, *lines], [], [])
            for server in self.servers:
                if server.line.fileno() in readable:
                    self._hear(server)
            if OWNER in readable:
                if os.read(OWNER, 1) != DETACH:
                    return
                owner = []

    def _hear(self, server: Server) -> None:
        if server.line.recv(1) != lifeline.READY:
            sys.exit(f'{server.name} ended with status {server.process.wait()}.')
        server.ready = True
        if all(one.ready for one in self.servers):
            self._write_facts()

    def _write_facts(self) -> None:
        """Announce that the sandbox is ready; a reader sees the whole file or none of it."""
        facts = {
            'pid': os.getpid(),
            'auth_url': self.auth_url,
            'volume_url': self.volume_url,
            'options': json.loads(self.options.to_json()),
        }
        unfinished = self.layout.facts.with_suffix('.new')
        unfinished.write_text(json.dumps(facts, indent=2) + '\n')
        unfinished.replace(self.layout.facts)

    def _clean_up_after_the_owner(self) -> None:
        """Remove a temporary folder that no other process will remove."""
        if self.options.temporary:
            shutil.rmtree(self.layout.folder, ignore_errors=True)


def _listen() -> socket.socket:
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(BACKLOG)
    return listener


def _end(*_: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == '__main__':
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    Supervisor(Layout(Path(sys.argv[1])), Options.from_json(sys.argv[2])).run()
