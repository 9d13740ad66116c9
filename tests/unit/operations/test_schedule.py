# SPDX-License-Identifier: Apache-2.0
"""Works that wait, with the real Cloud and a fake clock."""

import threading
import unittest
import warnings
from typing import Any
from unittest import mock

import requests

from backupext import errors, parallel
from backupext.core.models import Backup, Volume
from backupext.operations.patience import Clock, Patience
from backupext.operations.schedule import Done, Schedule, Work
from backupext.operations.wait import (
    Row,
    Steps,
    Target,
    only,
    until,
    until_available,
    until_gone,
    until_restored,
)
from tests.unit.clock import FakeClock
from tests.unit.flight import Hang, Meeting, ctrl_c_works
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

    def see(self, target: Target, status: str, row: Row) -> None:
        if (row is None) != (status == 'deleted'):
            raise AssertionError('gone is deleted, and nothing else')
        self.seen.append((target.id, status))

    def note(self, sentence: str) -> None:
        self.said.append(sentence)


class ScheduleTest(unittest.TestCase):
    def setUp(self) -> None:
        # The SDK warns about itself.
        ignoring = warnings.catch_warnings()
        ignoring.__enter__()
        self.addCleanup(ignoring.__exit__, None, None, None)
        warnings.simplefilter('ignore')
        self.cloud = StubCloud()
        self.cloud.start()
        self.addCleanup(self.cloud.stop)
        self.clock = FakeClock()
        self.notes = Notes()

    def schedule(self, timeout: float | None = None) -> Schedule:
        clock = Clock(self.clock.now, self.clock.sleep)
        patience = Patience(clock, self.notes.note, timeout)
        return Schedule(reach(), patience, self.notes)

    def wait(self, *targets: Target, timeout: float | None = None) -> list[Done]:
        return wait(self.schedule(timeout), *targets)

    def on_statuses(self, *statuses: str, line: str = GET, **changes: Any) -> None:
        for status in statuses:
            self.cloud.on(line, {'backup': backup(line[-36:], status=status, **changes)})

    def on_messages(self, *texts: str, about: str = ID) -> None:
        rows = [{'resource_uuid': about, 'user_message': text} for text in texts]
        self.cloud.on(MESSAGES, {'messages': rows})

    def failure(self, wanted: Target) -> str | None:
        """Wait for a target; return the message of the failure."""
        (done,) = self.wait(wanted)
        return str(done.error) if done.error else None

    def polls(self, line: str = GET) -> int:
        return self.cloud.lines.count(line)


def wait(schedule: Schedule, *targets: Target) -> list[Done]:
    """Run works that only wait; return their results in the order of their ends."""
    works = [Work(each.id, str(each.subject), only(each)) for each in targets]
    return list(schedule.run(works))


class BackOffTest(ScheduleTest):
    def test_pauses_grow_from_one_second_to_fifteen(self) -> None:
        self.on_statuses(*['creating'] * 12, 'available')
        self.wait(until_available(ONE))
        self.assertEqual(self.clock.sleeps[:4], [1, 1.5, 2.25, 3.375])
        self.assertEqual(self.clock.sleeps[-3:], [15, 15, 15])
        self.assertEqual(self.clock.sleeps, sorted(self.clock.sleeps))
        self.assertEqual(len(self.clock.sleeps), self.polls())

    def test_first_look_is_one_second_after_the_request(self) -> None:
        self.on_statuses('available')
        self.wait(until_available(ONE))
        self.assertEqual(self.clock.sleeps, [1])

    def test_change_restarts_the_pauses(self) -> None:
        for status, others in (('creating', 'creating'),) * 8 + (('available', 'creating'),):
            rows = [backup(ID, status=status), backup(OTHER_ID, status=others)]
            self.cloud.on(LIST, {'backups': rows})
        self.on_statuses('creating', 'available', line=GET_OTHER)
        self.wait(until_available(ONE), until_available(OTHER))
        self.assertEqual(self.clock.sleeps[-3:], [15, 1, 1.5])

    def test_no_sleep_exceeds_the_time_limit(self) -> None:
        self.on_statuses('creating')
        with self.assertRaises(errors.TimedOutError):
            self.wait(until_available(ONE), timeout=20)
        self.assertEqual(self.clock.passed, 20)

    def test_last_look_is_at_the_time_limit(self) -> None:
        self.on_statuses(*['creating'] * 5, 'available')
        # 1 + 1.5 + 2.25 + 3.375 + 5.0625 = 13.1875, and then the rest.
        self.wait(until_available(ONE), timeout=14)
        self.assertEqual(self.clock.passed, 14)

    def test_time_limit_of_zero_sends_no_request(self) -> None:
        with self.assertRaises(errors.TimedOutError):
            self.wait(until_available(ONE), timeout=0)
        self.assertEqual((self.cloud.lines, self.clock.sleeps), ([], []))

    def test_two_waits_share_one_time_limit(self) -> None:
        self.on_statuses(*['creating'] * 5, 'available', 'creating')
        schedule = self.schedule(60)
        wait(schedule, until_available(ONE))
        with self.assertRaises(errors.TimedOutError):
            wait(schedule, until_available(ONE))
        self.assertEqual(self.clock.passed, 60)


