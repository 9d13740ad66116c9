# SPDX-License-Identifier: Apache-2.0
"""A cloud of stubbed HTTP.

A Keystone that always agrees, and a Block Storage that answers as a test tells it to, rejects
microversions as Cinder does, and records its requests.
"""

import http.client
import json
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import requests
import requests_mock
from requests_mock.request import _RequestObjectProxy as Request

from tests.unit.clock import FakeClock

#: Seconds after which a request in flight is left behind.
_GIVE_UP = 30
KEYSTONE = 'http://identity.test/v3'
CINDER = 'http://volume.test/v3'

ACCOUNT = {
    'auth_url': KEYSTONE,
    'username': 'somebody',
    'password': 'secret',
    'project_name': 'own',
    'user_domain_id': 'default',
    'project_domain_id': 'default',
}

# More requests than any tested command needs.
MANY = 100

# As Cinder words it.
REFUSAL = (
    'Version {version} is not supported by the API. Minimum is {minimum} and maximum is {maximum}.'
)

OWN_PROJECT = '0123456789abcdef0123456789abcdef'
OTHER_PROJECT = 'fedcba9876543210fedcba9876543210'


@dataclass(frozen=True)
class Answer:
    """The answer of Block Storage to a request."""

    status: int = 200
    body: Any = None
    text: str = ''
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Silence:
    """A missing answer: time passes on a clock until the client gives up."""

    clock: FakeClock

    def last(self, timeout: float | None) -> NoReturn:
        """Let time pass until the client gives up."""
        if timeout is None:
            raise AssertionError('nobody gives up')
        self.clock.time += timeout
        raise requests.exceptions.ReadTimeout('Read timed out.')


Said = Answer | Silence | BaseException


@dataclass(frozen=True)
class Asked:
    """A request that Block Storage received, written as 'METHOD /path?query', and its body.

    The line has the query unquoted, as people read it; ``url`` has it as it was sent. ``timeout``
    is how many seconds the client waits for an answer.
    """

    line: str
    body: Any
    microversion: str | None
    url: str
    timeout: float | None


