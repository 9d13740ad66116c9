# SPDX-License-Identifier: Apache-2.0
"""A user who waits for a backup at a terminal."""

from typing import Any

from tests.unit.rows import ID, backup
from tests.unit.shell import CommandTest, Result, Terminal, run

WAIT = 'volume backup wait'
GET = f'GET /backups/{ID}'


class WatchTest(CommandTest):
    def on_statuses(self, *statuses: str, **changes: Any) -> None:
        for status in statuses:
            self.cloud.on(GET, {'backup': backup(status=status, **changes)})
        self.cloud.on(f'GET /messages?resource_uuid={ID}', {'messages': []})

    def at_a_terminal(self, arguments: str, columns: int = 120) -> Result:
        """Run a command whose stderr is a terminal."""
        size = {'COLUMNS': str(columns), 'LINES': '24', 'TERM': 'xterm'}
        with self.clock.installed():
            return run(arguments, {**self.cloud.environment, **size}, stderr=Terminal())