class OutcomeTest(ScheduleTest):
    def test_wanted_status_is_not_a_failure(self) -> None:
        self.on_statuses('creating', 'available')
        (done,) = self.wait(until_available(ONE))
        self.assertIsNone(done.error)
        self.assertEqual(done.result.status, 'available')

    def test_error_has_the_reason_and_the_services_message(self) -> None:
        self.on_statuses('error', fail_reason='No space left on device.')
        self.on_messages('Backup driver has failed.')
        self.assertEqual(
            self.failure(until_available(ONE)),
            f'Backup {NAMED} is in status error (the server said: No space left on device; Backup '
            'driver has failed).',
        )

    def test_error_without_reason_is_reported(self) -> None:
        self.on_statuses('error')
        self.on_messages()
        self.assertEqual(self.failure(until_available(ONE)), f'Backup {NAMED} is in status error.')

    def test_messages_about_other_resources_are_ignored(self) -> None:
        # Cinder before 3.5 ignores the filter.
        self.on_statuses('error')
        self.on_messages('Something else has failed.', about=OTHER_ID)
        self.assertNotIn('else', self.failure(until_available(ONE)) or '')

    def test_cloud_without_messages_is_accepted(self) -> None:
        for answer in (404, 403, 500):
            with self.subTest(answer):
                self.setUp()
                self.on_statuses('error', fail_reason='No space left.')
                self.cloud.refuse(MESSAGES, answer, 'Nothing here.')
                self.assertEqual(
                    self.failure(until_available(ONE)),
                    f'Backup {NAMED} is in status error (the server said: No space left).',
                )

    def test_invalid_messages_are_ignored(self) -> None:
        self.on_statuses('error')
        self.cloud.on(MESSAGES, {'messages': [{'resource_uuid': ID}]})
        self.assertEqual(self.failure(until_available(ONE)), f'Backup {NAMED} is in status error.')

    def test_vanished_backup_is_a_failure(self) -> None:
        self.on_statuses('creating')
        self.cloud.refuse(GET, 404, 'Backup could not be found.')
        self.assertEqual(self.failure(until_available(ONE)), f'Backup {NAMED} no longer exists.')

    def test_vanished_backup_is_a_success_if_deletion_is_wanted(self) -> None:
        self.on_statuses('deleting')
        self.cloud.refuse(GET, 404, 'Backup could not be found.')
        (done,) = self.wait(until_gone(ONE))
        self.assertEqual((done.error, done.result), (None, None))
        self.assertEqual(self.notes.seen, [(ID, 'creating'), (ID, 'deleting'), (ID, 'deleted')])

    def test_failed_deletion_is_a_failure(self) -> None:
        for status in ('error', 'error_deleting'):
            with self.subTest(status):
                self.setUp()
                self.on_statuses(status, fail_reason='Busy.')
                self.on_messages()
                self.assertEqual(
                    self.failure(until_gone(ONE)),
                    f'Backup {NAMED} is in status {status} (the server said: Busy).',
                )

    def test_failed_restore_is_noticed_by_the_volume(self) -> None:
        self.cloud.on(GET_VOLUME, {'volume': volume(status='restoring-backup')})
        self.cloud.on(GET_VOLUME, {'volume': volume(status='error_restoring')})
        line = f'GET /messages?resource_uuid={VOLUME_ID}'
        self.cloud.on(line, {'messages': []})
        self.assertEqual(
            self.failure(until_restored(THE_VOLUME)),
            f"Volume 'data' ({VOLUME_ID}) is in status error_restoring.",
        )
        self.assertEqual(self.cloud.lines, [GET_VOLUME, GET_VOLUME, line])

    def test_vanished_volume_is_a_failure(self) -> None:
        self.cloud.refuse(GET_VOLUME, 404, 'Volume could not be found.')
        failure = self.failure(until_restored(THE_VOLUME))
        self.assertEqual(failure, f"Volume 'data' ({VOLUME_ID}) no longer exists.")

    def test_error_may_be_the_wanted_status(self) -> None:
        self.on_statuses('creating', 'error')
        self.assertIsNone(self.failure(until(ONE, 'error')))

    def test_error_ends_a_wait_for_another_status(self) -> None:
        for status in ('error', 'error_deleting', 'error_restoring'):
            with self.subTest(status):
                self.setUp()
                self.on_statuses(status)
                self.on_messages()
                self.assertIn(f'in status {status}', self.failure(until(ONE, 'restoring')) or '')

    def test_each_failure_of_several_is_reported(self) -> None:
        rows = [backup(ID, status='error', fail_reason='One.')]
        self.cloud.on(LIST, {'backups': rows})
        self.cloud.refuse(GET_OTHER, 404, 'Backup could not be found.')
        self.on_messages()
        done = self.wait(until_available(ONE), until_available(OTHER))
        self.assertEqual(
            [str(each.error) for each in done],
            [
                f'Backup {NAMED} is in status error (the server said: One).',
                f"Backup 'weekly' ({OTHER_ID}) no longer exists.",
            ],
        )


