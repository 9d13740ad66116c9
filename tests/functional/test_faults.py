# SPDX-License-Identifier: Apache-2.0
"""Faults between client and cloud: nothing is lost, and nothing is created twice."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from threading import Timer

from tests.functional.base import make_project
from tests.functional.client import Result, heed_ctrl_c
from tests.functional.faults import (
    Fault,
    ProxyTest,
    after_answer,
    answer,
    before_arrival,
    delay,
    lose_answer,
    never_answer,
    pass_on,
    reset,
)
from tests.sandbox import Sandbox

# Transient faults, each with words of its message.
TRANSIENT: dict[str, tuple[Fault, str]] = {
    'reset': (reset, 'cannot be reached'),
    'lost': (lose_answer, 'cannot be reached'),
    '429': (answer(429, retry_after=1), 'too many requests'),
    '500': (answer(500), 'failed'),
    '502': (answer(502), 'not available'),
    '503': (answer(503), 'not available'),
    '504': (answer(504), 'in time'),
}

# The request is carried out, but its answer is lost.
LOST = {'lost': lose_answer, '504': answer(504, done=True)}

_WAITING = 'Retrying until the cloud answers.'


class RunningTest(ProxyTest):
    """A test that watches a running command."""

    def start(self, arguments: str) -> subprocess.Popen[str]:
        """Start a command, with pipes to read from."""
        return subprocess.Popen(
            [Path(sys.executable).with_name('openstack'), *arguments.split()],
            env={'PATH': os.environ['PATH'], 'LANG': 'C.UTF-8', **self.member},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_ctrl_c,  # noqa: PLW1509  # no threads hold locks here
        )


class WaitTest(RunningTest):
    """Faults in the middle of a wait."""

    def made(self, result: Result) -> str:
        """Expect that a backup was created, and return its ID."""
        self.assertEqual(result.status, 0, result.stderr)
        backup = result.stdout.strip()
        self.assertEqual(self.status('backup', backup), 'available')
        return backup

    def test_each_fault_is_tolerated_and_reported_once(self) -> None:
        volume = self.make_volume()
        for name, (fault, words) in TRANSIENT.items():
            with self.subTest(fault=name):
                self.proxy.forget()
                self.proxy.script('GET /backups/.+', fault)
                command = f'volume backup create {volume} --wait -f value -c id'
                result = self.run_openstack(command)
                backup = self.made(result)
                start, told, end = result.stderr.splitlines()
                self.assertEqual(start, f'Backup {backup}: creating')
                self.assertEqual(end, f'Backup {backup}: available')
                self.assertIn(words, told)
                self.assertTrue(told.endswith(_WAITING))
                self.assertEqual(len(self.proxy.lines('POST /backups')), 1)

    def test_many_faults_are_reported_once(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', answer(503), reset, answer(429))
        result = self.run_openstack(f'volume backup create {volume} --wait -f value -c id')
        self.made(result)
        self.assertEqual(result.stderr.count(_WAITING), 1)
        self.assertEqual(len(result.stderr.splitlines()), 3)

    def test_quiet_reports_no_fault(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', answer(503))
        result = self.run_openstack(f'-q volume backup create {volume} --wait -f value -c id')
        self.made(result)
        self.assertEqual(result.stderr, '')

    def test_retry_after_is_respected(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', answer(429, retry_after=3))
        self.made(self.run_openstack(f'volume backup create {volume} --wait -f value -c id'))
        first, second = (
            request.time for request in self.proxy.requests if request.line.startswith('GET')
        )
        self.assertGreaterEqual(second - first, 3)

    def test_time_limit_applies_while_the_cloud_does_not_answer(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        self.proxy.script(f'GET /backups/{backup}', pass_on, forever=answer(503, retry_after=3600))
        result = self.run_openstack(f'volume backup wait {backup} --timeout 2s')
        self.assertEqual((result.status, result.stdout), (3, ''))
        self.assertIn(f'openstack volume backup show {backup}', result.stderr.splitlines()[-1])

    def test_slow_answer_is_not_a_fault(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', delay(2))
        result = self.run_openstack(f'volume backup create {volume} --wait -f value -c id')
        self.made(result)
        self.assertNotIn(_WAITING, result.stderr)

    def test_restore_tolerates_a_fault(self) -> None:
        backup, volume = self.make_backup(self.make_volume()), self.make_volume()
        self.proxy.script(f'GET /volumes/{volume}', pass_on, reset, answer(502))
        result = self.run_openstack(f'volume backup restore {backup} {volume} --force --wait')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.status('volume', volume), 'available')
        self.assertEqual(result.stderr.count(_WAITING), 1)

    def test_list_of_many_tolerates_a_fault(self) -> None:
        volume = self.make_volume()
        backups = [self.make_backup(volume) for _ in range(4)]
        self.set_status(backups[0], 'creating')
        finish = before_arrival(lambda: self.set_status(backups[0], 'available'))
        self.proxy.script('GET /backups/.*', pass_on, reset, answer(500), finish)
        result = self.run_openstack(f'volume backup wait {" ".join(backups)}')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(result.stderr.count(_WAITING), 1)

    def test_waiting_commands_tolerate_a_fault_of_their_first_request(self) -> None:
        for command, look in (
            ('wait {newest}', 'GET /backups/.+'),
            ('delete {newest} --wait', 'GET /backups/.+'),
            ('delete {full} --cascade --auto-approve', 'GET /backups/.+'),
            ('prune --volume {volume} --keep-last 1 --auto-approve', 'GET /backups/detail'),
            ('restore {newest} --wait', 'GET /backups/.+'),
            ('create {name} --wait', 'GET /volumes/detail'),
        ):
            with self.subTest(command):
                name = self.unique('volume')
                volume = self.make_volume(name)
                ids = {'name': name, 'volume': volume, 'full': self.make_backup(volume)}
                ids['newest'] = self.make_backup(volume, incremental=True)
                self.proxy.forget()
                self.proxy.script(look, answer(503))
                result = self.run_openstack(f'volume backup {command.format_map(ids)}')
                self.assertEqual(result.status, 0, result.stderr)
                self.assertEqual(result.stderr.count(_WAITING), 1)
                self.assertEqual(self.proxy.requests[0].status, 503)

    def test_permanent_failure_ends_the_wait(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        self.proxy.script(f'GET /backups/{backup}', pass_on, answer(403))
        result = self.run_openstack(f'volume backup wait {backup}')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('your roles', result.stderr.splitlines()[-1])

    def test_rejected_token_is_renewed(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', answer(401))
        result = self.run_openstack(f'volume backup create {volume} --wait -f value -c id')
        self.made(result)
        self.assertEqual(len(self.proxy.lines('POST /backups')), 1)

    def test_wait_continues_after_cinder_restarts(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        self.proxy.script(f'GET /backups/{backup}', pass_on, after_answer(self.proxy.down))
        with self.start(f'volume backup wait {backup}') as process:
            assert process.stderr is not None
            # The command reports the refusal; only then does the service return.
            lines = []
            for line in process.stderr:
                lines.append(line)
                if _WAITING in line:
                    break
            self.set_status(backup, 'available')
            self.proxy.up()
            lines += process.stderr
            self.assertEqual(process.wait(60), 0, lines)
        self.assertEqual(lines[0], f'Backup {backup}: creating\n')
        self.assertIn('Connection refused', lines[1])
        self.assertEqual(lines[2:], [f'Backup {backup}: available\n'])


class SilenceTest(RunningTest):
    """A server that accepts connections and never answers."""

    def assert_ends_in_time(self, arguments: str, seconds: int) -> str:
        """Expect an exit soon after the time limit, and return the last line."""
        begun = time.monotonic()
        result = self.run_openstack(f'volume backup {arguments} --timeout {seconds}s')
        self.assertEqual((result.status, result.stdout), (3, ''), result.stderr)
        took = time.monotonic() - begun
        self.assertGreaterEqual(took, seconds)
        self.assertLess(took, seconds + 5)
        return result.stderr.splitlines()[-1]

    def test_wait_ends_at_the_time_limit(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('GET /backups/.+', forever=never_answer)
        self.assertIn('Timed out after 6s', self.assert_ends_in_time(f'wait {backup}', 6))

    def test_time_limit_applies_if_nothing_answers(self) -> None:
        self.proxy.script('.*', forever=never_answer)
        self.assert_ends_in_time(f'wait {uuid.uuid4()}', 6)

    def test_time_limit_applies_if_answers_stop(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        self.proxy.script('GET /backups/.+', pass_on, pass_on, forever=never_answer)
        told = self.assert_ends_in_time(f'wait {backup}', 6)
        self.assertIn(f'openstack volume backup show {backup}', told)

    def test_restore_without_answer_is_not_repeated(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('POST .*', forever=never_answer)
        told = self.assert_ends_in_time(f'restore {backup} --wait', 6)
        self.assertIn('It is unknown whether the restore has begun', told)
        self.assertEqual(len(self.proxy.lines('POST .*')), 1)

    def test_timeout_names_backups_that_may_be_deleted(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('DELETE .*', forever=never_answer)
        told = self.assert_ends_in_time(f'delete {backup} --wait', 6)
        self.assertIn(f'openstack volume backup show {backup}', told)

    def test_ctrl_c_ends_several_deletions_without_answer(self) -> None:
        backups = [self.make_backup(self.make_volume()) for _ in range(2)]
        self.proxy.script('DELETE .*', forever=never_answer)
        running = self.start(f'volume backup delete {" ".join(backups)}')
        self.wait_until(lambda: len(self.proxy.lines('DELETE .*')), 2)
        running.send_signal(signal.SIGINT)
        stdout, stderr = running.communicate(timeout=10)
        self.assertEqual((running.returncode, stdout), (130, ''), stderr)
        self.assertIn('Interrupted; nothing was cancelled.', stderr)
        for backup in backups:
            self.assertIn(backup, stderr)
        self.assertNotIn('Traceback', stderr)


class TokenTest(ProxyTest):
    """A cloud whose tokens expire before a backup is finished."""

    lifetime = 15

    @classmethod
    def setUpClass(cls) -> None:
        cls.box = Sandbox.start(token_lifetime=cls.lifetime)
        cls.addClassCleanup(cls.box.stop)
        cls.project = make_project(cls.box)

    def test_wait_outlives_the_token(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        begun = time.monotonic()

        def finish_late() -> None:
            if time.monotonic() - begun > self.lifetime + 1:
                self.set_status(backup, 'available')

        self.proxy.script(f'GET /backups/{backup}', forever=before_arrival(finish_late))
        result = self.run_openstack(f'volume backup wait {backup}')
        self.assertEqual(result.status, 0, result.stderr)
        lines = [f'Backup {backup}: creating', f'Backup {backup}: available']
        self.assertEqual(result.stderr.splitlines(), lines)
        self.assertGreater(time.monotonic() - begun, self.lifetime)


class CreateTest(ProxyTest):
    """A create whose answer is lost."""

    def assert_made_once(self, volume: str, options: str = '') -> Result:
        """Expect exactly one backup, whose ID is printed."""
        result = self.run_openstack(f'volume backup create {volume} -f value -c id {options}')
        self.assertEqual(result.status, 0, result.stderr)
        statement = 'SELECT id FROM backups WHERE volume_id = ?'
        self.assertEqual(self.sql(statement, volume), [(result.stdout.strip(),)])
        return result

    def test_backup_is_found_after_a_lost_answer(self) -> None:
        for name, fault in LOST.items():
            with self.subTest(fault=name):
                self.proxy.forget()
                self.proxy.script('POST /backups', fault)
                self.assert_made_once(self.make_volume(), f'--name {self.unique("backup")}')
                self.assertEqual(len(self.proxy.lines('POST /backups')), 1)

    def test_backup_with_all_options_is_found(self) -> None:
        self.proxy.script('POST /backups', lose_answer)
        options = '--description text --property a=b --property c=d --container some --force'
        self.assert_made_once(self.make_volume(), options)

    def test_found_backup_is_waited_for(self) -> None:
        self.proxy.script('POST /backups', lose_answer)
        result = self.assert_made_once(self.make_volume(), '--wait')
        self.assertEqual(self.status('backup', result.stdout.strip()), 'available')

    def test_request_that_never_arrived_is_sent_again(self) -> None:
        self.proxy.script('POST /backups', reset)
        self.assert_made_once(self.make_volume())
        self.assertEqual(len(self.proxy.lines('POST /backups')), 2)

    def test_search_continues_after_a_failed_look_up(self) -> None:
        self.proxy.script('POST /backups', lose_answer)
        self.proxy.script('GET /backups/detail', reset)
        self.assert_made_once(self.make_volume())
        self.assertEqual(len(self.proxy.lines('POST /backups')), 1)

    def test_unknown_outcome_is_reported(self) -> None:
        self.proxy.script('POST /backups', lose_answer)
        self.proxy.script('GET /backups/detail', forever=answer(503))
        sentence = self.fails(f'volume backup create {self.make_volume()}')
        self.assertIn('unknown', sentence)
        self.assertIn('openstack volume backup list', sentence)
        self.assertEqual(len(self.proxy.lines('POST /backups')), 1)

    def test_create_retries_after_429(self) -> None:
        self.proxy.script('POST /backups', answer(429, retry_after=1))
        self.assert_made_once(self.make_volume(), '--wait')
        first, second = (
            request.time for request in self.proxy.requests if request.line.startswith('POST')
        )
        self.assertGreaterEqual(second - first, 1)

    def test_refused_create_is_not_repeated(self) -> None:
        self.proxy.script('POST /backups', answer(413))
        sentence = self.fails(f'volume backup create {self.make_volume()} --wait')
        # From a proxy: Cinder would name the quota.
        self.assertIn('Too Large', sentence)
        self.assertNotIn('quota', sentence)
        self.assertEqual(len(self.proxy.lines('POST /backups')), 1)

    def test_create_retries_after_a_rate_limit(self) -> None:
        self.proxy.script('POST /backups', answer(413, retry_after=1))
        self.assert_made_once(self.make_volume(), '--wait')
        self.assertEqual(len(self.proxy.lines('POST /backups')), 2)

    def test_refusal_does_not_hide_the_first_failure(self) -> None:
        self.proxy.script('POST /backups', answer(500), answer(400))
        sentence = self.fails(f'volume backup create {self.make_volume()}')
        self.assertIn('the server failed', sentence)
        self.assertIn('The next try failed too', sentence)
        self.assertIn('Bad Request', sentence)

    def test_earlier_backup_is_not_mistaken_for_the_new_one(self) -> None:
        volume = self.make_volume()
        earlier = self.make_backup(volume)
        time.sleep(4)  # a backup created two seconds earlier would be accepted (see the code)
        self.proxy.script('POST /backups', reset)
        made = self.backup(f'create {volume} -f value -c id')
        self.assertNotEqual(made, earlier)
        self.wait_for('backup', made)


class DeleteTest(ProxyTest):
    """A delete whose answer is lost."""

    def test_deletion_is_repeated_until_the_backup_is_gone(self) -> None:
        for name, fault in LOST.items():
            with self.subTest(fault=name):
                self.proxy.forget()
                self.proxy.script('DELETE /backups/.*', fault)
                backup = self.make_backup(self.make_volume())
                self.backup(f'delete {backup} --wait')
                self.assertEqual(self.status('backup', backup), 'deleted')

    def test_chain_is_deleted_despite_faults(self) -> None:
        volume = self.make_volume()
        full = self.make_backup(volume)
        child = self.make_backup(volume, incremental=True)
        self.proxy.script('DELETE /backups/.*', lose_answer, lose_answer)
        self.proxy.script('GET /backups/.*', pass_on, pass_on, answer(503))
        self.backup(f'delete {full} {child} --wait')
        self.assertEqual({self.status('backup', each) for each in (full, child)}, {'deleted'})

    def test_failure_without_wait_is_one_sentence(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('DELETE /backups/.*', answer(503))
        self.assertIn(backup, self.fails(f'volume backup delete {backup}'))

    def test_lost_answer_without_wait_is_not_a_failure(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('DELETE /backups/.*', lose_answer)
        self.backup(f'delete {backup}')
        self.wait_for('backup', backup, 'deleted')


class RestoreTest(ProxyTest):
    """A restore whose answer is lost."""

    def assert_unknown(self, fault: Fault, arguments: str, made: int) -> None:
        """Expect that the request is not repeated, and that the outcome is called unknown."""
        before = len(self.rows('volumes'))
        self.proxy.script('POST /(backups/.*/restore|volumes)', fault)
        sentence = self.fails(f'volume backup restore {arguments}')
        self.assertIn('unknown', sentence)
        # The new volume is named, if there is one.
        self.assertIn(f'openstack volume {"show" if made else "list"}', sentence)
        self.assertEqual(len(self.proxy.lines('POST .*')), 1)
        self.assertEqual(len(self.rows('volumes')) - before, made)

    def test_restore_is_not_repeated(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assert_unknown(lose_answer, f'{backup} --name new --wait', 1)

    def test_restore_is_not_repeated_even_if_it_never_arrived(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assert_unknown(reset, f'{backup} --name new', 0)

    def test_restore_is_not_repeated_after_504(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assert_unknown(answer(504, done=True), f'{backup}', 1)

    def test_volume_with_a_type_is_not_created_twice(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assert_unknown(lose_answer, f'{backup} --name new --type __DEFAULT__', 1)


class InterruptTest(RunningTest):
    """Ctrl-C without a terminal."""

    def test_ctrl_c_names_running_backups(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        with self.start(f'volume backup wait {backup}') as process:
            assert process.stderr is not None
            first = process.stderr.readline()
            self.assertEqual(first, f'Backup {backup}: creating\n')
            Timer(0.3, process.send_signal, [2]).start()
            rest = process.stderr.read()
            self.assertEqual(process.wait(60), 130, rest)
        self.assertIn('Interrupted; nothing was cancelled', rest)
        self.assertIn(f'openstack volume backup show {backup}', rest)
        self.assert_is_a_sentence(rest)
        self.assertEqual(self.status('backup', backup), 'creating')
