# SPDX-License-Identifier: Apache-2.0
"""Exceptions of the SDK and keystoneauth, and their messages."""

import unittest
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import requests
import requests_mock
from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session
from openstack import exceptions as sdk_exceptions

from backupext.core.causes import Cause
from backupext.errors import RequestError, UnsupportedError
from backupext.faults import (
    UnexpectedAnswerError,
    attempt,
    choosing_endpoint,
    explaining_silence,
    pin_refused,
    reading_answer,
)

URL = 'http://volume.test/v3/backups'


def raised(error: BaseException) -> RequestError:
    """Return the error for an exception."""
    try:
        with attempt('list backups'):
            raise error
    except RequestError as told:
        return told
    raise AssertionError('it is swallowed')


def fault_of(message: str) -> dict[str, Any]:
    """Return the body of a refusal as Cinder writes it."""
    headers = {'Content-Type': 'application/json'}
    return {'json': {'fault': {'message': message}}, 'headers': headers}


def send(**answer: Any) -> RequestError:
    """Send a request with a real session of keystoneauth, and return the error."""
    with requests_mock.Mocker() as mocker:
        mocker.get(URL, **answer)
        try:
            with attempt('list backups'):
                response = session.Session().get(URL, raise_exc=False)
                sdk_exceptions.raise_from_response(response)
        except RequestError as error:
            return error
    raise AssertionError('it did not fail')


class CauseTest(unittest.TestCase):
    def test_each_exception_has_its_own_cause(self) -> None:
        for error, cause, reason in (
            (ksa_exceptions.Unauthorized('No.'), Cause.CREDENTIALS, 'not accept these credentials'),
            (ksa_exceptions.EmptyCatalog('Empty.'), Cause.NO_SERVICE, 'in its catalogue (Empty)'),
            (ksa_exceptions.EndpointNotFound('No.'), Cause.NO_SERVICE, 'in its catalogue (No)'),
            (
                sdk_exceptions.ServiceDisabledException('Off.'),
                Cause.NO_SERVICE,
                'in its catalogue (Off)',
            ),
            (
                sdk_exceptions.ServiceDiscoveryException('Silent.'),
                Cause.NO_SERVICE,
                'the endpoint does not look like Block Storage (Silent)',
            ),
            (UnexpectedAnswerError('what?'), Cause.UNEXPECTED_ANSWER, 'unexpected response'),
            (
                requests.exceptions.JSONDecodeError('what?', '<', 0),
                Cause.UNEXPECTED_ANSWER,
                'unexpected response',
            ),
            (ksa_exceptions.ServiceUnavailable('Busy.'), Cause.UNAVAILABLE, 'not available'),
            (ksa_exceptions.MissingAuthPlugin('No plugin.'), Cause.OTHER, 'No plugin'),
            (sdk_exceptions.ConfigException('Odd.'), Cause.OTHER, 'Odd'),
            (sdk_exceptions.SDKException('Odd.'), Cause.OTHER, 'Odd'),
        ):
            with self.subTest(type(error).__name__):
                told = raised(error)
                self.assertEqual(told.cause, cause)
                self.assertTrue(told.sentence.startswith('Cannot list backups: '))
                self.assertIn(reason, told.sentence)
                self.assertRegex(told.sentence, r'[^.]\.\Z')
                self.assertIs(told.__cause__, error)

    def test_each_status_has_its_own_cause(self) -> None:
        for status, cause in (
            (400, Cause.OTHER),
            (401, Cause.NOT_ALLOWED),
            (403, Cause.NOT_ALLOWED),
            (404, Cause.NOT_FOUND),
            (409, Cause.OTHER),
            (429, Cause.RATE_LIMITED),
            (500, Cause.SERVER_FAILED),
            (502, Cause.UNAVAILABLE),
            (503, Cause.UNAVAILABLE),
            (504, Cause.UNAVAILABLE),
        ):
            with self.subTest(status):
                told = send(status_code=status, **fault_of('So it is.'))
                self.assertEqual((told.cause, told.status), (cause, status))
                self.assertIn('So it is', told.sentence)
                self.assertEqual(told.is_transient, status in {429, 500, 502, 503, 504})

    def test_exception_wrapped_by_the_sdk_is_unwrapped(self) -> None:
        wrapper = sdk_exceptions.HttpException('Wrapped.')
        wrapper.__cause__ = ksa_exceptions.ConnectFailure('Connection refused')
        self.assertEqual(raised(wrapper).cause, Cause.UNREACHABLE)

    def test_advice_is_separate_and_comes_last(self) -> None:
        told = send(status_code=503, reason='Busy')
        self.assertEqual(
            (told.sentence, told.advice),
            (
                'Cannot list backups: the service is not available (the server said: Busy).',
                'Try again later.',
            ),
        )
        self.assertEqual(str(told), f'{told.sentence} {told.advice}')