class EndTest(ScheduleTest):
    """The wait ends before its goal is reached."""

    def test_time_limit_names_the_command_that_shows_the_backup(self) -> None:
        self.on_statuses('creating')
        with self.assertRaises(errors.TimedOutError) as caught:
            self.wait(until_available(ONE), timeout=90)
        self.assertEqual(
            str(caught.exception),
            'Timed out after 1m30s; nothing was cancelled. The cloud may still be working on '
            f'backup {NAMED} (to check: openstack volume backup show {ID}).',
        )
        self.assertEqual(caught.exception.exit_status, 3)

    def test_time_limit_names_the_command_that_shows_the_volume(self) -> None:
        self.cloud.on(GET_VOLUME, {'volume': volume(status='restoring-backup')})
        with self.assertRaises(errors.TimedOutError) as caught:
            self.wait(until_restored(THE_VOLUME), timeout=5)
        self.assertIn(
            f"volume 'data' ({VOLUME_ID}) (to check: openstack volume show {VOLUME_ID}).",
            str(caught.exception),
        )

    def test_ctrl_c_names_only_running_backups(self) -> None:
        rows = [backup(ID), backup(OTHER_ID, status='creating')]
        self.cloud.on(LIST, {'backups': rows})
        self.on_statuses('creating', line=GET_OTHER)
        self.clock.interrupt_at(3)
        with self.assertRaises(errors.InterruptedByUserError) as caught:
            self.wait(until_available(ONE), until_available(OTHER))
        self.assertEqual(
            str(caught.exception),
            "Interrupted; nothing was cancelled. The cloud may still be working on backup 'weekly' "
            f'({OTHER_ID}) (to check: openstack volume backup show {OTHER_ID}).',
        )
        self.assertEqual(caught.exception.exit_status, 130)

    def test_ctrl_c_during_a_request_names_running_backups(self) -> None:
        self.cloud.fail(GET, KeyboardInterrupt())
        with self.assertRaises(errors.InterruptedByUserError):
            self.wait(until_available(ONE))

    def test_ctrl_c_during_an_outage_names_running_backups(self) -> None:
        self.cloud.fail(GET, RESET)
        self.clock.interrupt_at(4)
        with self.assertRaises(errors.InterruptedByUserError):
            self.wait(until_available(ONE))


class FaultTest(ScheduleTest):
    def test_transient_fault_is_retried_and_reported_once(self) -> None:
        for status in (429, 500, 502, 503, 504):
            self.cloud.refuse(GET, status, 'Busy.')
        self.cloud.fail(GET, RESET)
        self.cloud.fail(GET, requests.exceptions.ReadTimeout('read timed out'))
        self.on_statuses('creating')
        self.cloud.refuse(GET, 413, 'This request was rate-limited.')
        self.on_statuses('available')
        (done,) = self.wait(until_available(ONE))
        self.assertIsNone(done.error)
        self.assertEqual(self.polls(), 10)
        self.assertEqual(len(self.notes.said), 1)
        self.assertEqual(
            self.notes.said[0],
            f'Cannot look up backup {ID}: too many requests (the server '
            'said: Busy). Retrying until the cloud answers.',
        )

    def test_retry_after_is_respected(self) -> None:
        self.cloud.on(GET, {}, status=429, headers={'Retry-After': '42'})
        self.on_statuses('available')
        self.wait(until_available(ONE))
        self.assertEqual(self.clock.sleeps, [1, 42])

    def test_short_retry_after_does_not_shorten_the_pause(self) -> None:
        for _ in range(9):
            self.cloud.on(GET, {}, status=503, headers={'Retry-After': '1'})
        self.on_statuses('available')
        self.wait(until_available(ONE))
        self.assertEqual(self.clock.sleeps[-1], 15)

    def test_retry_after_date_uses_the_clouds_clock(self) -> None:
        headers = {
            'Retry-After': 'Wed, 21 Oct 2099 07:28:40 GMT',
            'Date': 'Wed, 21 Oct 2099 07:28:00 GMT',
        }
        self.cloud.on(GET, {}, status=503, headers=headers)
        self.on_statuses('available')
        self.wait(until_available(ONE))
        self.assertEqual(self.clock.sleeps, [1, 40])

    def test_invalid_retry_after_is_ignored(self) -> None:
        for text in ('Wed, 21 Oct 1998 07:28:00 GMT', 'soon', '-5', '²', ''):
            with self.subTest(text):
                self.setUp()
                self.cloud.on(GET, {}, status=503, headers={'Retry-After': text})
                self.on_statuses('available')
                self.wait(until_available(ONE))
                self.assertEqual(self.clock.sleeps, [1, 1])

    def test_retry_after_does_not_exceed_the_time_limit(self) -> None:
        self.cloud.on(GET, {}, status=503, headers={'Retry-After': '3600'})
        with self.assertRaises(errors.TimedOutError):
            self.wait(until_available(ONE), timeout=60)
        self.assertEqual(self.clock.passed, 60)

    def test_permanent_failure_ends_the_wait(self) -> None:
        for status in (400, 401, 403):
            with self.subTest(status):
                self.setUp()
                self.on_statuses('creating')
                self.cloud.refuse(GET, status, 'No.')
                with self.assertRaises(errors.RequestError) as caught:
                    self.wait(until_available(ONE))
                self.assertEqual(caught.exception.status, status)

    def test_expired_token_is_renewed_silently(self) -> None:
        self.on_statuses('creating')
        self.cloud.refuse(GET, 401, 'The request you have made requires authentication.')
        self.on_statuses('available')
        (done,) = self.wait(until_available(ONE))
        self.assertIsNone(done.error)
        self.assertEqual(self.cloud.identity.count('POST /auth/tokens'), 2)
        self.assertEqual(self.notes.said, [])

    def test_html_page_of_a_portal_ends_the_wait(self) -> None:
        self.cloud.on(GET, text='<html>Who are you?</html>')
        with self.assertRaisesRegex(errors.RequestError, 'unexpected response'):
            self.wait(until_available(ONE))

    def test_missing_answer_does_not_count_as_deleted(self) -> None:
        self.cloud.fail(GET, RESET)
        self.cloud.refuse(GET, 502, 'Bad gateway.')
        self.cloud.refuse(GET, 404, 'Backup could not be found.')
        self.wait(until_gone(ONE))
        self.assertEqual(self.polls(), 3)


