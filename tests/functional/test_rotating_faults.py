# SPDX-License-Identifier: Apache-2.0
"""Rotations that are killed, run twice, or meet faults: nothing is lost, and nothing is doubled."""

import contextlib
import functools
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

from tests.functional.client import OpenStack, Result, with_plugin
from tests.functional.faults import (
    Exchange,
    Fault,
    ProxyTest,
    after_answer,
    answer,
    before_arrival,
    lose_answer,
    pass_on,
    reset,
)
from tests.functional.rotating import ROTATE, RotateTest

ONCE = '--skip-newer-than 12h'


@functools.cache
def second_client() -> OpenStack:
    """Return a client that runs commands beside those of the first one."""
    return OpenStack(Path(sys.executable))


class FaultTest(RotateTest, ProxyTest):
    """A rotation that reaches Cinder through a proxy."""

    def assert_heals(self, options: str, *volumes: str) -> None:
        """Expect that the night after a disturbed one works, and that everything restores."""
        rows = self.rotate_on(0, options)
        self.assertEqual(self.results(rows), dict.fromkeys(volumes, 'created'))
        self.assertEqual(set(self.statuses()), {'available'})
        self.assert_all_restore()


class KillTest(FaultTest):
    """kill -9 at each step of a night in which a chain is replaced by a new one."""

    def setUp(self) -> None:
        super().setUp()
        self.volume = self.make_volume()
        self.options = f'{self.volume} {self.chained} --max-chain 2 --keep-last 1 --auto-approve'
        for ago in (3, 2):
            self.rotate_on(ago, self.options)
        self.full, self.leaf = self.backups()
        self.proxy.forget()

    def assert_survives(self, line: str, *faults: Fault) -> None:
        """Expect that a run dies from a fault, and that the next ones repair what it has left."""
        self.proxy.script(line, *faults)
        self.write_night(self.volume)
        with self.night(1):
            result = self.run_openstack(f'{ROTATE} {self.options}')
            self.assertEqual(result.status, -signal.SIGKILL, result.stderr)
            self.wait_until(self.running, [])
            self.remember_new()
            self.proxy.forget()
            self.rotate(f'{self.options} {ONCE}')
        new = self.backups().keys() - {self.full, self.leaf}
        self.assertEqual(len(new), 1)
        self.assert_heals(self.options, self.volume)
        self.assertEqual(len(self.backups()), 2)

    def running(self) -> list[str]:
        """Return the backups that Cinder works on."""
        return [id_ for id_, row in self.backups().items() if row['status'] != 'available']

    def test_before_the_backup_is_requested(self) -> None:
        self.assert_survives('POST /backups', dies_first)

    def test_after_the_backup_is_requested(self) -> None:
        self.assert_survives('POST /backups', after_answer(die))

    def test_while_waiting(self) -> None:
        self.assert_survives('GET /backups/detail', pass_on, before_arrival(die))

    def test_between_backup_and_deletion(self) -> None:
        self.assert_survives(f'GET /backups/{self.leaf}', dies_first)

    def test_before_the_first_deletion(self) -> None:
        self.assert_survives(f'DELETE /backups/{self.leaf}', dies_first)

    def test_after_the_first_deletion(self) -> None:
        self.assert_survives(f'DELETE /backups/{self.leaf}', after_answer(die))

    def test_in_the_middle_of_the_chain(self) -> None:
        self.assert_survives(f'DELETE /backups/{self.full}', dies_first)


def die() -> None:
    """Kill the command that runs."""
    with_plugin().send_signal(signal.SIGKILL)


def dies_first(exchange: Exchange) -> None:
    """Kill the command before its request reaches Cinder."""
    die()
    exchange.reset()


