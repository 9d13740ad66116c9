# SPDX-License-Identifier: Apache-2.0
"""The live lines of a wait at a terminal, through the real shell."""

import re
from unittest import mock

from rich.live import Live

from tests.unit.cli.watching import GET, WAIT, WatchTest
from tests.unit.rows import ID, OTHER_ID, VOLUME_ID, backup
from tests.unit.shell import Result

HIDE, SHOW = '\x1b[?25l', '\x1b[?25h'

_PIECE = re.compile(r'\x1b\[(\??)(\d*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)')


def screen(written: str) -> list[str]:
    """Return the final screen of a terminal that understands the sequences of rich.

    It is wide enough, and long enough, for everything.
    """
    lines, row, column = [''], 0, 0
    for private, number, command, control, text in _PIECE.findall(written):
        if text:
            lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
            column += len(text)
        elif control == '\n':
            row, column = row + 1, 0
            lines += [''] * (row + 1 - len(lines))
        elif control == '\r':
            column = 0
        elif command == 'A':
            row -= int(number or 1)
        elif command == 'K':
            lines[row] = ''
        elif not (private and command in 'hl'):
            raise AssertionError(f'what does {command} do?')
    return [line.rstrip() for line in lines]


class BoardTest(WatchTest):
    def draw_while_time_passes(self) -> None:
        """Let rich draw in each sleep, because its own timer does not know the fake clock."""
        lives: list[Live] = []
        start = Live.start

        def remember(live: Live, refresh: bool = False) -> None:  # noqa: FBT001, FBT002  # as rich
            lives.append(live)
            start(live, refresh)

        patch = mock.patch.object(Live, 'start', remember)
        patch.start()
        self.addCleanup(patch.stop)

        def draw() -> None:
            for live in lives:
                live.refresh()

        self.clock.during = draw

    def test_name_status_and_time_are_shown(self) -> None:
        self.on_statuses(*['creating'] * 6, 'available', object_count=42)
        self.draw_while_time_passes()
        result = self.at_a_terminal(f'{WAIT} {ID}')
        self.assertEqual((result.status, result.stdout), (0, ''))
        self.assertIn(f'backup nightly ({ID})', result.stderr)
        self.assertIn('creating', result.stderr)
        last = result.stderr.split('backup nightly')[-1]
        # 1 + 1.5 + 2.25 + 3.375 + 5.06 + 7.59 seconds.
        self.assertRegex(last, r'available\s+20s\s+42 objects')

    def test_long_name_is_shortened_to_fit_the_line(self) -> None:
        for columns, shown in (
            (80, 'nightly…'),
            (76, 'nig…'),
            (120, 'nightly-of-the-ledger'),
        ):
            with self.subTest(columns):
                self.use_cloud()
                self.on_statuses('creating', 'available', name='nightly-of-the-ledger')
                lines = screen(self.at_a_terminal(f'{WAIT} {ID}', columns).stderr)
                self.assertEqual(lines[0].split('  ')[0], f'backup {shown} ({ID})')
                self.assertIn('available', lines[0])
                self.assertLessEqual(len(lines[0].rstrip()), columns)

    def test_board_ends_with_a_visible_cursor_on_a_new_line(self) -> None:
        self.on_statuses('creating', 'available')
        stderr = self.at_a_terminal(f'{WAIT} {ID}').stderr
        self.assertEqual(stderr.count(HIDE), 1)
        self.assertEqual(stderr.count(SHOW), 1)
        self.assertTrue(stderr.endswith(SHOW))
        self.assertEqual(stderr.removesuffix(SHOW)[-1], '\n')

    def test_ctrl_c_restores_the_cursor_before_the_message(self) -> None:
        self.on_statuses('creating')
        self.clock.interrupt_at(2)
        result = self.at_a_terminal(f'{WAIT} {ID}')
        self.assertEqual(result.status, 130)
        self.assertTrue(result.stderr.partition(SHOW)[2].startswith('Interrupted; '), result.stderr)
        self.assertTrue(result.stderr.endswith(f'(to check: openstack volume backup show {ID}).\n'))

    def test_time_limit_restores_the_cursor_before_the_message(self) -> None:
        self.on_statuses('creating')
        result = self.at_a_terminal(f'{WAIT} {ID} --timeout 1m')
        self.assertEqual(result.status, 3)
        self.assertTrue(result.stderr.partition(SHOW)[2].startswith('Timed out '))

    def test_failure_restores_the_cursor_before_the_message(self) -> None:
        self.on_statuses('creating', 'error', fail_reason='No space left.')
        result = self.at_a_terminal(f'{WAIT} {ID}')
        self.assertEqual(result.status, 1)
        self.assertEqual(
            result.stderr.partition(SHOW)[2],
            f"Backup 'nightly' ({ID}) is in status error (the server said: No space left).\n",
        )

    def test_fault_is_reported_once_above_the_live_lines(self) -> None:
        self.on_statuses('creating')
        for _ in range(3):
            self.cloud.refuse(GET, 503, 'Starting [1/2].')
        self.on_statuses('available')
        stderr = self.at_a_terminal(f'{WAIT} {ID}', columns=300).stderr
        self.assertEqual(stderr.count('Retrying until the cloud answers.'), 1)
        # No markup of rich's.
        self.assertIn('Starting [1/2]', stderr)

    def test_markup_and_control_characters_in_a_name_are_escaped(self) -> None:
        self.on_statuses('creating', 'available', name='[red]\x1b[2Jx')
        stderr = self.at_a_terminal(f'{WAIT} {ID}').stderr
        self.assertIn(r'[red]\x1b[2Jx', stderr)
        self.assertNotIn('\x1b[2J', stderr)

    def test_stdout_has_only_the_table(self) -> None:
        said = {'backup': {'id': ID, 'name': 'nightly', 'links': []}}
        self.cloud.on('POST /backups', said, status=202)
        self.on_statuses('creating', 'available')
        create = f'volume backup create {VOLUME_ID} -f value -c id'
        self.assertEqual(self.at_a_terminal(f'{create} --wait').stdout, f'{ID}\n')

    def test_each_backup_has_a_line(self) -> None:
        self.on_two({'status': 'creating'}, {'status': 'available'})
        result = self.at_a_terminal(f'{WAIT} {ID} {OTHER_ID}')
        self.assertEqual(result.status, 0)
        self.assertEqual(
            screen(result.stderr),
            [
                f'backup nightly ({ID})  available  2s  2 objects',
                f'backup weekly ({OTHER_ID})   available  2s  2 objects',
                '',
            ],
        )

    def test_failure_remains_on_the_screen_while_others_continue(self) -> None:
        self.on_two(
            {'status': 'creating'}, {'status': 'error', 'fail_reason': 'Full.'}, other='creating'
        )
        self.cloud.on(f'GET /messages?resource_uuid={ID}', {'messages': []})
        result = self.at_a_terminal(f'{WAIT} {ID} {OTHER_ID}', columns=300)
        self.assertEqual(result.status, 1)
        shown = screen(result.stderr)
        self.assertIn(f"Backup 'nightly' ({ID}) is in status error (the server said: Full).", shown)
        # Each backup has exactly one line.
        for name in ('nightly', 'weekly'):
            self.assertEqual(len([line for line in shown if f'backup {name}' in line]), 1, shown)

    def on_two(self, *states: dict[str, str], other: str = 'available') -> None:
        """Prepare two backups; the second finishes after the first has had all its statuses."""
        rows = {}
        for state in states:
            status = 'creating' if state is not states[-1] else other
            rows = {ID: backup(**state), OTHER_ID: backup(OTHER_ID, name='weekly', status=status)}
            for id_, row in rows.items():
                self.cloud.on(f'GET /backups/{id_}', {'backup': row})
            self.cloud.on('GET /backups/detail', {'backups': list(rows.values())})
        self.cloud.on(f'GET /backups/{OTHER_ID}', {'backup': backup(OTHER_ID, name='weekly')})

    def test_finished_backup_is_shown_and_the_cursor_restored(self) -> None:
        self.on_statuses('available')
        result = self.at_a_terminal(f'{WAIT} {ID}')
        self.assertEqual((result.status, result.stdout), (0, ''))
        shown = f'backup nightly ({ID})  available  0s  2 objects'
        self.assertEqual(screen(result.stderr), [shown, ''])
        self.assertTrue(result.stderr.endswith(SHOW))
        self.assertEqual(self.clock.sleeps, [])

    def test_terminal_is_unchanged_if_nothing_is_waited_for(self) -> None:
        self.cloud.on('GET /backups/detail?name=nosuch', {'backups': []})
        result = self.at_a_terminal(f'{WAIT} nosuch --deleted')
        self.assertEqual(result, Result(0, '', ''))

    def test_quiet_shows_nothing(self) -> None:
        self.on_statuses('creating', 'available')
        self.assertEqual(self.at_a_terminal(f'-q {WAIT} {ID}'), Result(0, '', ''))
