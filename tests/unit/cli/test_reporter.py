# SPDX-License-Identifier: Apache-2.0
"""Output on stderr without a terminal and with -q, through the real shell."""

import contextlib
import sys
from collections.abc import Iterator

from tests.unit.cli.watching import WAIT, WatchTest
from tests.unit.rows import ID
from tests.unit.shell import Result, run

RICH = ('rich', 'rich.console', 'rich.live', 'rich.table', 'rich.text')


@contextlib.contextmanager
def without_rich() -> Iterator[None]:
    """Let every import of rich fail; other modules remain imported."""
    before = {name: sys.modules.get(name) for name in RICH}
    sys.modules.update(dict.fromkeys(RICH))  # type: ignore[arg-type]  # as importlib allows it
    try:
        yield
    finally:
        for name, module in before.items():
            del sys.modules[name]
            if module:
                sys.modules[name] = module


class LinesTest(WatchTest):
    def test_each_change_has_a_line_without_a_terminal(self) -> None:
        self.on_statuses(*['creating'] * 5, 'available')
        self.assert_prints(
            f'{WAIT} {ID}',
            '',
            f"Backup 'nightly' ({ID}): creating\nBackup 'nightly' ({ID}): available",
        )

    def test_closed_stderr_does_not_stop_a_wait(self) -> None:
        self.on_statuses('creating', 'available')
        with self.clock.installed():
            result = run(f'{WAIT} {ID}', self.cloud.environment, has_stderr=False)
        self.assertEqual(result, Result(0, '', ''))

    def test_rich_is_not_needed_without_a_terminal(self) -> None:
        self.on_statuses('creating', 'available')
        with without_rich():
            self.assertEqual(self.openstack(f'{WAIT} {ID}').status, 0)

    def test_rich_is_not_needed_with_quiet_or_without_a_wait(self) -> None:
        self.on_statuses('creating', 'available')
        self.cloud.on('GET /backups/detail?name=nosuch', {'backups': []})
        with without_rich():
            self.assertEqual(self.at_a_terminal(f'-q {WAIT} {ID}'), Result(0, '', ''))
            gone = self.at_a_terminal(f'{WAIT} nosuch --deleted')
            self.assertEqual(gone, Result(0, '', ''))

    def test_rich_is_needed_at_a_terminal(self) -> None:
        self.on_statuses('creating', 'available')
        with without_rich():
            self.assertEqual(self.at_a_terminal(f'{WAIT} {ID}').status, 1)
