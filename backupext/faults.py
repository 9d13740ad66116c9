# SPDX-License-Identifier: Apache-2.0
"""Turn what the SDK and keystoneauth raise into a message with a cause."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from backupext import errors
from backupext.core import refusals
from backupext.core.causes import Cause
from backupext.core.text import one_sentence, without_markup
from backupext.errors import RequestError

#: The services that are asked.
BLOCK_STORAGE, COMPUTE, IDENTITY = 'Block Storage', 'Compute', 'Identity'


class NoEndpointError(Exception):
    """The SDK or keystoneauth finds no endpoint for the catalogue and the settings."""


class UnexpectedAnswerError(Exception):
    """An answer is not from Block Storage: a login page, or JSON without the required keys."""


@contextlib.contextmanager
def attempt(what: str, service: str = BLOCK_STORAGE) -> Iterator[None]:
    """Turn what the SDK and keystoneauth raise into 'Cannot <what>: <cause>. <advice>'.

    :param service: the service that is asked.
    :raises RequestError: the request failed.
    """
    try:
        yield
    except _FORESEEN as error:
        raise _read(error, what, service) from error


@contextlib.contextmanager
def reading_answer() -> Iterator[None]:
    """Raise UnexpectedAnswerError if an answer lacks a key that Block Storage always sends."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise UnexpectedAnswerError(str(error)) from error


@functools.singledispatch
def _read(error: Exception, what: str, _service: str) -> RequestError:
    return RequestError(f'Cannot {what}: {one_sentence(str(error))}.', Cause.OTHER)


@_read.register
def _(error: sdk_exceptions.HttpException, what: str, service: str) -> RequestError:
    if error.status_code is None and isinstance(error.__cause__, Exception):
        return _read(error.__cause__, what, service)
    retry_after = _retry_after(error.response)
    return _refused(what, error.status_code or 0, _said(error), retry_after)


@_read.register
def _(error: ksa_exceptions.HttpError, what: str, _service: str) -> RequestError:
    # When a token expires, keystoneauth requests a new one without the SDK.
    if isinstance(error, ksa_exceptions.Unauthorized):
        said = one_sentence(str(error.message))
        reason = f'the cloud does not accept these credentials (the server said: {said})'
        status = error.http_status
        return RequestError(f'Cannot {what}: {reason}.', Cause.CREDENTIALS, status=status)
    retry_after = _retry_after(error.response)
    return _refused(what, error.http_status, str(error.message), retry_after)


@_read.register(ksa_exceptions.CatalogException)
@_read.register(sdk_exceptions.ServiceDisabledException)
def _(error: Exception, what: str, service: str) -> RequestError:
    return RequestError(
        f'Cannot {what}: the cloud has no {service} service in its catalogue '
        f'({one_sentence(str(error))}).',
        Cause.NO_SERVICE,
        advice='Check the region, the interface and the service type.',
    )


@_read.register
def _(error: ksa_exceptions.ConnectionError, what: str, service: str) -> RequestError:
    why = refusals.connection(str(error))
    if isinstance(error, ksa_exceptions.SSLError) and 'certificate' in str(error).lower():
        return RequestError(
            f"Cannot {what}: the server's certificate is not trusted ({why}).", Cause.UNTRUSTED
        )
    origin = error.__context__
    if isinstance(origin, requests.exceptions.ReadTimeout):
        return RequestError(
            f'Cannot {what}: {service} did not answer in time ({why}).', Cause.NO_ANSWER
        )
    if isinstance(origin, _WRONG_ENDPOINT):
        return RequestError(
            f'Cannot {what}: the endpoint cannot be used ({why}).',
            Cause.NO_SERVICE,
            advice=f'Check the {service} endpoint.',
        )
    never_sent = isinstance(origin, requests.exceptions.ConnectTimeout)
    return RequestError(
        f'Cannot {what}: {service} cannot be reached ({why}).',
        Cause.UNREACHABLE,
        sent=not never_sent and 'NewConnectionError' not in str(error),
    )