class ConnectionTest(unittest.TestCase):
    def test_refused_connection_leaves_no_doubt(self) -> None:
        refused = requests.exceptions.ConnectionError(
            "HTTPConnectionPool(host='volume.test', port=80): Max retries exceeded with url: /v3 "
            "(Caused by NewConnectionError('<...>: Failed to establish a new connection: "
            "[Errno 111] Connection refused'))"
        )
        for error in (refused, requests.exceptions.ConnectTimeout('connect timed out')):
            with self.subTest(type(error).__name__):
                told = send(exc=error)
                self.assertEqual(told.cause, Cause.UNREACHABLE)
                self.assertTrue(told.is_transient)
                self.assertFalse(told.leaves_doubt)

    def test_broken_connection_leaves_doubt(self) -> None:
        for error in (
            requests.exceptions.ConnectionError('Connection reset by peer'),
            requests.exceptions.ConnectionError("('Connection aborted.', RemoteDisconnected())"),
            requests.exceptions.ChunkedEncodingError('Connection broken'),
            requests.exceptions.SSLError('[SSL: UNEXPECTED_EOF_WHILE_READING]'),
        ):
            with self.subTest(error):
                told = send(exc=error)
                self.assertEqual(told.cause, Cause.UNREACHABLE)
                self.assertTrue(told.is_transient)
                self.assertTrue(told.leaves_doubt)

    def test_missing_answer_leaves_doubt(self) -> None:
        told = send(exc=requests.exceptions.ReadTimeout('read timed out'))
        self.assertEqual(told.cause, Cause.NO_ANSWER)
        self.assertIn('Block Storage did not answer in time', told.sentence)
        self.assertTrue(told.is_transient)
        self.assertTrue(told.leaves_doubt)

    def test_untrusted_certificate_is_not_transient(self) -> None:
        for words in (
            '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired',
            "certificate verify failed: Hostname mismatch, certificate is not valid for 'x'",
        ):
            with self.subTest(words):
                told = send(exc=requests.exceptions.SSLError(words))
                self.assertEqual(told.cause, Cause.UNTRUSTED)
                self.assertIn("the server's certificate is not trusted (", told.sentence)
                self.assertFalse(told.is_transient)
                self.assertFalse(told.leaves_doubt)

    def test_wrong_endpoint_is_not_waited_for(self) -> None:
        for origin in (
            requests.exceptions.TooManyRedirects('Exceeded 30 redirects.'),
            requests.exceptions.InvalidURL('No host supplied'),
            requests.exceptions.InvalidSchema('No connection adapters were found'),
        ):
            with self.subTest(type(origin).__name__):
                failure = send(exc=origin)
                self.assertEqual(failure.cause, Cause.NO_SERVICE)
                self.assertFalse(failure.is_transient)
                self.assertIn('Check the Block Storage endpoint.', str(failure))


class OwnTest(unittest.TestCase):
    def test_programming_error_is_raised_unchanged(self) -> None:
        for error in (
            ValueError('not a number'),
            KeyError('id'),
            AttributeError('no such attribute'),
            TypeError('not callable'),
            AssertionError('never'),
        ):
            with self.subTest(type(error).__name__), self.assertRaises(type(error)) as caught:
                raised(error)
            self.assertIs(caught.exception, error)

    def test_incomplete_answer_is_unexpected(self) -> None:
        answer: Any
        for answer in ({}, [], None, 'backups'):
            with (
                self.subTest(answer),
                self.assertRaises(UnexpectedAnswerError),
                reading_answer(),
            ):
                answer['backup']

    def test_other_errors_while_reading_are_raised_unchanged(self) -> None:
        with self.assertRaises(AttributeError), reading_answer():
            raise AttributeError('no such attribute')


