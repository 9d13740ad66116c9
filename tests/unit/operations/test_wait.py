# SPDX-License-Identifier: Apache-2.0
"""Waiting, with the real Cloud and a fake clock."""

import unittest
import warnings
from typing import Any

import requests

from backupext import errors
from backupext.core.models import Backup, Volume
from backupext.operations.wait import (
    Clock,
    Outcome,
    Target,
    Waiter,
    target,
    until_available,
    until_gone,
)
from tests.unit.clock import FakeClock
from tests.unit.operations.reaching import reach
from tests.unit.rows import ID, OTHER_ID, OTHER_VOLUME_ID, VOLUME_ID, backup, volume
from tests.unit.stub import StubCloud

GET = f'GET /backups/{ID}'
GET_OTHER = f'GET /backups/{OTHER_ID}'
GET_VOLUME = f'GET /volumes/{VOLUME_ID}'
LIST = 'GET /backups/detail'
MESSAGES = f'GET /messages?resource_uuid={ID}'
RESET = requests.exceptions.ConnectionError('Connection reset by peer')

ONE = Backup(ID, 'nightly', 'creating', VOLUME_ID)
OTHER = Backup(OTHER_ID, 'weekly', 'creating', VOLUME_ID)
THE_VOLUME = Volume(VOLUME_ID, 'data', 'restoring-backup')
NAMED = f"'nightly' ({ID})"


class Notes:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.said: list[str] = []

    def see(self, target: Target, status: str, row: Backup | Volume | None) -> None:
        if (row is None) != (status == 'deleted'):
            raise AssertionError('gone is deleted, and nothing else')
        self.seen.append((target.id, status))

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


class WaiterTest(unittest.TestCase):
    def setUp(self) -> None:
        # The SDK warns of its own ways.
        ignoring = warnings.catch_warnings()
        ignoring.__enter__()
        self.addCleanup(ignoring.__exit__, None, None, None)
        warnings.simplefilter('ignore')
        self.cloud = StubCloud()
        self.cloud.start()
        self.addCleanup(self.cloud.stop)
        self.clock = FakeClock()
        self.notes = Notes()

    def waiter(self, timeout: float | None = None) -> Waiter:
        clock = Clock(self.clock.now, self.clock.sleep)
        return Waiter(reach(), self.notes, clock, timeout)

    def on_statuses(self, *statuses: str, line: str = GET, **changes: Any) -> None:
        for status in statuses:
            self.cloud.on(line, {'backup': backup(line[-36:], status=status, **changes)})

    def on_messages(self, *texts: str, about: str = ID) -> None:
        rows = [{'resource_uuid': about, 'user_message': text} for text in texts]
        self.cloud.on(MESSAGES, {'messages': rows})

    def polls(self, line: str = GET) -> int:
        return self.cloud.lines.count(line)


class BackOffTest(WaiterTest):
    def test_pauses_grow_from_one_second_to_fifteen(self) -> None:
        self.on_statuses(*['creating'] * 12, 'available')
        self.waiter().wait([until_available(ONE)])
        self.assertEqual(self.clock.sleeps[:4], [1, 1.5, 2.25, 3.375])
        self.assertEqual(self.clock.sleeps[-3:], [15, 15, 15])
        self.assertEqual(self.clock.sleeps, sorted(self.clock.sleeps))
        self.assertEqual(len(self.clock.sleeps), self.polls())

    def test_the_first_look_is_a_second_after_the_request(self) -> None:
        self.on_statuses('available')
        self.waiter().wait([until_available(ONE)])
        self.assertEqual(self.clock.sleeps, [1])

    def test_something_that_happens_makes_it_look_often_again(self) -> None:
        for status, others in (('creating', 'creating'),) * 8 + (('available', 'creating'),):
            rows = [backup(ID, status=status), backup(OTHER_ID, status=others)]
            self.cloud.on(LIST, {'backups': rows})
        self.on_statuses('creating', 'available', line=GET_OTHER)
        self.waiter().wait([until_available(ONE), until_available(OTHER)])
        self.assertEqual(self.clock.sleeps[-3:], [15, 1, 1.5])

    def test_it_never_sleeps_past_the_time_limit(self) -> None:
        self.on_statuses('creating')
        with self.assertRaises(errors.TimedOutError):
            self.waiter(20).wait([until_available(ONE)])
        self.assertEqual(self.clock.passed, 20)

    def test_it_looks_once_more_when_the_time_is_up(self) -> None:
        self.on_statuses(*['creating'] * 5, 'available')
        # 1 + 1.5 + 2.25 + 3.375 + 5.0625 = 13.1875, and then what is left.
        self.waiter(14).wait([until_available(ONE)])
        self.assertEqual(self.clock.passed, 14)

    def test_a_limit_of_nothing_asks_for_nothing(self) -> None:
        with self.assertRaises(errors.TimedOutError):
            self.waiter(0).wait([until_available(ONE)])
        self.assertEqual((self.cloud.lines, self.clock.sleeps), ([], []))

    def test_two_waits_share_one_limit(self) -> None:
        self.on_statuses(*['creating'] * 5, 'available', 'creating')
        waiter = self.waiter(60)
        waiter.wait([until_available(ONE)])
        with self.assertRaises(errors.TimedOutError):
            waiter.wait([until_available(ONE)])
        self.assertEqual(self.clock.passed, 60)