class BatchTest(ScheduleTest):
    def test_several_backups_are_read_in_one_list(self) -> None:
        rows = [backup(ID, status='creating'), backup(OTHER_ID, status='creating')]
        self.cloud.on(LIST, {'backups': rows})
        self.cloud.on(LIST, {'backups': rows})
        self.cloud.on(LIST, {'backups': [backup(ID), backup(OTHER_ID)]})
        ended = self.wait(until_available(ONE), until_available(OTHER))
        self.assertEqual([done.error for done in ended], [None, None])
        self.assertEqual(self.cloud.lines, [LIST] * 3)

    def test_last_backup_is_read_by_id(self) -> None:
        rows = [backup(ID), backup(OTHER_ID, status='creating')]
        self.cloud.on(LIST, {'backups': rows})
        self.on_statuses('available', line=GET_OTHER)
        self.wait(until_available(ONE), until_available(OTHER))
        self.assertEqual(self.cloud.lines, [LIST, GET_OTHER])

    def test_backup_missing_from_the_list_is_read_by_id(self) -> None:
        self.cloud.on(LIST, {'backups': [backup(ID)]})
        self.on_statuses('creating', 'available', line=GET_OTHER)
        ended = self.wait(until_available(ONE), until_available(OTHER))
        self.assertEqual([done.error for done in ended], [None, None])
        self.assertEqual(self.cloud.lines, [LIST, GET_OTHER, GET_OTHER])

    def test_long_list_is_read_for_large_batches_only(self) -> None:
        more = [{'rel': 'next', 'href': ''}]
        strangers = [backup(f'{number:08}-aaaa-4bbb-8ccc-000000000009') for number in range(1000)]
        last = strangers[-1]['id']
        self.cloud.on(LIST, {'backups': strangers, 'backups_links': more})
        rows = [backup(ID, status='creating'), backup(OTHER_ID, status='creating')]
        self.cloud.on(f'{LIST}?marker={last}', {'backups': rows})
        for line in (GET, GET_OTHER):
            self.on_statuses('available', line=line)
        self.wait(until_available(ONE), until_available(OTHER))
        # Two pages take as many requests as two backups.
        self.assertEqual(self.cloud.lines[:2], [LIST, f'{LIST}?marker={last}'])
        self.assertEqual(sorted(self.cloud.lines[2:]), [GET, GET_OTHER])

    def test_volumes_are_read_by_id_next_to_backups(self) -> None:
        other = Volume(OTHER_VOLUME_ID, 'other', 'restoring-backup')
        for id_ in (VOLUME_ID, OTHER_VOLUME_ID):
            self.cloud.on(f'GET /volumes/{id_}', {'volume': volume(id_)})
        self.on_statuses('available')
        self.wait(until_restored(THE_VOLUME), until_restored(other), until_available(ONE))
        expected = {GET_VOLUME, f'GET /volumes/{OTHER_VOLUME_ID}', GET}
        self.assertEqual((len(self.cloud.lines), set(self.cloud.lines)), (3, expected))

    def test_failed_list_is_read_again(self) -> None:
        self.cloud.refuse(LIST, 503, 'Busy.')
        self.cloud.on(LIST, {'backups': [backup(ID), backup(OTHER_ID)]})
        self.wait(until_available(ONE), until_available(OTHER))
        self.assertEqual(self.cloud.lines, [LIST, LIST])

    def test_work_may_wait_twice(self) -> None:
        self.on_statuses('available')
        self.on_statuses('creating', 'available', line=GET_OTHER)

        def steps() -> Steps:
            first = yield until_available(ONE)
            second = yield until_available(OTHER)
            return [row.id for row in (first, second) if row]

        self.assertEqual(self.schedule().do(steps()), [ID, OTHER_ID])
        self.assertEqual(self.clock.sleeps, [1, 1, 1.5])

    def test_reached_goal_sends_no_request(self) -> None:
        (done,) = self.wait(until(Backup(ID, 'nightly', 'available'), 'available'))
        self.assertIsNone(done.error)
        self.assertEqual((self.cloud.lines, self.clock.sleeps), ([], []))

    def test_failed_backup_is_reported_without_waiting(self) -> None:
        self.on_messages()
        failed = Backup(ID, 'nightly', 'error', fail_reason='Broken.')
        (done,) = self.wait(until(failed, 'available'))
        self.assertEqual(
            str(done.error), f'Backup {NAMED} is in status error (the server said: Broken).'
        )
        self.assertEqual(self.clock.sleeps, [])

    def test_empty_batch_takes_no_time(self) -> None:
        self.assertEqual(self.wait(), [])
        self.assertEqual((self.cloud.lines, self.clock.sleeps), ([], []))