class InterruptTest(FaultTest):
    """Runs that end while a backup is being created."""

    def begin_and_stop(self, volume: str, number: int) -> Result:
        """Send a signal to a run that waits for the backup of a volume."""
        run = self.begin(f'{ROTATE} --all-volumes --concurrency 1 -f json')
        polls = self.proxy.lines
        self.wait_until(lambda: len(polls('GET /backups/detail')) > 1, wanted=True)
        self.assertEqual(self.status('volume', volume), 'backing-up')
        with_plugin().send_signal(number)
        return run.result()

    def test_next_run_adopts_the_backup_of_a_killed_one(self) -> None:
        volume = self.make_volume()
        with self.box.faults.hold('create', volume):
            killed = self.begin_and_stop(volume, signal.SIGKILL)
            self.assertEqual(killed.status, -signal.SIGKILL)
            self.proxy.forget()
            run = self.begin(f'{ROTATE} --all-volumes -f json')
            self.wait_until(lambda: self.proxy.lines('GET /limits'), ['GET /limits'])
        rows = self.rows_of(run.result())
        self.assertEqual(self.results(rows), {volume: 'adopted'})
        self.assertEqual(self.statuses(), ['available'])
        self.assert_all_restore()

    def test_sigterm_names_what_still_runs(self) -> None:
        self.assert_names_what_still_runs(signal.SIGTERM, 143)

    def test_ctrl_c_names_what_still_runs(self) -> None:
        self.assert_names_what_still_runs(signal.SIGINT, 130)

    def assert_names_what_still_runs(self, number: int, status: int) -> None:
        """Expect that a signal ends a run with a message and a status, and cancels nothing."""
        waiting, running = self.make_volume(), self.make_volume()
        with self.box.faults.hold('create', running):
            result = self.begin_and_stop(running, number)
        rows = self.rows_of(result, status=status)
        self.assertEqual(self.results(rows), {running: 'interrupted', waiting: 'deferred'})
        (backup,) = self.backups()
        self.assert_has(self.stderr, 'Interrupted', f'openstack volume backup show {backup}')
        self.wait_for('backup', backup)
        rows = self.rotate(f'--all-volumes {ONCE}')
        self.assertEqual(self.results(rows), {waiting: 'created', running: 'recent'})
        self.assert_all_restore()


class TwoRunsTest(FaultTest):
    """Two runs at the same time."""

    def run_second(self, options: str, home: str) -> Result:
        """Run a rotation beside another one, with a state folder."""
        environment = {**self.member, 'XDG_STATE_HOME': home}
        return second_client().run(f'{ROTATE} {options}', environment, pause=self.pause)

    def test_second_run_on_the_same_machine_ends_at_once(self) -> None:
        volume = self.make_volume()
        with self.box.faults.hold('create', volume):
            run = self.begin(f'{ROTATE} --all-volumes -f json')
            self.wait_for('volume', volume, 'backing-up')
            second = self.run_second('--all-volumes', self.home)
            other = self.run_second('--all-volumes --shard 1/1 --timeout 1s', self.home)
        self.assertEqual((second.status, second.stdout), (5, ''))
        self.assertIn("Another run of rotation 'rotation' is in progress", second.stderr)
        # Another part of the volumes has a lock of its own. This one adopts the backup.
        self.assertEqual(other.status, 3, other.stderr)
        self.assertEqual(self.results(self.rows_of(run.result())), {volume: 'created'})

    def test_runs_on_two_machines_double_nothing(self) -> None:
        volumes = [self.make_volume() for _ in range(4)]
        self.write_night(*volumes)
        options = f'--all-volumes --concurrency 2 {ONCE} -f json'
        with tempfile.TemporaryDirectory() as home, ThreadPoolExecutor(1) as thread:
            with contextlib.ExitStack() as held:
                for volume in volumes:
                    held.enter_context(self.box.faults.hold('create', volume))
                first = self.begin(f'{ROTATE} {options}')
                second = thread.submit(self.run_second, options, home)
                self.wait_until(lambda: len(self.proxy.lines('GET /limits')), 2)
                self.wait_until(lambda: len(self.backups()), 2)
            results = [self.rows_of(each.result()) for each in (first, second)]
        self.assertEqual({row['Error'] for rows in results for row in rows.values()}, {''})
        # If Cinder accepts both requests for a volume, one of the backups fails.
        whole = [row for row in self.backups().values() if row['status'] == 'available']
        self.assertEqual(len(whole), len(volumes))
        self.assert_all_restore()