class OutcomeTest(WaiterTest):
    def outcome(self, wanted: Target) -> Outcome:
        (outcome,) = self.waiter().wait([wanted])
        return outcome

    def test_what_is_wanted_is_no_failure(self) -> None:
        self.on_statuses('creating', 'available')
        outcome = self.outcome(until_available(ONE))
        self.assertIsNone(outcome.failure)
        self.assertEqual(outcome.last and outcome.last.status, 'available')

    def test_an_error_is_told_with_its_reason_and_the_services_message(self) -> None:
        self.on_statuses('error', fail_reason='No space left on device.')
        self.on_messages('Backup driver has failed.')
        self.assertEqual(
            self.outcome(until_available(ONE)).failure,
            f'Backup {NAMED} is in status error: No space left on device; Backup driver has '
            'failed.',
        )

    def test_an_error_without_a_reason_is_told_all_the_same(self) -> None:
        self.on_statuses('error')
        self.on_messages()
        self.assertEqual(
            self.outcome(until_available(ONE)).failure, f'Backup {NAMED} is in status error.'
        )

    def test_messages_about_others_are_not_told(self) -> None:
        # Cinder before 3.5 ignores the filter.
        self.on_statuses('error')
        self.on_messages('Something else has failed.', about=OTHER_ID)
        self.assertNotIn('else', self.outcome(until_available(ONE)).failure or '')

    def test_a_cloud_without_messages_does_not_matter(self) -> None:
        for answer in (404, 403, 500):
            with self.subTest(answer):
                self.setUp()
                self.on_statuses('error', fail_reason='No space left.')
                self.cloud.refuse(MESSAGES, answer, 'Nothing here.')
                self.assertEqual(
                    self.outcome(until_available(ONE)).failure,
                    f'Backup {NAMED} is in status error: No space left.',
                )

    def test_messages_that_are_none_do_not_matter(self) -> None:
        self.on_statuses('error')
        self.cloud.on(MESSAGES, {'messages': [{'resource_uuid': ID}]})
        self.assertEqual(
            self.outcome(until_available(ONE)).failure, f'Backup {NAMED} is in status error.'
        )

    def test_one_that_vanishes_is_a_failure(self) -> None:
        self.on_statuses('creating')
        self.cloud.refuse(GET, 404, 'Backup could not be found.')
        outcome = self.outcome(until_available(ONE))
        self.assertEqual((outcome.last, outcome.failure), (None, f'Backup {NAMED} has vanished.'))

    def test_unless_it_is_to_be_gone(self) -> None:
        self.on_statuses('deleting')
        self.cloud.refuse(GET, 404, 'Backup could not be found.')
        self.assertEqual(self.outcome(until_gone(ONE))[1:], (None, None))
        self.assertEqual(self.notes.seen, [(ID, 'creating'), (ID, 'deleting'), (ID, 'deleted')])

    def test_a_deletion_that_failed_is_a_failure(self) -> None:
        for status in ('error', 'error_deleting'):
            with self.subTest(status):
                self.setUp()
                self.on_statuses(status, fail_reason='Busy.')
                self.on_messages()
                self.assertEqual(
                    self.outcome(until_gone(ONE)).failure,
                    f'Backup {NAMED} is in status {status}: Busy.',
                )

    def test_a_volume_is_asked_for_by_its_id_and_tells_what_the_backup_does_not(self) -> None:
        self.cloud.on(GET_VOLUME, {'volume': volume(status='restoring-backup')})
        self.cloud.on(GET_VOLUME, {'volume': volume(status='error_restoring')})
        line = f'GET /messages?resource_uuid={VOLUME_ID}'
        self.cloud.on(line, {'messages': []})
        self.assertEqual(
            self.outcome(until_available(THE_VOLUME)).failure,
            f"Volume 'data' ({VOLUME_ID}) is in status error_restoring.",
        )
        self.assertEqual(self.cloud.lines, [GET_VOLUME, GET_VOLUME, line])

    def test_a_volume_that_vanishes_is_a_failure(self) -> None:
        self.cloud.refuse(GET_VOLUME, 404, 'Volume could not be found.')
        failure = self.outcome(until_available(THE_VOLUME)).failure
        self.assertEqual(failure, f"Volume 'data' ({VOLUME_ID}) has vanished.")

    def test_an_error_can_be_what_is_wanted(self) -> None:
        self.on_statuses('creating', 'error')
        self.assertIsNone(self.outcome(target(ONE, 'error')).failure)

    def test_an_error_while_another_status_is_wanted_ends_it(self) -> None:
        for status in ('error', 'error_deleting', 'error_restoring'):
            with self.subTest(status):
                self.setUp()
                self.on_statuses(status)
                self.on_messages()
                self.assertIn(
                    f'in status {status}', self.outcome(target(ONE, 'restoring'))[2] or ''
                )

    def test_all_failures_of_several_are_told_together(self) -> None:
        rows = [backup(ID, status='error', fail_reason='One.')]
        self.cloud.on(LIST, {'backups': rows})
        self.cloud.refuse(GET_OTHER, 404, 'Backup could not be found.')
        self.on_messages()
        with self.assertRaises(errors.BackupError) as caught:
            self.waiter().wait_or_fail([until_available(ONE), until_available(OTHER)])
        self.assertEqual(
            str(caught.exception),
            f"Backup {NAMED} is in status error: One. Backup 'weekly' ({OTHER_ID}) has vanished.",
        )
        self.assertEqual(caught.exception.exit_status, 1)