class ConnectTest(unittest.TestCase):
    """Failures before the first request."""

    def test_objection_of_keystoneauth_is_reported_in_its_words(self) -> None:
        for error in (
            ksa_exceptions.ImpliedVersionMismatch('volumev2', (2,), '3.0'),
            ValueError('Ambiguous.'),
            TypeError('Ambiguous.'),
            KeyError('volumev3'),
        ):
            with (
                self.subTest(type(error).__name__),
                self.assertRaises(RequestError) as caught,
                attempt('use Block Storage'),
                choosing_endpoint(),
            ):
                raise error
            self.assertEqual(caught.exception.cause, Cause.NO_SERVICE)
            self.assertIn(str(error).rstrip('.'), str(caught.exception))

    def test_refused_pin_is_explained(self) -> None:
        with (
            self.assertRaisesRegex(UnsupportedError, r'^Not that one\.$'),
            pin_refused(lambda words: words.replace('SDK', 'Not')),
        ):
            raise sdk_exceptions.ConfigException('SDK that one')

    def test_other_objections_are_raised_unchanged(self) -> None:
        error = sdk_exceptions.ConfigException('No such cloud')
        with (
            self.assertRaises(sdk_exceptions.ConfigException) as caught,
            pin_refused(lambda _: None),
        ):
            raise error
        self.assertIs(caught.exception, error)

    def test_unreachable_endpoint_is_explained_with_every_sdk(self) -> None:
        with (
            self.assertRaises(RequestError) as caught,
            attempt('use Block Storage'),
            explaining_silence(),
        ):
            raise AttributeError("'NoneType' object has no attribute 'api_version'")
        self.assertEqual(caught.exception.cause, Cause.NO_SERVICE)


class RetryAfterTest(unittest.TestCase):
    def test_number_of_seconds_is_read(self) -> None:
        told = send(status_code=429, headers={'Retry-After': '42'})
        self.assertEqual((told.cause, told.retry_after), (Cause.RATE_LIMITED, 42))

    def test_date_is_compared_with_the_servers_clock(self) -> None:
        headers = {
            'Retry-After': 'Wed, 21 Oct 2099 07:28:40 GMT',
            'Date': 'Wed, 21 Oct 2099 07:28:00 GMT',
        }
        self.assertEqual(send(status_code=503, headers=headers).retry_after, 40)

    def test_date_is_compared_with_the_local_clock_without_the_servers(self) -> None:
        then = datetime.now(timezone.utc) + timedelta(hours=1)
        headers = {'Retry-After': format_datetime(then, usegmt=True)}
        told = send(status_code=503, headers=headers)
        self.assertAlmostEqual(told.retry_after or 0, 3600, delta=30)

    def test_past_date_means_now(self) -> None:
        headers = {'Retry-After': 'Wed, 21 Oct 1998 07:28:00 GMT'}
        self.assertEqual(send(status_code=503, headers=headers).retry_after, 0)

    def test_other_values_are_ignored(self) -> None:
        for text in ('', 'soon', '-5', '1.5', '²'):
            with self.subTest(text):
                headers = {'Retry-After': text.encode().decode('latin-1')}
                self.assertIsNone(send(status_code=503, headers=headers).retry_after)


class FollowedByTest(unittest.TestCase):
    def test_later_failure_does_not_hide_the_first(self) -> None:
        first = send(status_code=500, **fault_of('Boom.'))
        later = send(status_code=400, **fault_of('Invalid volume: backing-up.'))
        both = first.followed_by(later)
        self.assertEqual((both.cause, both.status), (later.cause, 400))
        self.assertEqual(
            str(both),
            'Cannot list backups: the server failed (the server said: Boom). The next try failed '
            'too. Cannot list backups: Invalid volume: backing-up.',
        )