@_read.register
def _(error: sdk_exceptions.ServiceDiscoveryException, what: str, service: str) -> RequestError:
    return RequestError(
        f'Cannot {what}: the endpoint does not look like {service} ({one_sentence(str(error))}).',
        Cause.NO_SERVICE,
        advice='Check that its URL is correct and can be reached.',
    )


@_read.register
def _(error: NoEndpointError, what: str, _service: str) -> RequestError:
    return RequestError(
        f'Cannot {what}: no endpoint matches the settings ({one_sentence(str(error))}).',
        Cause.NO_SERVICE,
        advice='Check the region, the interface and the service type.',
    )


@_read.register(UnexpectedAnswerError)
@_read.register(requests.exceptions.JSONDecodeError)
def _(_error: Exception, what: str, service: str) -> RequestError:
    return RequestError(
        f'Cannot {what}: unexpected response.',
        Cause.UNEXPECTED_ANSWER,
        advice=f'Check the {service} endpoint.',
    )


# Repeating the request does not help with these.
_WRONG_ENDPOINT = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
)

_FORESEEN = (
    sdk_exceptions.SDKException,
    ksa_exceptions.ClientException,
    NoEndpointError,
    UnexpectedAnswerError,
    requests.exceptions.JSONDecodeError,
)


def _refused(what: str, status: int, said: str, retry_after: float | None) -> RequestError:
    refusal = refusals.read(status, said, retry_after)
    return RequestError(
        f'Cannot {what}: {refusal.reason}.',
        refusal.cause,
        advice=refusal.advice,
        status=status,
        retry_after=retry_after,
    )


def _said(error: sdk_exceptions.HttpException) -> str:
    """Return the server's message; the SDK removes markup only within a line."""
    response = error.response
    if response is not None and 'html' in response.headers.get('Content-Type', ''):
        return without_markup(response.text)
    return str(error.details or error.message)


def _retry_after(response: Any) -> float | None:
    """Return how many seconds the cloud asks to wait: ``Retry-After`` is a number or a date."""
    text = response.headers.get('Retry-After', '') if response is not None else ''
    if text.isdecimal():
        return float(text)
    until = _time(text)
    if until is None:
        return None
    now = _time(response.headers.get('Date', '')) or datetime.now(timezone.utc)
    return max((until - now).total_seconds(), 0)


def server_time(response: requests.Response) -> datetime | None:
    """Return when the server answered (aware); a proxy may have added a second date."""
    return _time(response.headers.get('Date', ''))


def _time(text: str) -> datetime | None:
    with contextlib.suppress(ValueError, TypeError):
        time = parsedate_to_datetime(text)
        return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time
    return None


@contextlib.contextmanager
def choosing_endpoint() -> Iterator[None]:
    """Raise NoEndpointError if the SDK or keystoneauth finds no endpoint.

    They raise a plain ValueError or TypeError then, for instance if neither of the two Block
    Storage services in the catalogue is in the region.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise NoEndpointError(str(error)) from error


@contextlib.contextmanager
def pin_refused(objection: Callable[[str], str | None]) -> Iterator[None]:
    """Shorten the SDK's message about a pinned version that the cloud does not have.

    :param objection: reads the SDK's message; returns None if it is about something else.
    :raises UnsupportedError: the cloud does not have the pinned version.
    """
    try:
        yield
    except sdk_exceptions.ConfigException as error:
        sentence = objection(str(error))
        if not sentence:
            raise
        raise errors.UnsupportedError(f'{sentence}.') from error


#: The SDK finds nothing at the endpoint that looks like Block Storage.
SilentEndpointError = sdk_exceptions.ServiceDiscoveryException


@contextlib.contextmanager
def explaining_silence() -> Iterator[None]:
    """Raise what the SDK raises from 4.11 on if a configured endpoint does not answer.

    Earlier releases raise an AttributeError: they read a version document that they do not have.
    """
    try:
        yield
    except AttributeError as error:
        raise sdk_exceptions.ServiceDiscoveryException('No endpoint data found') from error