class EndTest(WaiterTest):
    """The wait ends before what is waited for."""

    def test_a_time_limit_gives_the_command_that_shows_it(self) -> None:
        self.on_statuses('creating')
        with self.assertRaises(errors.TimedOutError) as caught:
            self.waiter(90).wait([until_available(ONE)])
        self.assertEqual(
            str(caught.exception),
            f'Timed out after 1m30s; nothing is cancelled: backup {NAMED} '
            f'(see: openstack volume backup show {ID}).',
        )
        self.assertEqual(caught.exception.exit_status, 3)

    def test_for_a_volume_that_is_another_command(self) -> None:
        self.cloud.on(GET_VOLUME, {'volume': volume(status='restoring-backup')})
        with self.assertRaises(errors.TimedOutError) as caught:
            self.waiter(5).wait([until_available(THE_VOLUME)])
        self.assertIn(
            f"volume 'data' ({VOLUME_ID}) (see: openstack volume show {VOLUME_ID}).",
            str(caught.exception),
        )

    def test_ctrl_c_names_all_that_goes_on_and_no_other(self) -> None:
        rows = [backup(ID), backup(OTHER_ID, status='creating')]
        self.cloud.on(LIST, {'backups': rows})
        self.on_statuses('creating', line=GET_OTHER)
        self.clock.interrupt_at(3)
        with self.assertRaises(errors.InterruptedByUserError) as caught:
            self.waiter().wait([until_available(ONE), until_available(OTHER)])
        self.assertEqual(
            str(caught.exception),
            "Interrupted; nothing is cancelled: backup 'weekly' "
            f'({OTHER_ID}) (see: openstack volume backup show {OTHER_ID}).',
        )
        self.assertEqual(caught.exception.exit_status, 130)

    def test_ctrl_c_in_the_middle_of_a_request_is_the_same(self) -> None:
        self.cloud.fail(GET, KeyboardInterrupt())
        with self.assertRaises(errors.InterruptedByUserError):
            self.waiter().wait([until_available(ONE)])

    def test_ctrl_c_while_the_cloud_does_not_answer_is_the_same(self) -> None:
        self.cloud.fail(GET, RESET)
        self.clock.interrupt_at(4)
        with self.assertRaises(errors.InterruptedByUserError):
            self.waiter().wait([until_available(ONE)])


