# SPDX-License-Identifier: Apache-2.0
"""The SDK's authenticated proxy, with the right microversion in each request."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import requests
from keystoneauth1 import adapter
from keystoneauth1.identity.base import BaseIdentityPlugin

from backupext import errors, faults, parallel
from backupext.core import features

_UNAUTHORIZED = 401
_NOT_ACCEPTABLE = 406
_OLDEST = '3.0'
#: Seconds to wait for the answer to a request that only reads. The proxies in front of most clouds
#: have the same limit.
READ_TIMEOUT = 60.0
# The most requests that the SDK sends to find a pinned version. Together they must not take longer
# than the time that is left.
_LOOKS = 4
# The shortest time limit of a request, in seconds: with less, no request could succeed.
_SHORTEST = 0.1


class Negotiation:
    """The microversion of a command's requests, and what the command requires.

    If the user pinned a microversion, it is that one. Otherwise it is the newest that both sides
    know, without discovery: requests name the newest that this plugin knows, and an older cloud
    refuses the first one as a whole (406) and says what it offers. That costs one request on an
    older cloud and none on a newer one; discovery would cost two on every cloud.
    """

    def __init__(
        self, proxy: Any, asked_for: str | None = None, setting: str | None = None
    ) -> None:
        """Read the pin.

        :param asked_for: the version that the user requested. The proxy knows a microversion, but
            with OSC up to 10.1 the SDK treats 3.0 as none.
        :param setting: the setting in clouds.yaml that pins the version, if one does.
        """
        self._proxy = proxy
        self._setting = setting
        self._lock = threading.Lock()
        self._required: list[features.Feature] = []
        self._offer: features.Range | None = None
        self.pin = _pin(proxy.default_microversion or (_OLDEST if asked_for == _OLDEST else None))
        if self.pin:
            self._offer = self._discover()
        self.version = self.pin or features.NEWEST

    def require(self, feature: features.Feature) -> None:
        """Refuse a feature that the cloud or the pin does not have, now or later.

        Without a pin, what the cloud offers is unknown until it refuses a request. The requirement
        is then checked again, before the request is repeated.

        :raises UnsupportedError: the cloud or the pin does not have the feature.
        """
        self._required.append(feature)
        self._check(feature)

    def learn(self, refused: features.Microversion, refusal: requests.Response) -> bool:
        """Choose another microversion after a refusal; return whether to repeat the request.

        If several threads get a refusal, the first one chooses for all of them.

        :raises UnsupportedError: the cloud lacks what the command requires; nothing was changed.
        """
        if self.pin:
            return False
        with self._lock:
            is_first = not self._offer
            self._offer = self._offer or features.read_offer(refusal.text) or self._discover()
            if self._offer:
                self.version = self._choose(self._offer)
        for feature in self._required:
            self._check(feature)
        return is_first or self.version != refused

    def _choose(self, offer: features.Range) -> features.Microversion:
        version = features.choose_version(offer)
        if not version:
            raise errors.UnsupportedError(
                f'Cannot use this cloud: it offers Block Storage microversions {offer}, and this '
                f'plugin supports none newer than {features.NEWEST}. Use a newer release of the '
                'plugin.'
            )
        return version

    def _discover(self) -> features.Range | None:
        """Read the cloud's version document; it costs no request if a pin made the SDK read it."""
        data = self._proxy.get_endpoint_data()
        if not data or not data.min_microversion or not data.max_microversion:
            return None
        return features.Range(
            features.Microversion(*data.min_microversion),
            features.Microversion(*data.max_microversion),
        )

    def _check(self, feature: features.Feature) -> None:
        objection = features.find_objection(feature, self.pin, self._offer, self._setting)
        if objection:
            raise errors.UnsupportedError(f'{objection}.')


