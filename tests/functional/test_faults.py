# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on the way to the cloud: nothing is lost, and nothing is made twice."""

import os
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
    answer,
    delay,
    lose_answer,
    meanwhile,
    never_answer,
    pass_on,
    reset,
    then,
)
from tests.sandbox import Sandbox

# Each is one that passes on its own, and words that say what it was.
TRANSIENT: dict[str, tuple[Fault, str]] = {
    'reset': (reset, 'cannot be reached'),
    'lost': (lose_answer, 'cannot be reached'),
    '429': (answer(429, retry_after=1), 'too many requests'),
    '500': (answer(500), 'failed'),
    '502': (answer(502), 'not available'),
    '503': (answer(503), 'not available'),
    '504': (answer(504), 'in time'),
}

# What was asked for is done, and the answer does not come.
LOST = {'lost': lose_answer, '504': answer(504, done=True)}

_WAITING = 'Retrying until the cloud answers.'


class RunningTest(ProxyTest):
    """A test that looks at a command while it runs."""

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
        """Expect that a backup was made, and give its ID."""
        self.assertEqual(result.status, 0, result.stderr)
        backup = result.stdout.strip()
        self.assertEqual(self.status('backup', backup), 'available')
        return backup

    def test_each_is_survived_and_told_once(self) -> None:
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

    def test_many_are_told_once(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', answer(503), reset, answer(429))
        result = self.run_openstack(f'volume backup create {volume} --wait -f value -c id')
        self.made(result)
        self.assertEqual(result.stderr.count(_WAITING), 1)
        self.assertEqual(len(result.stderr.splitlines()), 3)

    def test_quiet_tells_none(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', answer(503))
        result = self.run_openstack(f'-q volume backup create {volume} --wait -f value -c id')
        self.made(result)
        self.assertEqual(result.stderr, '')

    def test_retry_after_is_honoured(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', answer(429, retry_after=3))
        self.made(self.run_openstack(f'volume backup create {volume} --wait -f value -c id'))
        first, second = (
            request.time for request in self.proxy.requests if request.line.startswith('GET')
        )
        self.assertGreaterEqual(second - first, 3)

    def test_the_time_limit_holds_while_the_cloud_does_not_answer(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        self.proxy.script(f'GET /backups/{backup}', pass_on, forever=answer(503, retry_after=3600))
        result = self.run_openstack(f'volume backup wait {backup} --timeout 2s')
        self.assertEqual((result.status, result.stdout), (3, ''))
        self.assertIn(f'openstack volume backup show {backup}', result.stderr.splitlines()[-1])

    def test_a_slow_answer_is_no_fault(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', delay(2))
        result = self.run_openstack(f'volume backup create {volume} --wait -f value -c id')
        self.made(result)
        self.assertNotIn(_WAITING, result.stderr)

    def test_a_restore_survives(self) -> None:
        backup, volume = self.make_backup(self.make_volume()), self.make_volume()
        self.proxy.script(f'GET /volumes/{volume}', pass_on, reset, answer(502))
        result = self.run_openstack(f'volume backup restore {backup} {volume} --force --wait')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.status('volume', volume), 'available')
        self.assertEqual(result.stderr.count(_WAITING), 1)

    def test_a_list_of_many_survives(self) -> None:
        volume = self.make_volume()
        backups = [self.make_backup(volume) for _ in range(4)]
        self.set_status(backups[0], 'creating')
        finish = meanwhile(lambda: self.set_status(backups[0], 'available'))
        self.proxy.script('GET /backups/.*', pass_on, reset, answer(500), finish)
        result = self.run_openstack(f'volume backup wait {" ".join(backups)}')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(result.stderr.count(_WAITING), 1)

    def test_the_first_look_is_survived_by_every_command_that_waits(self) -> None:
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

    def test_what_does_not_pass_ends_it(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        self.proxy.script(f'GET /backups/{backup}', pass_on, answer(403))
        result = self.run_openstack(f'volume backup wait {backup}')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('your roles', result.stderr.splitlines()[-1])

    def test_a_token_that_is_not_accepted_any_more(self) -> None:
        volume = self.make_volume()
        self.proxy.script('GET /backups/.+', answer(401))
        result = self.run_openstack(f'volume backup create {volume} --wait -f value -c id')
        self.made(result)
        self.assertEqual(len(self.proxy.lines('POST /backups')), 1)

    def test_a_restarted_cinder(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        self.proxy.script(f'GET /backups/{backup}', pass_on, then(self.proxy.down))
        with self.start(f'volume backup wait {backup}') as process:
            assert process.stderr is not None
            # It says so when it has been refused; only then the service comes back.
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


class SilenceTest(ProxyTest):
    """A server that accepts connections and never answers."""

    def assert_ends_in_time(self, arguments: str, seconds: int) -> str:
        """Expect the end of the time limit soon after it, and give the last line."""
        begun = time.monotonic()
        result = self.run_openstack(f'volume backup {arguments} --timeout {seconds}s')
        self.assertEqual((result.status, result.stdout), (3, ''), result.stderr)
        took = time.monotonic() - begun
        self.assertGreaterEqual(took, seconds)
        self.assertLess(took, seconds + 5)
        return result.stderr.splitlines()[-1]

    def test_a_wait_ends_in_time(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('GET /backups/.+', forever=never_answer)
        self.assertIn('Timed out after 6s', self.assert_ends_in_time(f'wait {backup}', 6))

    def test_also_where_there_is_no_answer_to_anything(self) -> None:
        self.proxy.script('.*', forever=never_answer)
        self.assert_ends_in_time(f'wait {uuid.uuid4()}', 6)

    def test_also_in_the_middle(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        self.proxy.script('GET /backups/.+', pass_on, pass_on, forever=never_answer)
        told = self.assert_ends_in_time(f'wait {backup}', 6)
        self.assertIn(f'openstack volume backup show {backup}', told)

    def test_a_restore_is_not_repeated(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('POST .*', forever=never_answer)
        told = self.assert_ends_in_time(f'restore {backup} --wait', 6)
        self.assertIn('It is unknown whether the restore has begun', told)
        self.assertEqual(len(self.proxy.lines('POST .*')), 1)

    def test_a_deletion_names_what_may_be_going(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('DELETE .*', forever=never_answer)
        told = self.assert_ends_in_time(f'delete {backup} --wait', 6)
        self.assertIn(f'openstack volume backup show {backup}', told)


class TokenTest(ProxyTest):
    """A cloud whose tokens expire sooner than a backup is made."""

    lifetime = 15

    @classmethod
    def setUpClass(cls) -> None:
        cls.box = Sandbox.start(token_lifetime=cls.lifetime)
        cls.addClassCleanup(cls.box.stop)
        cls.project = make_project(cls.box)

    def test_a_wait_that_is_longer(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        begun = time.monotonic()

        def finish_late() -> None:
            if time.monotonic() - begun > self.lifetime + 1:
                self.set_status(backup, 'available')

        self.proxy.script(f'GET /backups/{backup}', forever=meanwhile(finish_late))
        result = self.run_openstack(f'volume backup wait {backup}')
        self.assertEqual(result.status, 0, result.stderr)
        lines = [f'Backup {backup}: creating', f'Backup {backup}: available']
        self.assertEqual(result.stderr.splitlines(), lines)
        self.assertGreater(time.monotonic() - begun, self.lifetime)


class CreateTest(ProxyTest):
    """A create whose answer does not come."""

    def assert_made_once(self, volume: str, options: str = '') -> Result:
        """Expect one backup, whose ID is printed."""
        result = self.run_openstack(f'volume backup create {volume} -f value -c id {options}')
        self.assertEqual(result.status, 0, result.stderr)
        statement = 'SELECT id FROM backups WHERE volume_id = ?'
        self.assertEqual(self.sql(statement, volume), [(result.stdout.strip(),)])
        return result

    def test_it_is_found_again(self) -> None:
        for name, fault in LOST.items():
            with self.subTest(fault=name):
                self.proxy.forget()
                self.proxy.script('POST /backups', fault)
                self.assert_made_once(self.make_volume(), f'--name {self.unique("backup")}')
                self.assertEqual(len(self.proxy.lines('POST /backups')), 1)

    def test_it_is_found_with_everything_that_was_asked_for(self) -> None:
        self.proxy.script('POST /backups', lose_answer)
        options = '--description text --property a=b --property c=d --container some --force'
        self.assert_made_once(self.make_volume(), options)

    def test_it_is_waited_for(self) -> None:
        self.proxy.script('POST /backups', lose_answer)
        result = self.assert_made_once(self.make_volume(), '--wait')
        self.assertEqual(self.status('backup', result.stdout.strip()), 'available')

    def test_it_is_sent_again_if_it_never_arrived(self) -> None:
        self.proxy.script('POST /backups', reset)
        self.assert_made_once(self.make_volume())
        self.assertEqual(len(self.proxy.lines('POST /backups')), 2)

    def test_it_is_looked_for_although_the_first_look_fails(self) -> None:
        self.proxy.script('POST /backups', lose_answer)
        self.proxy.script('GET /backups/detail', reset)
        self.assert_made_once(self.make_volume())
        self.assertEqual(len(self.proxy.lines('POST /backups')), 1)

    def test_it_says_so_where_it_cannot_be_known(self) -> None:
        self.proxy.script('POST /backups', lose_answer)
        self.proxy.script('GET /backups/detail', forever=answer(503))
        sentence = self.fails(f'volume backup create {self.make_volume()}')
        self.assertIn('unknown', sentence)
        self.assertIn('openstack volume backup list', sentence)
        self.assertEqual(len(self.proxy.lines('POST /backups')), 1)

    def test_too_many_requests_are_waited_out(self) -> None:
        self.proxy.script('POST /backups', answer(429, retry_after=1))
        self.assert_made_once(self.make_volume(), '--wait')
        first, second = (
            request.time for request in self.proxy.requests if request.line.startswith('POST')
        )
        self.assertGreaterEqual(second - first, 1)

    def test_a_refusal_is_not_repeated(self) -> None:
        self.proxy.script('POST /backups', answer(413))
        sentence = self.fails(f'volume backup create {self.make_volume()} --wait')
        # Of a proxy: Cinder says which quota.
        self.assertIn('Too Large', sentence)
        self.assertNotIn('quota', sentence)
        self.assertEqual(len(self.proxy.lines('POST /backups')), 1)

    def test_a_limit_of_the_rate_is_waited_out(self) -> None:
        self.proxy.script('POST /backups', answer(413, retry_after=1))
        self.assert_made_once(self.make_volume(), '--wait')
        self.assertEqual(len(self.proxy.lines('POST /backups')), 2)

    def test_a_refusal_does_not_hide_the_first_failure(self) -> None:
        self.proxy.script('POST /backups', answer(500), answer(400))
        sentence = self.fails(f'volume backup create {self.make_volume()}')
        self.assertIn('the server failed', sentence)
        self.assertIn('The next try failed too', sentence)
        self.assertIn('Bad Request', sentence)

    def test_an_earlier_backup_is_not_mistaken_for_it(self) -> None:
        volume = self.make_volume()
        earlier = self.make_backup(volume)
        time.sleep(4)  # what was made two seconds before is taken for it, as the code says
        self.proxy.script('POST /backups', reset)
        made = self.backup(f'create {volume} -f value -c id')
        self.assertNotEqual(made, earlier)
        self.wait_for('backup', made)


class DeleteTest(ProxyTest):
    """A delete whose answer does not come."""

    def test_it_is_repeated_until_the_backup_is_gone(self) -> None:
        for name, fault in LOST.items():
            with self.subTest(fault=name):
                self.proxy.forget()
                self.proxy.script('DELETE /backups/.*', fault)
                backup = self.make_backup(self.make_volume())
                self.backup(f'delete {backup} --wait')
                self.assertEqual(self.status('backup', backup), 'deleted')

    def test_a_chain_survives(self) -> None:
        volume = self.make_volume()
        full = self.make_backup(volume)
        child = self.make_backup(volume, incremental=True)
        self.proxy.script('DELETE /backups/.*', lose_answer, lose_answer)
        self.proxy.script('GET /backups/.*', pass_on, pass_on, answer(503))
        self.backup(f'delete {full} {child} --wait')
        self.assertEqual({self.status('backup', each) for each in (full, child)}, {'deleted'})

    def test_without_waiting_it_is_one_sentence(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('DELETE /backups/.*', answer(503))
        self.assertIn(backup, self.fails(f'volume backup delete {backup}'))

    def test_without_waiting_a_lost_answer_is_no_failure(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.proxy.script('DELETE /backups/.*', lose_answer)
        self.backup(f'delete {backup}')
        self.wait_for('backup', backup, 'deleted')


class RestoreTest(ProxyTest):
    """A restore whose answer does not come."""

    def assert_unknown(self, fault: Fault, arguments: str, made: int) -> None:
        """Expect that it is not repeated, and said that nobody knows."""
        before = len(self.rows('volumes'))
        self.proxy.script('POST /(backups/.*/restore|volumes)', fault)
        sentence = self.fails(f'volume backup restore {arguments}')
        self.assertIn('unknown', sentence)
        # The new volume is named, where there is one.
        self.assertIn(f'openstack volume {"show" if made else "list"}', sentence)
        self.assertEqual(len(self.proxy.lines('POST .*')), 1)
        self.assertEqual(len(self.rows('volumes')) - before, made)

    def test_it_is_not_repeated(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assert_unknown(lose_answer, f'{backup} --name new --wait', 1)

    def test_it_is_not_repeated_although_it_never_arrived(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assert_unknown(reset, f'{backup} --name new', 0)

    def test_it_is_not_repeated_after_a_504(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assert_unknown(answer(504, done=True), f'{backup}', 1)

    def test_a_volume_of_a_type_is_not_made_twice(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assert_unknown(lose_answer, f'{backup} --name new --type __DEFAULT__', 1)


class InterruptTest(RunningTest):
    """Ctrl-C where there is no terminal."""

    def test_it_names_what_goes_on(self) -> None:
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