class WorksTest(ScheduleTest):
    """Works that run one after another, and at once."""

    def setUp(self) -> None:
        super().setUp()
        self.begun: list[str] = []
        self.rows: list[Row] = []

    def work(self, key: str, *waits: Target, fails: bool = False) -> Work:
        """Return a work that waits, and then fails or returns its key in capitals."""

        def steps() -> Steps:
            self.begun.append(key)
            for target in waits:
                self.rows.append((yield target))
            if fails:
                raise errors.RefusedError(f'{key} failed.')
            return key.upper()

        return Work(key, f'the {key}', steps())

    def run_works(self, *works: Work, **options: Any) -> list[Done]:
        return list(self.schedule().run(works, **options))

    def ends(self, *works: Work, **options: Any) -> dict[str, str]:
        """Return the result of each work, in the order of their ends."""
        return {
            done.key: 'left out' if done.is_left_out else str(done.error or done.result)
            for done in self.run_works(*works, **options)
        }


class OrderTest(WorksTest):
    def test_work_begins_after_its_predecessors(self) -> None:
        self.on_statuses('creating', 'available')
        first, other = self.work('first', until_available(ONE)), self.work('other')
        last = self.work('last')
        after = {'last': ['first', 'other']}
        self.assertEqual(
            self.ends(last, first, other, after=after),
            {'other': 'OTHER', 'first': 'FIRST', 'last': 'LAST'},
        )
        self.assertEqual(self.begun, ['first', 'other', 'last'])

    def test_ready_works_begin_in_the_given_order(self) -> None:
        keys = ['e', 'a', 'd', 'b', 'c']
        works = [self.work(key) for key in keys]
        self.run_works(*works, after={'d': ['c'], 'a': ['c']})
        self.assertEqual(self.begun, ['e', 'b', 'c', 'a', 'd'])

    def test_unknown_predecessors_are_ignored(self) -> None:
        self.assertEqual(self.ends(self.work('a'), after={'a': ['b'], 'c': ['a']}), {'a': 'A'})

    def test_failed_predecessor_counts_as_ended(self) -> None:
        works = self.work('a', fails=True), self.work('b')
        self.assertEqual(self.ends(*works, after={'b': ['a']}), {'a': 'a failed.', 'b': 'B'})

    def test_works_after_a_failure_can_be_left_out(self) -> None:
        works = [self.work(key, fails=key == 'b') for key in ('a', 'b', 'c', 'd', 'e')]
        after = {'b': ['a'], 'c': ['b'], 'd': ['c', 'e']}
        self.assertEqual(
            self.ends(*works, after=after, stops_at_failure=True),
            {'a': 'A', 'b': 'b failed.', 'e': 'E', 'c': 'left out', 'd': 'left out'},
        )
        self.assertEqual(sorted(self.begun), ['a', 'b', 'e'])

    def test_failed_wait_is_a_failure_of_the_work(self) -> None:
        self.on_statuses('error')
        self.on_messages()
        works = self.work('a', until_available(ONE)), self.work('b')
        self.assertEqual(
            self.ends(*works, after={'b': ['a']}, stops_at_failure=True),
            {'a': f'Backup {NAMED} is in status error.', 'b': 'left out'},
        )

    def test_programming_error_is_raised(self) -> None:
        def steps() -> Steps:
            yield from ()
            raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            self.run_works(Work('a', 'a', steps()))


