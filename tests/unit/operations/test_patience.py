# SPDX-License-Identifier: Apache-2.0
"""Retries after transient faults, with a fake clock and without a cloud."""

import itertools
import unittest
from collections.abc import Callable

from backupext import errors
from backupext.core.causes import Cause
from backupext.errors import RequestError
from backupext.operations.patience import Clock, Patience, pauses
from tests.unit.clock import FakeClock


def busy(retry_after: float | None = None) -> RequestError:
    return RequestError(
        'Cannot list backups: the service is not available.',
        Cause.UNAVAILABLE,
        advice='Try again later.',
        status=503,
        retry_after=retry_after,
    )


def limited(retry_after: float | None = None) -> RequestError:
    return RequestError('Slow down.', Cause.RATE_LIMITED, status=429, retry_after=retry_after)


def refused() -> RequestError:
    return RequestError('Cannot list backups: no.', Cause.NOT_ALLOWED, status=403)


class PatienceTest(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = FakeClock()
        self.notes: list[str] = []
        self.asked = 0

    def patience(self, timeout: float | None = None) -> Patience:
        clock = Clock(self.clock.now, self.clock.sleep)
        return Patience(clock, self.notes.append, timeout)

    def answers(self, *answers: str | BaseException) -> Callable[[], str]:
        """Return these answers in turn, and then the last one again and again."""
        left = list(answers)

        def request() -> str:
            self.asked += 1
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return request


class AskTest(PatienceTest):
    def test_answer_needs_no_pause(self) -> None:
        self.assertEqual(self.patience().ask(self.answers('yes')), 'yes')
        self.assertEqual((self.asked, self.clock.sleeps, self.notes), (1, [], []))

    def test_transient_fault_is_retried_with_growing_pauses(self) -> None:
        self.assertEqual(self.patience().ask(self.answers(*[busy()] * 9, 'yes')), 'yes')
        self.assertEqual(self.asked, 10)
        self.assertEqual(self.clock.sleeps[:3], [1, 1.5, 2.25])
        self.assertEqual(self.clock.sleeps[-1], 15)

    def test_every_transient_fault_is_retried(self) -> None:
        for cause in Cause:
            error = RequestError('No.', cause)
            with self.subTest(cause):
                if error.is_transient:
                    self.assertEqual(self.patience().ask(self.answers(error, 'yes')), 'yes')
                else:
                    with self.assertRaises(RequestError) as caught:
                        self.patience().ask(self.answers(error, 'yes'))
                    self.assertIs(caught.exception, error)

    def test_other_errors_are_raised_unchanged(self) -> None:
        error = errors.NotFoundError('No backup.')
        with self.assertRaises(errors.NotFoundError) as caught:
            self.patience().ask(self.answers(error, 'yes'))
        self.assertIs(caught.exception, error)
        self.assertEqual(self.asked, 1)


class NoteTest(PatienceTest):
    def test_fault_is_reported_once_without_advice(self) -> None:
        patience = self.patience()
        patience.ask(self.answers(busy(), busy(), 'yes'))
        patience.ask(self.answers(limited(), 'yes'))
        self.assertEqual(
            self.notes,
            [f'{busy().sentence} Retrying until the cloud answers.'],
        )

    def test_fault_is_reported_before_the_pause(self) -> None:
        told: list[int] = []
        self.clock.during = lambda: told.append(len(self.notes))
        self.patience().ask(self.answers(busy(), 'yes'))
        self.assertEqual(told, [1])


class RetryAfterTest(PatienceTest):
    def test_retry_after_sets_the_pause(self) -> None:
        self.patience().ask(self.answers(limited(42), 'yes'))
        self.assertEqual(self.clock.sleeps, [42])

    def test_retry_after_does_not_shorten_the_pause(self) -> None:
        self.patience().ask(self.answers(busy(), busy(0), busy(1), 'yes'))
        self.assertEqual(self.clock.sleeps, [1, 1.5, 2.25])

    def test_retry_after_does_not_exceed_the_time_limit(self) -> None:
        with self.assertRaises(errors.TimedOutError):
            self.patience(60).ask(self.answers(limited(3600)))
        self.assertEqual(self.clock.passed, 60)
        # The cloud may answer again when the time is up.
        self.assertEqual(self.asked, 2)


class RefusalTest(PatienceTest):
    def test_refusal_after_an_unknown_outcome_has_both_failures(self) -> None:
        with self.assertRaises(RequestError) as caught:
            self.patience().ask(self.answers(busy(), refused()))
        self.assertEqual(caught.exception.cause, Cause.NOT_ALLOWED)
        self.assertEqual(
            str(caught.exception),
            'Cannot list backups: the service is not available. The next try failed too. Cannot '
            'list backups: no.',
        )

    def test_first_of_several_failures_is_kept(self) -> None:
        first = RequestError('The first.', Cause.SERVER_FAILED)
        with self.assertRaisesRegex(RequestError, r'^The first\. The next try failed too\. Cannot'):
            self.patience().ask(self.answers(limited(), first, busy(), refused()))

    def test_refusal_after_a_certain_failure_is_reported_alone(self) -> None:
        error = refused()
        unsent = RequestError('No connection.', Cause.UNREACHABLE, sent=False)
        with self.assertRaises(RequestError) as caught:
            self.patience().ask(self.answers(limited(), unsent, error))
        self.assertIs(caught.exception, error)


class LimitTest(PatienceTest):
    def test_time_limit_begins_with_the_command(self) -> None:
        patience = self.patience(90)
        self.clock.sleep(60)
        self.assertEqual(patience.time_left(), 30)
        self.clock.sleep(60)
        self.assertEqual(patience.time_left(), 0)

    def test_retries_never_end_without_a_time_limit(self) -> None:
        patience = self.patience()
        self.clock.sleep(10**6)
        self.assertIsNone(patience.time_left())
        patience.pause(5)

    def test_no_sleep_exceeds_the_time_limit(self) -> None:
        patience = self.patience(10)
        patience.pause(7)
        patience.pause(7)
        self.assertEqual(self.clock.sleeps, [7, 3])
        with self.assertRaisesRegex(errors.TimedOutError, r'^Timed out after 10s\.$'):
            patience.pause(7)
        self.assertEqual(self.clock.passed, 10)

    def test_time_limit_of_zero_tries_once(self) -> None:
        with self.assertRaises(errors.TimedOutError):
            self.patience(0).ask(self.answers(busy()))
        self.assertEqual((self.asked, self.clock.sleeps), (1, []))

    def test_late_answer_is_accepted(self) -> None:
        patience = self.patience(5)
        self.clock.sleep(9)
        self.assertEqual(patience.ask(self.answers('yes')), 'yes')


class InterruptTest(PatienceTest):
    def test_ctrl_c_in_a_request_or_pause_is_one_sentence(self) -> None:
        self.clock.interrupt_at(1)
        for answers in ((KeyboardInterrupt(),), (busy(),)):
            with self.subTest(answers), self.assertRaises(errors.InterruptedByUserError) as caught:
                self.patience().ask(self.answers(*answers))
            self.assertEqual(str(caught.exception), 'Interrupted.')
            self.assertEqual(caught.exception.exit_status, 130)


class PausesTest(unittest.TestCase):
    def test_pauses_grow_from_1_to_15_seconds(self) -> None:
        some = list(itertools.islice(pauses(), 50))
        self.assertEqual((some[0], some[-1], some), (1, 15, sorted(some)))


class StoppedTest(unittest.TestCase):
    """The sentence after a time limit or Ctrl-C."""

    def test_running_and_unrequested_work_is_named_once(self) -> None:
        error = errors.TimedOutError('Timed out after 5s').with_more(['a'], ['c'])
        error = error.with_more(['b', 'a'], ['c', 'd'])
        self.assertIsInstance(error, errors.TimedOutError)
        self.assertEqual(
            str(error),
            'Timed out after 5s; nothing was cancelled. The cloud may still be working on b, a. '
            'Not started: c, d.',
        )

    def test_advice_remains_last(self) -> None:
        error = errors.InterruptedByUserError('Interrupted', advice='Look.').with_more(['a'])
        self.assertEqual(
            str(error),
            'Interrupted; nothing was cancelled. The cloud may still be working on a. Look.',
        )