class Login:
    """The token of a keystoneauth session, which threads share and one of them renews.

    keystoneauth itself would renew a token for each thread whose request the cloud refuses.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._lock = threading.Lock()
        #: The limit of all requests in seconds: ``api_timeout`` in clouds.yaml.
        self.timeout: float | None = session.timeout

    def ensure(self, time_left: float | None) -> None:
        """Request a token if there is none, or if it expires soon."""
        with self._lock, limit(self._session, READ_TIMEOUT, time_left):
            self._session.get_auth_headers()

    def renew(self, refused: str | None, time_left: float | None) -> bool:
        """Replace a token that the cloud has refused, unless another thread has done that.

        :returns: whether there is another token.
        """
        with self._lock, limit(self._session, READ_TIMEOUT, time_left):
            auth = self._session.auth
            if not isinstance(auth, BaseIdentityPlugin):
                return False
            if auth.get_token(self._session) == refused:
                # Not invalidated first: other threads must always find a token.
                auth.auth_ref = auth.get_auth_ref(self._session)
        return True


class Session(adapter.Adapter):
    """A proxy of openstacksdk that sends each request with one microversion and a time limit.

    It overrides the microversion that the SDK's methods choose: some of them send one that the
    cloud may not have (reset and force_delete always 3.64), others none (restore). The methods that
    look for the session's default find it, and so run no discovery. Threads may share it.
    """

    def __init__(
        self,
        proxy: Any,
        negotiation: Negotiation,
        login: Login,
        time_left: Callable[[], float | None] = lambda: None,
    ) -> None:
        """Wrap a proxy of the SDK.

        :param time_left: returns how many seconds a request may take; None means no limit.
        """
        super().__init__(proxy.session, default_microversion=str(negotiation.version))
        self._proxy = proxy
        self.negotiation = negotiation
        self._login = login
        self._time_left = time_left
        #: The time on the cloud's clock at its last answer (aware, UTC), in whole seconds.
        self.server_time: datetime | None = None

    def limited(self, time_left: Callable[[], float | None]) -> 'Session':
        """Return a session whose requests end within a time limit."""
        session = Session(self._proxy, self.negotiation, self._login, time_left)
        session.server_time = self.server_time
        return session

    @property
    def endpoint(self) -> str:
        """The address of Block Storage."""
        return str(self._proxy.get_endpoint())

    def request(self, url: str, method: str, **kwargs: Any) -> requests.Response:
        """Send a request; if the cloud is too old, repeat it with an older microversion.

        :raises UnsupportedError: the cloud lacks what the command requires; nothing was changed.
        """
        version = self.negotiation.version
        response = self._send(url, method, version, **kwargs)
        if response.status_code == _NOT_ACCEPTABLE and self.negotiation.learn(version, response):
            response = self._send(url, method, self.negotiation.version, **kwargs)
        return response

    def _send(
        self, url: str, method: str, version: features.Microversion, **kwargs: Any
    ) -> requests.Response:
        """Send a request; if the token has expired, repeat it with another one."""
        kwargs.update(microversion=str(version), log=_is_debug_logged(), allow_reauth=False)
        if method == 'GET':
            kwargs['connect_retries'] = self._proxy.connect_retries or 0
        if method != 'GET' or self._time_left() is not None:
            # If no answer comes, the SDK up to 4.4 repeats the request, and clouds.yaml can request
            # repetitions too. The cloud could then carry out a change twice, and the time limit of
            # a read could be exceeded. Patience retries instead.
            kwargs.update(connect_retries=0, status_code_retries=0)
        response = self._send_once(url, method, **kwargs)
        if response.status_code == _UNAUTHORIZED:
            refused = response.request.headers.get('X-Auth-Token')
            if self._login.renew(refused, self._time_left()):
                response = self._send_once(url, method, **kwargs)
        self.server_time = faults.server_time(response)
        if response.ok and response.content and 'json' not in _content_type(response):
            # The login page of a portal has status 200 too.
            raise faults.UnexpectedAnswerError('the answer is not JSON')
        return response

    def _send_once(self, url: str, method: str, **kwargs: Any) -> requests.Response:
        parallel.check()
        own = READ_TIMEOUT if method == 'GET' else None
        with faults.choosing_endpoint():
            self._login.ensure(self._time_left())
            timeout = _shortest(self._login.timeout, own, self._time_left())
            response: requests.Response = self._proxy.request(
                url, method, timeout=timeout, **kwargs
            )
        parallel.check()
        return response


def connect(connection: Any, time_left: Callable[[], float | None] = lambda: None) -> Session:
    """Return a session of Block Storage.

    If a version is pinned, the SDK looks for it at the endpoint.

    :raises UnsupportedError: the cloud does not have the pinned version.
    """
    config = connection.config
    setting = _pinning_setting(config)
    login = Login(connection.session)
    left = time_left()
    # clouds.yaml may turn on the SDK's cache, but a decision needs current data. And threads must
    # not share it.
    connection.cache_enabled = False
    with (
        limit(connection.session, READ_TIMEOUT, None if left is None else left / _LOOKS),
        faults.pin_refused(lambda words: features.read_refused_pin(words, setting)),
        faults.choosing_endpoint(),
    ):
        proxy = _proxy(connection)
        asked_for = config.get_api_version('block-storage')
        return Session(proxy, Negotiation(proxy, asked_for, setting), login, time_left)


def _proxy(connection: Any) -> Any:
    """Return the SDK's proxy; if the endpoint does not answer it, find out why.

    To the SDK, an endpoint that is busy at the moment looks like a wrong one.
    """
    try:
        with faults.explaining_silence():
            return connection.block_storage
    except faults.SilentEndpointError:
        # This request raises the cause, or succeeds because the endpoint answers again.
        connection.session.get(_endpoint(connection))
    with faults.explaining_silence():
        return connection.block_storage


def _endpoint(connection: Any) -> str | None:
    config, service = connection.config, 'block-storage'
    endpoint: str | None = config.get_endpoint(service) or connection.session.get_endpoint(
        service_type=service,
        interface=config.get_interface(service),
        region_name=config.get_region_name(service),
    )
    return endpoint


# The names that the SDK accepts for Block Storage, in its order.
_SERVICE_NAMES = ('block_storage', 'block_store', 'volumev3', 'volumev2', 'volume')


def _pinning_setting(config: Any) -> str | None:
    """Return the name of the setting in clouds.yaml that pins a microversion, if one does."""
    keys = (f'{name}_default_microversion' for name in _SERVICE_NAMES)
    return next((key for key in keys if config.config.get(key)), None)


@contextlib.contextmanager
def limit(session: Any, *seconds: float | None) -> Iterator[None]:
    """Limit the time of a keystoneauth session's requests, including those for a new token.

    keystoneauth has one limit for all of them, ``api_timeout`` in clouds.yaml. The shortest limit
    applies. Only one thread may do this at a time.

    :param seconds: further limits; None means no limit.
    """
    before = session.timeout
    session.timeout = _shortest(before, *seconds)
    try:
        yield
    finally:
        session.timeout = before


def _shortest(*seconds: float | None) -> float | None:
    """Return the shortest of some time limits; None means no limit."""
    limits = [each for each in seconds if each is not None]
    return max(min(limits), _SHORTEST) if limits else None


def _is_debug_logged() -> bool:
    """Return whether a handler shows what keystoneauth logs of a request.

    OSC sets the root logger to the lowest level and lets the handlers filter. Without this check,
    each answer would be formatted for nothing, which takes 10 ms per page.
    """
    return any(handler.level <= logging.DEBUG for handler in logging.getLogger().handlers)


def _content_type(response: requests.Response) -> str:
    return str(response.headers.get('Content-Type', ''))


def _pin(text: str | None) -> features.Microversion | None:
    """Parse the pinned microversion; ``latest`` is the same as no pin."""
    if text in {None, 'latest'}:
        return None
    try:
        return features.Microversion.parse(str(text))
    except ValueError as error:
        raise errors.UsageError(
            f"Invalid Block Storage microversion '{text}': use one such as {features.NEWEST}."
        ) from error