class StepsTest(WorksTest):
    def test_work_may_continue_after_a_failed_wait(self) -> None:
        self.on_statuses('error')
        self.on_messages()
        self.on_statuses('available', line=GET_OTHER)

        def steps() -> Steps:
            try:
                yield until_available(ONE)
            except errors.EndedBadlyError:
                return (yield until_available(OTHER))

        row = self.schedule().do(steps())
        self.assertEqual(row.id, OTHER_ID)

    def test_failure_of_a_single_work_is_raised(self) -> None:
        def steps() -> Steps:
            yield until(Backup(ID, 'nightly', 'available'), 'available')
            raise errors.RefusedError('No.')

        with self.assertRaisesRegex(errors.RefusedError, r'^No\.$'):
            self.schedule().do(steps())

    def test_statuses_of_one_wait_do_not_affect_the_next(self) -> None:
        self.on_statuses('deleting', 'available', 'deleting')
        self.on_messages()
        self.cloud.refuse(GET, 404, 'Backup could not be found.')

        def steps() -> Steps:
            try:
                yield until_gone(ONE)
            except errors.EndedBadlyError:
                yield until_gone(Backup(ID, 'nightly', 'available'))
            return 'gone'

        self.assertEqual(self.schedule().do(steps()), 'gone')

    def test_undone_deletion_ends_the_wait(self) -> None:
        self.on_statuses('deleting', 'deleting', 'available')
        self.on_messages()
        self.assertEqual(self.failure(until_gone(ONE)), f'Backup {NAMED} is in status available.')


class LimitTest(WorksTest):
    def test_limit_applies_to_running_works(self) -> None:
        ids = [f'{number:08}-aaaa-4bbb-8ccc-000000000001' for number in range(7)]
        for id_ in ids:
            self.on_statuses('creating', 'available', line=f'GET /backups/{id_}')
        rows = [backup(id_) for id_ in ids]
        self.cloud.on(LIST, {'backups': rows})
        works = [self.work(id_, until_available(Backup(id_, status='creating'))) for id_ in ids]
        under_way: list[int] = []
        ended = 0
        self.clock.during = lambda: under_way.append(len(self.begun) - ended)
        for _ in self.schedule().run(works, limit=3):
            ended += 1
        self.assertEqual(ended, 7)
        self.assertEqual(max(under_way), 3)

    def test_work_without_wait_does_not_count_towards_the_limit(self) -> None:
        self.on_statuses('available')
        works = [self.work('a', until_available(ONE)), self.work('b', fails=True), self.work('c')]
        self.run_works(*works, limit=2)
        self.assertEqual(self.begun, ['a', 'b', 'c'])
        self.assertEqual(self.polls(), 1)

    def test_all_works_begin_at_once_without_a_limit(self) -> None:
        ids = [f'{number:08}-aaaa-4bbb-8ccc-000000000001' for number in range(7)]
        self.cloud.on(LIST, {'backups': [backup(id_) for id_ in ids]})
        self.run_works(
            *(self.work(id_, until_available(Backup(id_, status='creating'))) for id_ in ids)
        )
        # All works share one look.
        self.assertEqual(self.cloud.lines, [LIST])


class StopTest(WorksTest):
    """Ctrl-C and the time limit: running works, and works that have not begun."""

    RUNNING = f'backup {NAMED} (to check: openstack volume backup show {ID})'

    def stopped(self, *works: Work, timeout: float | None = None, **options: Any) -> str:
        with self.assertRaises(errors.StoppedWaitingError) as caught:
            list(self.schedule(timeout).run(works, **options))
        return str(caught.exception)

    def interrupted(self, key: str) -> Work:
        def steps() -> Steps:
            yield from ()
            raise KeyboardInterrupt

        return Work(key, f'the {key}', steps())

    def test_ctrl_c_in_a_pause_names_running_and_waiting_works(self) -> None:
        self.on_statuses('creating')
        self.clock.interrupt_at(2)
        works = self.work('first', until_available(ONE)), self.work('last'), self.work('very last')
        self.assertEqual(
            self.stopped(*works, after={'last': ['first'], 'very last': ['last']}),
            'Interrupted; nothing was cancelled. The cloud may still be working on '
            f'{self.RUNNING}. Not started: the last, the very last.',
        )

    def test_time_limit_names_running_and_waiting_works(self) -> None:
        self.on_statuses('creating')
        works = self.work('first', until_available(ONE)), self.work('last')
        self.assertEqual(
            self.stopped(*works, timeout=10, limit=1),
            'Timed out after 10s; nothing was cancelled. The cloud may still be working on '
            f'{self.RUNNING}. Not started: the last.',
        )

    def test_ctrl_c_in_a_step_names_running_and_waiting_works(self) -> None:
        works = self.work('first', until_available(ONE)), self.interrupted('next'), self.work('b')
        told = self.stopped(*works)
        self.assertTrue(
            told.startswith('Interrupted; nothing was cancelled. The cloud may still '), told
        )
        self.assertIn(self.RUNNING, told)
        self.assertIn('Not started: the b.', told)

    def test_ctrl_c_in_a_step_names_the_work_of_the_step(self) -> None:
        # Its request may have been carried out.
        for works in (
            (self.work('first', until_available(ONE)), self.interrupted('next')),
            (self.interrupted('next'), self.work('last')),
        ):
            with self.subTest(len(works)):
                self.assertIn('the next', self.stopped(*works))

    def test_ctrl_c_in_a_step_after_a_wait_names_the_work(self) -> None:
        self.on_statuses('available')

        def steps() -> Steps:
            yield until_available(ONE)
            raise KeyboardInterrupt

        told = self.stopped(Work('first', 'the first', steps()))
        self.assertIn('the first', told)

    def test_names_of_a_step_come_first(self) -> None:
        def steps() -> Steps:
            yield from ()
            raise errors.TimedOutError('Timed out after 1m', ['what I did'])

        self.on_statuses('creating')
        works = self.work('first', until_available(ONE)), Work('next', 'the next', steps())
        told = self.stopped(*works)
        self.assertIn('Timed out after 1m; nothing was cancelled. The cloud may still ', told)
        self.assertIn('what I did', told)
        self.assertIn(self.RUNNING, told)


