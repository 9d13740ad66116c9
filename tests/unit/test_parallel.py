# SPDX-License-Identifier: Apache-2.0
"""Calls in threads, without a cloud."""

import threading
import unittest
from collections.abc import Callable

from backupext import errors, parallel
from tests.unit.flight import Hang, Meeting, ctrl_c_works, press_ctrl_c


def double(number: int) -> int:
    return 2 * number


class ParallelTest(unittest.TestCase):
    def run_calls(self, call: Callable[[int], object], number: int) -> list[tuple[int, object]]:
        """Make calls; return each item with the answer or exception of its call."""
        return [
            (item, ended.error or ended.result())
            for item, ended in parallel.run(call, range(number))
        ]


class OrderTest(ParallelTest):
    def test_answers_are_in_the_order_of_the_items(self) -> None:
        ends = [threading.Event() for _ in range(5)]

        def reverse(item: int) -> int:
            # The last call ends first.
            if item < 4:
                ends[item + 1].wait()
            ends[item].set()
            return item

        self.assertEqual(self.run_calls(reverse, 5), [(item, item) for item in range(5)])

    def test_more_items_than_threads_are_all_done(self) -> None:
        self.assertEqual(parallel.answers(double, range(500)), [2 * item for item in range(500)])

    def test_no_items_need_no_thread(self) -> None:
        self.assertEqual(parallel.answers(double, []), [])

    def test_ended_calls_are_yielded_before_later_ones_end(self) -> None:
        goes_on = threading.Event()

        def call(item: int) -> int:
            if item == 1:
                goes_on.wait()
            return item

        calls = parallel.run(call, range(2))
        self.assertEqual(next(calls)[0], 0)
        goes_on.set()
        self.assertEqual(next(calls)[0], 1)


class LimitTest(ParallelTest):
    def test_calls_are_made_at_once(self) -> None:
        meeting = Meeting(parallel.LIMIT)
        self.run_calls(lambda _item: meeting.attend(), parallel.LIMIT)

    def test_no_more_calls_than_the_limit_are_made_at_once(self) -> None:
        lock, meeting = threading.Lock(), Meeting(parallel.LIMIT)
        going = most = 0

        def call(_item: int) -> None:
            nonlocal going, most
            with lock:
                going += 1
                most = max(most, going)
            meeting.attend()
            with lock:
                going -= 1

        self.run_calls(call, 5 * parallel.LIMIT)
        self.assertEqual(most, parallel.LIMIT)

    def test_single_call_is_made_in_this_thread(self) -> None:
        here = threading.current_thread()
        calls = self.run_calls(lambda _item: threading.current_thread(), 1)
        self.assertEqual(calls, [(0, here)])

    def test_calls_within_a_call_are_made_in_its_thread(self) -> None:
        def call(_item: int) -> bool:
            inner = parallel.answers(lambda _item: threading.current_thread(), range(3))
            return inner == [threading.current_thread()] * 3

        self.assertEqual(self.run_calls(call, 2), [(0, True), (1, True)])

    def test_threads_do_not_keep_the_process_alive(self) -> None:
        calls = self.run_calls(lambda _item: threading.current_thread().daemon, 2)
        self.assertEqual(calls, [(0, True), (1, True)])


class FailureTest(ParallelTest):
    def test_failure_does_not_affect_other_calls(self) -> None:
        error = errors.RefusedError('No.')

        def call(item: int) -> int:
            if item == 1:
                raise error
            return item

        for number in (2, 50):
            with self.subTest(number):
                calls = self.run_calls(call, number)
                self.assertEqual(calls[:2], [(0, 0), (1, error)])
                self.assertEqual(calls[2:], [(item, item) for item in range(2, number)])

    def test_no_call_begins_after_the_time_limit(self) -> None:
        begun: list[int] = []
        meeting = Meeting(parallel.LIMIT)

        def call(item: int) -> None:
            begun.append(item)
            meeting.attend()
            raise errors.TimedOutError('Timed out')

        calls = self.run_calls(call, 100)
        self.assertEqual(len(calls), parallel.LIMIT)
        self.assertEqual(sorted(begun), list(range(parallel.LIMIT)))

    def test_no_call_begins_after_the_time_limit_within_a_call(self) -> None:
        def call(item: int) -> None:
            raise errors.TimedOutError(f'{item}')

        inner = parallel.answers(lambda _item: len(self.run_calls(call, 3)), range(2))
        self.assertEqual(inner, [1, 1])

    def test_answers_raise_the_first_failure(self) -> None:
        def call(item: int) -> None:
            raise errors.RefusedError(f'{item} failed.')

        with self.assertRaisesRegex(errors.RefusedError, r'^0 failed\.$'):
            parallel.answers(call, range(50))

    def test_programming_error_is_raised(self) -> None:
        def call(item: int) -> float:
            return 1 / item

        with self.assertRaises(ZeroDivisionError):
            parallel.answers(call, range(3))


class CtrlCTest(ParallelTest):
    def setUp(self) -> None:
        context = ctrl_c_works()
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def test_ctrl_c_yields_what_has_ended(self) -> None:
        hang, meeting = Hang(1), Meeting(3)
        self.addCleanup(hang.end)
        threads: dict[int, threading.Thread] = {}
        ended: list[int] = []

        def call(item: int) -> None:
            threads[item] = threading.current_thread()
            meeting.attend()
            if item == 1:
                for other in (0, 2):
                    threads[other].join()
                hang.join()

        with self.assertRaises(errors.InterruptedByUserError):
            for item, _ in parallel.run(call, range(3)):
                ended.append(item)
        self.assertEqual(ended, [0, 2])

    def test_no_call_begins_after_ctrl_c(self) -> None:
        hang = Hang(parallel.LIMIT)
        self.addCleanup(hang.end)
        begun: list[int] = []

        def call(item: int) -> None:
            begun.append(item)
            hang.join()

        with self.assertRaises(errors.InterruptedByUserError):
            self.run_calls(call, 100)
        self.assertEqual(len(begun), parallel.LIMIT)

    def test_check_ends_an_abandoned_call(self) -> None:
        hang = Hang(2)
        ends: list[BaseException] = []
        is_checked = threading.Barrier(3)

        def call(_item: int) -> None:
            parallel.check()
            hang.join()
            try:
                parallel.check()
            except KeyboardInterrupt as error:
                ends.append(error)
            is_checked.wait(30)

        with self.assertRaises(errors.InterruptedByUserError):
            self.run_calls(call, 2)
        hang.end()
        is_checked.wait(30)
        self.assertEqual(len(ends), 2)

    def test_ctrl_c_in_a_single_call_is_raised(self) -> None:
        def call(_item: int) -> None:
            press_ctrl_c()
            threading.Event().wait(30)

        with self.assertRaises(KeyboardInterrupt):
            parallel.answers(call, range(1))

    def test_check_does_nothing_outside_a_call(self) -> None:
        self.run_calls(double, 2)
        parallel.check()
