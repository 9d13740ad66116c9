# SPDX-License-Identifier: Apache-2.0
"""The SDK's authenticated proxy, asked at the right microversion."""

import contextlib
import logging
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from keystoneauth1 import adapter

from backupext import errors
from backupext.core import features

_NOT_ACCEPTABLE = 406
_OLDEST = '3.0'


class Session(adapter.Adapter):
    """A proxy of openstacksdk that sends each request at one microversion.

    Pinned, it is the pin. Unpinned, it is the newest that both sides know, without asking first:
    the newest that this plugin knows is sent, and a cloud that is older refuses the request as a
    whole (406) and says what it offers. That costs no request on a cloud that is new enough, and
    one on an older one, where discovery would cost two on each.

    It overrides the microversion that the SDK's own methods choose: some of them send one that the
    cloud may not have (reset and force_delete always 3.64), others none (restore). Those that look
    for the session's default find it, and so run no discovery.
    """

    def __init__(self, proxy: Any, asked_for: str | None = None) -> None:
        """Take over a proxy of the SDK's.

        :param asked_for: the version that the user asked for; the proxy knows a microversion,
            except that the SDK takes 3.0 for none where OSC, up to 10.1, makes the connection.
        """
        super().__init__(proxy.session)
        self._proxy = proxy
        self._required: list[features.Feature] = []
        self._offer: features.Range | None = None
        #: What time the cloud had it at its last answer (aware, UTC), to the second.
        self.server_time: datetime | None = None
        self.pin = _pin(proxy.default_microversion or (_OLDEST if asked_for == _OLDEST else None))
        if self.pin:
            self._offer = self._discover()
        self._use(self.pin or features.NEWEST)

    @property
    def microversion(self) -> features.Microversion:
        """What the next request asks for."""
        return self._version

    def require(self, feature: features.Feature) -> None:
        """Refuse what the command needs and the cloud or the pin does not have, now or later.

        What an unpinned cloud offers shows only when it refuses a request: the requirement is
        looked at again then, before that request is sent anew.

        :raises UnsupportedError: it cannot be had.
        """
        self._required.append(feature)
        self._check(feature)

    def request(self, url: str, method: str, **kwargs: Any) -> requests.Response:
        """Send a request, again at an older microversion where the cloud is too old for the newest.

        :raises UnsupportedError: the cloud lacks what the command requires; nothing was done.
        """
        response = self._send(url, method, **kwargs)
        if response.status_code == _NOT_ACCEPTABLE and not self.pin and not self._offer:
            self._learn(response)
            response = self._send(url, method, **kwargs)
        return response

    def _use(self, version: features.Microversion) -> None:
        self._version = version
        self.default_microversion = str(version)

    def _send(self, url: str, method: str, **kwargs: Any) -> requests.Response:
        kwargs['microversion'] = self.default_microversion
        if method == 'GET':
            # clouds.yaml may turn the SDK's cache on: a decision must not rest on old news.
            kwargs.update(skip_cache=True, connect_retries=self._proxy.connect_retries or 0)
        else:
            # Where no answer came, the SDK up to 4.4 sends the request once more, and clouds.yaml
            # may ask for that too. Whatever was done nevertheless would be done twice.
            kwargs.update(connect_retries=0, status_code_retries=0)
        kwargs['log'] = _is_debug_logged()
        response: requests.Response = self._proxy.request(url, method, **kwargs)
        self.server_time = _server_time(response)
        if response.ok and response.content and 'json' not in _content_type(response):
            # A portal's login page says 200 too; nothing may be built on it.
            raise ValueError('the answer is no JSON')
        return response

    def _learn(self, refusal: requests.Response) -> None:
        self._offer = features.offered_in(refusal.text) or self._discover()
        if not self._offer:
            return
        version = features.highest_common(self._offer)
        if not version:
            raise errors.UnsupportedError(
                f'This cloud offers Block Storage microversions {self._offer}, '
                f'and the newest that this plugin knows is {features.NEWEST}.'
            )
        self._use(version)
        for feature in self._required:
            self._check(feature)

    def _discover(self) -> features.Range | None:
        """Ask the cloud's version document; it costs nothing where a pin made the SDK read it."""
        data = self._proxy.get_endpoint_data()
        if not data or not data.min_microversion or not data.max_microversion:
            return None
        return features.Range(
            features.Microversion(*data.min_microversion),
            features.Microversion(*data.max_microversion),
        )

    def _check(self, feature: features.Feature) -> None:
        objection = features.objection(feature, self.pin, self._offer)
        if objection:
            raise errors.UnsupportedError(f'{objection}.')


def _is_debug_logged() -> bool:
    """Tell whether anybody reads what keystoneauth logs of a request.

    OSC opens the root logger for everything and leaves it to the handlers to drop it, so that each
    answer would be formatted for nothing, which costs 10 ms a page.
    """
    return any(handler.level <= logging.DEBUG for handler in logging.getLogger().handlers)


def _server_time(response: requests.Response) -> datetime | None:
    """Read the time of an answer; proxies may put theirs beside the server's."""
    with contextlib.suppress(ValueError, TypeError):
        time = parsedate_to_datetime(response.headers.get('Date', ''))
        return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time
    return None


def _content_type(response: requests.Response) -> str:
    return str(response.headers.get('Content-Type', ''))


def _pin(text: str | None) -> features.Microversion | None:
    """Read what the user pinned; ``latest`` is what an unpinned session asks for anyway."""
    if text in {None, 'latest'}:
        return None
    try:
        return features.Microversion.parse(str(text))
    except ValueError as error:
        raise errors.UsageError(
            f"'{text}' is no microversion of Block Storage; one looks like {features.NEWEST}."
        ) from error
