# SPDX-License-Identifier: Apache-2.0
import signal
import unittest

from backupext import errors
from backupext.cli import signals


class SignalsTest(unittest.TestCase):
    def setUp(self) -> None:
        for each in (signal.SIGTERM, signal.SIGHUP):
            before = signal.signal(each, signal.SIG_DFL)
            self.addCleanup(signal.signal, each, before)

    def test_signal_interrupts_with_its_own_exit_status(self) -> None:
        for number, status in ((signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            with (
                self.subTest(number),
                self.assertRaises(errors.InterruptedByUserError) as caught,
                signals.treated_as_ctrl_c(),
            ):
                signal.raise_signal(number)
            self.assertEqual(caught.exception.exit_status, status)

    def test_error_keeps_what_it_names(self) -> None:
        with (
            self.assertRaisesRegex(errors.InterruptedByUserError, 'on backup a') as caught,
            signals.treated_as_ctrl_c(),
        ):
            try:
                signal.raise_signal(signal.SIGTERM)
            except KeyboardInterrupt as error:
                raise errors.InterruptedByUserError('Interrupted', ['backup a']) from error
        self.assertEqual(caught.exception.exit_status, 143)

    def test_ctrl_c_stays_what_it_is(self) -> None:
        with self.assertRaises(KeyboardInterrupt), signals.treated_as_ctrl_c():
            raise KeyboardInterrupt
        with (
            self.assertRaises(errors.InterruptedByUserError) as caught,
            signals.treated_as_ctrl_c(),
        ):
            raise errors.InterruptedByUserError('Interrupted')
        self.assertEqual(caught.exception.exit_status, 130)

    def test_ignored_signal_stays_ignored(self) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with signals.treated_as_ctrl_c():
            signal.raise_signal(signal.SIGHUP)
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)

    def test_handlers_are_restored(self) -> None:
        with signals.treated_as_ctrl_c():
            self.assertIsNot(signal.getsignal(signal.SIGTERM), signal.SIG_DFL)
        self.assertIs(signal.getsignal(signal.SIGTERM), signal.SIG_DFL)