class RestartTest(FaultTest):
    """Services that restart in the middle of a run."""

    def test_backup_service_that_restarts_fails_one_volume(self) -> None:
        other, hit = self.make_volume(), self.make_volume()
        # One at a time, so that the order of the next night is certain.
        options = f'--all-volumes {self.chained} --keep-last 2 --auto-approve --concurrency 1'
        self.rotate_on(2, options)
        self.write_night(other, hit)
        self.box.faults.fail_next('create', hit, 'killed')
        with self.night(1):
            with self.box.faults.hold('create', hit):
                run = self.begin(f'{ROTATE} {options} -f json')
                self.wait_for('volume', hit, 'backing-up')
                self.wait_until(lambda: len(self.proxy.lines('POST /backups')), 3)
                self.box.faults.restart_backup_service()
            rows = self.rows_of(run.result(), status=4)
        self.assertEqual(self.results(rows), {hit: 'failed', other: 'created'})
        self.assertIn('restart', rows[hit]['Error'])
        self.assertEqual(len(self.backups(hit)), 2)
        self.assert_heals(options, hit, other)

    def test_api_that_restarts_is_waited_for(self) -> None:
        volumes = [self.make_volume() for _ in range(2)]

        def restart() -> None:
            self.proxy.down()
            Timer(0.5, self.proxy.up).start()

        self.proxy.script('POST /backups', after_answer(restart))
        rows = self.rotate()
        self.assertEqual(self.results(rows), dict.fromkeys(reversed(volumes), 'created'))
        self.assertIn('Retrying until the cloud answers.', self.stderr)
        self.assert_all_restore()


class TokenTest(FaultTest):
    """Tokens that expire in the middle of a run."""

    def test_new_token_continues_the_run(self) -> None:
        volumes = [self.make_volume() for _ in range(2)]
        options = '--all-volumes --max-chain 1 --keep-last 1 --auto-approve'
        self.rotate_on(1, options)
        self.proxy.forget()
        for line in ('GET /limits', 'POST /backups', 'GET /backups/.+', 'DELETE /backups/.+'):
            self.proxy.script(line, expire)
        rows = self.rotate(options)
        refused = [each.line.split()[0] for each in self.proxy.requests if each.status == 401]
        self.assertEqual(set(refused), {'GET', 'POST', 'DELETE'})
        self.assertEqual({row['Result'] for row in rows.values()}, {'created'})
        self.assertEqual(len(self.backups()), len(volumes))
        self.assert_all_restore()


def expire(exchange: Exchange) -> None:
    """Let Cinder refuse the token of a request as it refuses an expired one."""
    exchange.headers.replace_header('X-Auth-Token', 'expired')
    pass_on(exchange)


class NetworkTest(FaultTest):
    """A network that loses requests and answers."""

    def test_faults_of_every_kind_cost_nothing(self) -> None:
        volumes = [self.make_volume() for _ in range(3)]
        options = '--all-volumes --max-chain 1 --keep-last 1 --auto-approve'
        self.rotate_on(1, options)
        old = set(self.backups())
        self.proxy.forget()
        gone = answer(504, done=True)
        self.proxy.script('GET /volumes/detail', answer(503))
        self.proxy.script('GET /limits', reset, answer(502))
        self.proxy.script('POST /backups', lose_answer, reset, gone)
        self.proxy.script('GET /backups/detail', answer(500), pass_on, answer(429, retry_after=1))
        self.proxy.script('GET /backups/.+', answer(503), reset)
        self.proxy.script('DELETE /backups/.+', lose_answer, gone, reset)
        rows = self.rotate_on(0, options)
        self.assertEqual({row['Result'] for row in rows.values()}, {'created'})
        self.assertEqual(sum(row['Deleted'] for row in rows.values()), len(volumes))
        self.assertEqual(self.stderr.count('Retrying until the cloud answers.'), 1)
        self.assertEqual(len(self.backups()), len(volumes))
        self.assertFalse(old & self.backups().keys())
        self.assert_all_restore()