class FaultTest(WaiterTest):
    def test_what_passes_is_waited_out_and_told_once(self) -> None:
        for status in (429, 500, 502, 503, 504):
            self.cloud.refuse(GET, status, 'Busy.')
        self.cloud.fail(GET, RESET)
        self.cloud.fail(GET, requests.exceptions.ReadTimeout('read timed out'))
        self.on_statuses('creating')
        self.cloud.refuse(GET, 503, 'Busy again.')
        self.on_statuses('available')
        (outcome,) = self.waiter().wait([until_available(ONE)])
        self.assertIsNone(outcome.failure)
        self.assertEqual(self.polls(), 10)
        self.assertEqual(len(self.notes.said), 1)
        self.assertEqual(
            self.notes.said[0],
            f'Cannot look up backup {ID}: the cloud asks for fewer requests (the server '
            'said: Busy). Waiting for the cloud to answer again.',
        )

    def test_retry_after_is_honoured(self) -> None:
        self.cloud.on(GET, {}, status=429, headers={'Retry-After': '42'})
        self.on_statuses('available')
        self.waiter().wait([until_available(ONE)])
        self.assertEqual(self.clock.sleeps, [1, 42])

    def test_a_retry_after_that_is_shorter_than_the_pause_does_not_hurry(self) -> None:
        for _ in range(9):
            self.cloud.on(GET, {}, status=503, headers={'Retry-After': '1'})
        self.on_statuses('available')
        self.waiter().wait([until_available(ONE)])
        self.assertEqual(self.clock.sleeps[-1], 15)

    def test_a_retry_after_that_is_no_number_does_not_matter(self) -> None:
        for text in ('Wed, 21 Oct 2026 07:28:00 GMT', '-5', '²', ''):
            with self.subTest(text):
                self.setUp()
                self.cloud.on(GET, {}, status=503, headers={'Retry-After': text})
                self.on_statuses('available')
                self.waiter().wait([until_available(ONE)])
                self.assertEqual(self.clock.sleeps, [1, 1])

    def test_retry_after_does_not_go_past_the_time_limit(self) -> None:
        self.cloud.on(GET, {}, status=503, headers={'Retry-After': '3600'})
        with self.assertRaises(errors.TimedOutError):
            self.waiter(60).wait([until_available(ONE)])
        self.assertEqual(self.clock.passed, 60)

    def test_what_does_not_pass_ends_it(self) -> None:
        for status in (400, 401, 403):
            with self.subTest(status):
                self.setUp()
                self.on_statuses('creating')
                self.cloud.refuse(GET, status, 'No.')
                with self.assertRaises(errors.RequestError) as caught:
                    self.waiter().wait([until_available(ONE)])
                self.assertEqual(caught.exception.status, status)

    def test_an_expired_token_is_renewed_without_a_word(self) -> None:
        self.on_statuses('creating')
        self.cloud.refuse(GET, 401, 'The request you have made requires authentication.')
        self.on_statuses('available')
        (outcome,) = self.waiter().wait([until_available(ONE)])
        self.assertIsNone(outcome.failure)
        self.assertEqual(self.cloud.identity.count('POST /auth/tokens'), 2)
        self.assertEqual(self.notes.said, [])

    def test_a_page_of_a_portal_ends_it(self) -> None:
        self.cloud.on(GET, text='<html>Who are you?</html>')
        with self.assertRaisesRegex(errors.RequestError, 'not one of Block Storage'):
            self.waiter().wait([until_available(ONE)])

    def test_no_answer_is_not_gone(self) -> None:
        self.cloud.fail(GET, RESET)
        self.cloud.refuse(GET, 502, 'Bad gateway.')
        self.cloud.refuse(GET, 404, 'Backup could not be found.')
        self.waiter().wait([until_gone(ONE)])
        self.assertEqual(self.polls(), 3)