class StubCloud:
    """Between :meth:`start` and :meth:`stop` every request of this process comes here.

    :meth:`on` sets an answer, and :attr:`asked` has the requests. Threads may send requests: they
    are answered one at a time.
    """

    def __init__(
        self,
        *,
        roles: tuple[str, ...] = ('member',),
        minimum: str = '3.0',
        maximum: str = '3.71',
        refusal: str = REFUSAL,
        catalogue: bool = True,
    ) -> None:
        """Create a cloud without any requests yet.

        :param minimum: the oldest microversion that it accepts, and ``maximum`` the newest.
        :param refusal: the message with which it rejects a microversion.
        :param catalogue: whether its catalogue has Block Storage.
        """
        self.roles = roles
        self.minimum = minimum
        self.maximum = maximum
        self.refusal = refusal
        self.catalogue = catalogue
        #: The largest number of requests of a test.
        self.most = MANY
        #: The time that it sends; none if this is None.
        self.date: Callable[[], datetime] | None = None
        #: Runs before a request to Block Storage is answered; it may block its thread.
        self.before_answer: Callable[[str], object] = lambda _line: None
        self.asked: list[Asked] = []
        self.identity: list[str] = []
        #: How many seconds the client waits for each token.
        self.token_timeouts: list[float | None] = []
        self.projects: list[dict[str, str]] = []
        self._answers: dict[str, list[Said]] = {}
        self._clouds_yaml: Path | None = None
        self._tokens = 0
        self._expired = 0
        self._lock = threading.RLock()
        self._adapter = requests_mock.Adapter()
        self._adapter.register_uri(requests_mock.ANY, requests_mock.ANY, json=self._keystone)
        self._adapter.register_uri(
            requests_mock.ANY, requests_mock.ANY, additional_matcher=_is_cinder, text=self._cinder
        )
        # The Mocker of requests_mock sends one request at a time.
        self._patch = mock.patch.object(requests.Session, 'get_adapter', return_value=self._adapter)

    def start(self) -> None:
        """Start answering requests."""
        self._patch.start()

    def stop(self) -> None:
        """Stop answering requests, when those in flight have ended.

        After a failure, a command does not wait for them. The next test must not receive one.
        """
        for thread in threading.enumerate():
            if '(_work)' in thread.name:  # of backupext.parallel
                thread.join(_GIVE_UP)
        self._patch.stop()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make ``openstack`` use this cloud."""
        if self._clouds_yaml:
            return {'OS_CLIENT_CONFIG_FILE': str(self._clouds_yaml), 'OS_CLOUD': 'stub'}
        variables = {f'OS_{name.upper()}': value for name, value in ACCOUNT.items()}
        return {
            **variables,
            'OS_IDENTITY_API_VERSION': '3',
            'OS_CLIENT_CONFIG_FILE': '/nonexistent/clouds.yaml',
        }

    def configure(self, path: Path, **settings: Any) -> None:
        """Write a clouds.yaml for this cloud with these settings."""
        cloud = {'auth': ACCOUNT, 'identity_api_version': '3', **settings}
        path.write_text(json.dumps({'clouds': {'stub': cloud}}), 'utf-8')
        self._clouds_yaml = path

    def on(
        self,
        line: str,
        body: Any = None,
        *,
        status: int = 200,
        text: str = '',
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answer a request. Several answers to the same request are given in their order."""
        self._answers.setdefault(line, []).append(Answer(status, body, text, headers or {}))

    def fail(self, line: str, error: BaseException) -> None:
        """Break the connection instead of answering a request."""
        self._answers.setdefault(line, []).append(error)

    def ignore(self, line: str, clock: FakeClock) -> None:
        """Accept a request and never answer it."""
        self._answers.setdefault(line, []).append(Silence(clock))

    def expire_tokens(self) -> None:
        """Refuse the tokens that were issued so far."""
        self._expired = self._tokens

    def refuse(self, line: str, status: int, message: str) -> None:
        """Answer a request with an error as Cinder words it."""
        self.on(line, {'fault': {'code': status, 'message': message}}, status=status)

    @property
    def lines(self) -> list[str]:
        """The requests to Block Storage, in order."""
        return [asked.line for asked in self.asked]

    def _keystone(self, request: Request, context: Any) -> Any:
        with self._lock:
            return self._identify(request, context)

    def _identify(self, request: Request, context: Any) -> Any:
        url = str(request.url)
        self.identity.append(f'{request.method} {url.removeprefix(KEYSTONE)}')
        if url.endswith('/auth/tokens'):
            context.status_code = 201
            self._tokens += 1
            self.token_timeouts.append(request.timeout)
            context.headers['X-Subject-Token'] = str(self._tokens)
            return {'token': self._token()}
        if '/projects?' in url:
            return {'projects': self.projects}
        link = [{'rel': 'self', 'href': KEYSTONE}]
        return {'version': {'id': 'v3.14', 'status': 'stable', 'links': link}}

    def _token(self) -> dict[str, Any]:
        domain = {'id': 'default', 'name': 'Default'}
        catalogue = [_service('identity', KEYSTONE)]
        if self.catalogue:
            catalogue.append(_service('block-storage', CINDER))
        return {
            'methods': ['password'],
            'user': {'id': 'u', 'name': 'somebody', 'domain': domain},
            'project': {'id': OWN_PROJECT, 'name': 'own', 'domain': domain},
            'roles': [{'id': role, 'name': role} for role in self.roles],
            'expires_at': '2099-01-01T00:00:00.000000Z',
            'issued_at': '2026-01-01T00:00:00.000000Z',
            'catalog': catalogue,
        }

    def _cinder(self, request: Request, context: Any) -> str:
        with self._lock:
            asked = self._remember(request)
        self.before_answer(asked.line)
        with self._lock:
            token = request.headers.get('X-Auth-Token')
            is_expired = token is not None and int(token) <= self._expired
            answer = Answer(401) if is_expired else self._answer(asked)
        context.status_code = answer.status
        context.reason = http.client.responses[answer.status]
        context.headers.update(answer.headers)
        if self.date:
            context.headers['Date'] = format_datetime(self.date(), usegmt=True)
        if answer.text:
            context.headers['Content-Type'] = 'text/html'
            return answer.text
        context.headers['Content-Type'] = 'application/json'
        return '' if answer.body is None else json.dumps(answer.body)

    def _remember(self, request: Request) -> Asked:
        if len(self.asked) >= self.most:
            raise AssertionError('the command does not stop asking')
        line = f'{request.method} {_path(str(request.url))}'
        version = request.headers.get('OpenStack-API-Version')
        body = json.loads(request.body) if request.body else None
        microversion = str(version).split()[-1] if version else None
        timeout = request.timeout
        self.asked.append(Asked(line, body, microversion, str(request.url), timeout))
        return self.asked[-1]

    def _answer(self, asked: Asked) -> Answer:
        answers = self._answers.get(asked.line)
        if not answers and asked.line in {'GET ', 'GET /'}:
            return Answer(body=self._version_document())
        if asked.microversion and not self._takes(asked.microversion):
            return self._not_acceptable(asked.microversion)
        answer = self._next(answers) if answers else self._unprepared(asked)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Silence):
            answer.last(asked.timeout)
        return answer

    def _next(self, answers: list[Said]) -> Said:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _unprepared(self, asked: Asked) -> Answer:
        """Answer a request that no test has announced."""
        raise AssertionError(f'nobody expects {asked.line}')

    def _takes(self, version: str) -> bool:
        return _number(self.minimum) <= _number(version) <= _number(self.maximum)

    def _not_acceptable(self, version: str) -> Answer:
        message = self.refusal.format(version=version, minimum=self.minimum, maximum=self.maximum)
        return Answer(406, {'computeFault': {'code': 406, 'message': message}})

    def _version_document(self) -> dict[str, Any]:
        version = {
            'id': 'v3.0',
            'status': 'CURRENT',
            'version': self.maximum,
            'min_version': self.minimum,
            'links': [{'rel': 'self', 'href': f'{CINDER}/'}],
        }
        return {'versions': [version]}


def _is_cinder(request: Request) -> bool:
    return str(request.url).startswith(CINDER)


def _path(url: str) -> str:
    path, _, query = url.removeprefix(CINDER).partition('?')
    return f'{path}?{urllib.parse.unquote_plus(query)}' if query else path


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split('.'))


def _service(kind: str, url: str) -> dict[str, Any]:
    endpoint = {'id': kind, 'interface': 'public', 'region': 'R', 'region_id': 'R', 'url': url}
    return {'id': kind, 'type': kind, 'name': kind, 'endpoints': [endpoint]}