class ParallelTest(WorksTest):
    """Independent works whose requests are in flight at once."""

    IDS = tuple(f'{number:08}-aaaa-4bbb-8ccc-000000000001' for number in range(parallel.LIMIT))

    def setUp(self) -> None:
        super().setUp()
        self.shared = self.schedule()
        self.meeting = Meeting(parallel.LIMIT)
        self.cloud.most = 10 * parallel.LIMIT
        context = ctrl_c_works()
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def reading(self, wait: Target | None = None, fails: str = '') -> list[Work]:
        """Return works that wait, and then read a backup; one may fail."""

        def steps(id_: str) -> Steps:
            if wait:
                yield wait
            self.shared.cloud.read_backup(id_)
            if id_ == fails:
                raise errors.RefusedError('No.')

        for id_ in self.IDS:
            self.on_statuses('available', line=f'GET /backups/{id_}')
        return [Work(id_, f'the {id_[7]}', steps(id_)) for id_ in self.IDS]

    def run_works(self, *works: Work, **options: Any) -> list[Done]:
        return list(self.shared.run(works, **options))

    def meet(self, line: str) -> None:
        if line != GET and line.startswith(('GET /backups/0', 'GET /volumes/')):
            self.meeting.attend()

    def test_works_begin_at_once(self) -> None:
        self.cloud.before_answer = self.meet
        done = self.run_works(*self.reading())
        self.assertEqual([each.key for each in done], list(self.IDS))

    def test_works_continue_at_once(self) -> None:
        self.on_statuses('available')
        works = self.reading(until_available(ONE))
        self.cloud.before_answer = self.meet
        done = self.run_works(*works)
        self.assertEqual([each.error for each in done], [None] * parallel.LIMIT)

    def test_no_more_works_than_the_limit_are_in_flight(self) -> None:
        self.meeting = Meeting(2)
        self.cloud.before_answer = self.meet
        self.run_works(*self.reading(), limit=2)

    def test_volumes_are_read_at_once(self) -> None:
        self.cloud.before_answer = self.meet
        for id_ in self.IDS:
            self.cloud.on(f'GET /volumes/{id_}', {'volume': volume(id_)})
        targets = [until_restored(Volume(id_, status='restoring-backup')) for id_ in self.IDS]
        done = self.wait(*targets)
        self.assertEqual([each.result.id for each in done], list(self.IDS))
        self.assertEqual(self.clock.sleeps, [1])

    def test_failure_does_not_lose_the_results_of_others(self) -> None:
        self.cloud.before_answer = self.meet
        done = self.run_works(*self.reading(fails=self.IDS[3]))
        failed = [each.key for each in done if each.error]
        self.assertEqual((len(done), failed), (parallel.LIMIT, [self.IDS[3]]))

    def test_statuses_are_shown_in_the_order_of_the_works(self) -> None:
        ends = {id_: threading.Event() for id_ in (*self.IDS, '')}
        ends[''].set()

        def steps(id_: str, next_: str) -> Steps:
            # The last work advances first.
            ends[next_].wait(30)
            ends[id_].set()
            yield until_available(Backup(id_, status='creating'))

        works = [
            Work(id_, id_, steps(id_, next_))
            for id_, next_ in zip(self.IDS, (*self.IDS[1:], ''), strict=True)
        ]
        self.cloud.on(LIST, {'backups': [backup(id_) for id_ in self.IDS]})
        self.run_works(*works)
        self.assertEqual([id_ for id_, _ in self.notes.seen[: parallel.LIMIT]], list(self.IDS))

    def test_fault_in_several_works_is_reported_once(self) -> None:
        for id_ in self.IDS:
            self.cloud.refuse(f'GET /backups/{id_}', 503, 'Busy.')
        works = self.reading()
        self.cloud.before_answer = self.meet
        self.run_works(*works)
        self.assertEqual(len(self.notes.said), 1)

    def test_expired_token_is_renewed_once(self) -> None:
        works = self.reading()
        self.cloud.expire_tokens()
        self.cloud.before_answer = self.meet
        done = self.run_works(*works)
        self.assertEqual([each.error for each in done], [None] * parallel.LIMIT)
        self.assertEqual(self.cloud.identity.count('POST /auth/tokens'), 2)
        self.assertEqual(len(self.cloud.lines), 2 * parallel.LIMIT)

    def test_request_for_a_token_ends_at_the_time_limit(self) -> None:
        self.shared = self.schedule(timeout=7)
        works = self.reading()
        self.cloud.expire_tokens()
        self.run_works(*works)
        self.assertEqual(self.cloud.token_timeouts[-1], 7)

    def test_microversion_is_negotiated_by_all(self) -> None:
        self.cloud.maximum = '3.50'
        works = self.reading()
        self.cloud.before_answer = self.meet
        done = self.run_works(*works)
        self.assertEqual([each.error for each in done], [None] * parallel.LIMIT)
        versions = [asked.microversion for asked in self.cloud.asked]
        self.assertEqual(versions.count('3.50'), parallel.LIMIT)

    def test_time_limit_names_all_works_in_flight(self) -> None:
        schedule = self.schedule(timeout=30)

        def steps() -> Steps:
            yield from ()
            self.meeting.attend()
            schedule.patience.pause(30)
            schedule.patience.pause(30)

        works = [Work(id_, f'the {id_[7]}', steps()) for id_ in self.IDS]
        with self.assertRaises(errors.TimedOutError) as caught:
            list(schedule.run([*works, self.work('last')]))
        names = ', '.join(f'the {number}' for number in range(parallel.LIMIT))
        self.assertEqual(
            str(caught.exception),
            'Timed out after 30s; nothing was cancelled. The cloud may still be working on '
            f'{names}. Not started: the last.',
        )

    def test_ctrl_c_ends_hanging_requests(self) -> None:
        works = [*self.reading(), self.work('last')]
        hang = Hang(parallel.LIMIT)
        self.addCleanup(hang.end)
        self.cloud.before_answer = lambda _line: hang.join()
        with self.assertRaises(errors.InterruptedByUserError) as caught:
            self.run_works(*works)
        names = ', '.join(f'the {number}' for number in range(parallel.LIMIT))
        self.assertEqual(
            str(caught.exception),
            'Interrupted; nothing was cancelled. The cloud may still be working on '
            f'{names}. Not started: the last.',
        )

    def test_ctrl_c_reports_works_that_have_ended(self) -> None:
        hang = Hang(1)
        self.addCleanup(hang.end)
        ended: list[threading.Thread] = []
        meeting = Meeting(3)

        def fail() -> Steps:
            yield from ()
            ended.append(threading.current_thread())
            meeting.attend()
            raise errors.RefusedError('No.')

        def stay() -> Steps:
            yield from ()
            meeting.attend()
            for each in ended:
                each.join()
            hang.join()

        works = [Work('a', 'a', stay()), Work('b', 'b', fail()), Work('c', 'c', fail())]
        done: list[str] = []
        with self.assertRaisesRegex(errors.InterruptedByUserError, r'working on a\.$'):
            done.extend(each.key for each in self.shared.run(works))
        self.assertEqual(done, ['b', 'c'])

    def test_no_work_begins_after_the_run_is_closed(self) -> None:
        begun: list[str] = []
        closed = threading.Event()

        def steps(id_: str) -> Steps:
            begun.append(id_)
            if id_ != self.IDS[0]:
                closed.wait(30)
            yield from ()

        others = set(threading.enumerate())
        with mock.patch.object(parallel, 'LIMIT', 1):
            run = self.shared.run([Work(id_, id_, steps(id_)) for id_ in self.IDS])
            self.assertEqual(next(run).key, self.IDS[0])
            run.close()
        closed.set()
        for thread in {*threading.enumerate()} - others:
            thread.join(30)
        # The second one may have begun before.
        self.assertLessEqual(len(begun), 2)

    def test_abandoned_work_sends_no_further_request(self) -> None:
        self.on_statuses('available')
        hang, is_over = Hang(2), threading.Barrier(3)

        def steps() -> Steps:
            yield from ()
            try:
                self.shared.cloud.read_backup(ID)
                self.shared.cloud.read_backup(ID)
            finally:
                is_over.wait(30)

        self.cloud.before_answer = lambda _line: hang.join()
        with self.assertRaises(errors.InterruptedByUserError):
            self.run_works(*(Work(key, key, steps()) for key in ('a', 'b')))
        hang.end()
        is_over.wait(30)
        self.assertEqual(self.cloud.lines, [GET, GET])