class BatchTest(WaiterTest):
    def test_several_are_read_with_one_list(self) -> None:
        rows = [backup(ID, status='creating'), backup(OTHER_ID, status='creating')]
        self.cloud.on(LIST, {'backups': rows})
        self.cloud.on(LIST, {'backups': rows})
        self.cloud.on(LIST, {'backups': [backup(ID), backup(OTHER_ID)]})
        outcomes = self.waiter().wait([until_available(ONE), until_available(OTHER)])
        self.assertEqual([outcome.failure for outcome in outcomes], [None, None])
        self.assertEqual(self.cloud.lines, [LIST] * 3)

    def test_the_last_one_is_asked_for_by_its_id(self) -> None:
        rows = [backup(ID), backup(OTHER_ID, status='creating')]
        self.cloud.on(LIST, {'backups': rows})
        self.on_statuses('available', line=GET_OTHER)
        self.waiter().wait([until_available(ONE), until_available(OTHER)])
        self.assertEqual(self.cloud.lines, [LIST, GET_OTHER])

    def test_one_that_is_not_in_the_list_is_asked_for_before_it_counts_as_gone(self) -> None:
        self.cloud.on(LIST, {'backups': [backup(ID)]})
        self.on_statuses('creating', 'available', line=GET_OTHER)
        outcomes = self.waiter().wait([until_available(ONE), until_available(OTHER)])
        self.assertEqual([outcome.failure for outcome in outcomes], [None, None])
        self.assertEqual(self.cloud.lines, [LIST, GET_OTHER, GET_OTHER])

    def test_a_long_list_is_read_for_long_batches_only(self) -> None:
        more = [{'rel': 'next', 'href': ''}]
        strangers = [backup(f'{number:08}-aaaa-4bbb-8ccc-000000000009') for number in range(1000)]
        last = strangers[-1]['id']
        self.cloud.on(LIST, {'backups': strangers, 'backups_links': more})
        rows = [backup(ID, status='creating'), backup(OTHER_ID, status='creating')]
        self.cloud.on(f'{LIST}?marker={last}', {'backups': rows})
        for line in (GET, GET_OTHER):
            self.on_statuses('available', line=line)
        self.waiter().wait([until_available(ONE), until_available(OTHER)])
        # Two pages cost as much as two backups.
        self.assertEqual(self.cloud.lines, [LIST, f'{LIST}?marker={last}', GET, GET_OTHER])

    def test_volumes_are_asked_for_by_id_beside_backups(self) -> None:
        other = Volume(OTHER_VOLUME_ID, 'other', 'restoring-backup')
        for id_ in (VOLUME_ID, OTHER_VOLUME_ID):
            self.cloud.on(f'GET /volumes/{id_}', {'volume': volume(id_)})
        self.on_statuses('available')
        self.waiter().wait([until_available(each) for each in (THE_VOLUME, other, ONE)])
        self.assertEqual(self.cloud.lines, [GET_VOLUME, f'GET /volumes/{OTHER_VOLUME_ID}', GET])

    def test_a_list_that_fails_is_read_again(self) -> None:
        self.cloud.refuse(LIST, 503, 'Busy.')
        self.cloud.on(LIST, {'backups': [backup(ID), backup(OTHER_ID)]})
        self.waiter().wait([until_available(ONE), until_available(OTHER)])
        self.assertEqual(self.cloud.lines, [LIST, LIST])

    def test_what_is_added_meanwhile_is_waited_for_too(self) -> None:
        self.on_statuses('available')
        self.on_statuses('creating', 'available', line=GET_OTHER)
        pending = [until_available(ONE)]
        order = []
        for outcomes in self.waiter().settle(pending):
            order += [outcome.target.id for outcome in outcomes]
            if order == [ID]:
                pending.append(until_available(OTHER))
        self.assertEqual(order, [ID, OTHER_ID])

    def test_what_is_there_already_is_not_asked_for(self) -> None:
        told: list[errors.BackupError] = []
        done = Backup(ID, 'nightly', 'available')
        self.waiter().wait_and_tell([target(done, 'available')], told.append)
        self.assertEqual((self.cloud.lines, self.clock.sleeps, told), ([], [], []))

    def test_what_has_failed_already_is_told_and_not_waited_for(self) -> None:
        self.on_messages()
        told: list[errors.BackupError] = []
        failed = Backup(ID, 'nightly', 'error', fail_reason='Broken.')
        self.waiter().wait_and_tell([target(failed, 'available')], told.append)
        self.assertEqual(
            [str(error) for error in told], [f'Backup {NAMED} is in status error: Broken.']
        )
        self.assertEqual(self.clock.sleeps, [])

    def test_nothing_to_wait_for_takes_no_time(self) -> None:
        self.assertEqual(self.waiter().wait([]), [])
        self.assertEqual((self.cloud.lines, self.clock.sleeps), ([], []))
