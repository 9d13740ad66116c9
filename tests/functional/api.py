# SPDX-License-Identifier: Apache-2.0
"""Plain requests to the sandbox, for the preparation and the checks of tests."""

import uuid
from typing import Any

from keystoneauth1 import adapter, plugin, session
from keystoneauth1.exceptions import HttpError
from keystoneauth1.identity import v3

from tests.sandbox import Sandbox

PASSWORD = 'sandbox'


class Account:
    """A user in a project."""

    def __init__(self, box: Sandbox, user: str, project: str) -> None:
        self.box, self.user, self.project = box, user, project
        self._session = session.Session(self._log_in())

    def _log_in(self) -> plugin.BaseAuthPlugin:
        return v3.Password(
            self.box.auth_url,
            username=self.user,
            password=PASSWORD,
            project_name=self.project,
            user_domain_id='default',
            project_domain_id='default',
        )

    @property
    def user_id(self) -> str:
        user_id = self._session.get_user_id()
        assert user_id is not None
        return user_id

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a client that uses this account."""
        return {
            'OS_AUTH_URL': self.box.auth_url,
            'OS_USERNAME': self.user,
            'OS_PASSWORD': PASSWORD,
            'OS_PROJECT_NAME': self.project,
            'OS_USER_DOMAIN_ID': 'default',
            'OS_PROJECT_DOMAIN_ID': 'default',
            'OS_REGION_NAME': 'RegionOne',
            'OS_IDENTITY_API_VERSION': '3',
        }

    def block_storage(self, method: str, path: str, body: Any = None) -> Any:
        """Ask Cinder, at its newest microversion unless the sandbox has an older one."""
        version = self.box.options.max_microversion or '3.71'
        return self._ask('block-storage', method, path, body, version)

    def refusal(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Send a request that Cinder must refuse; return the HTTP status and the reason."""
        try:
            self.block_storage(method, path, body)
        except HttpError as error:
            return error.http_status, _reason(error)
        raise AssertionError(f'{method} {path} was not refused')

    def identity(self, method: str, path: str, body: Any = None) -> Any:
        """Ask Keystone."""
        return self._ask('identity', method, path, body, None)

    def _ask(self, service: str, method: str, path: str, body: Any, version: str | None) -> Any:
        client = adapter.Adapter(
            self._session, service_type=service, interface='public', default_microversion=version
        )
        kwargs = {} if body is None else {'json': body}
        answer = client.request(path, method, **kwargs)
        return answer.json() if answer.content else None


def _reason(error: HttpError) -> str:
    """Return Cinder's message, which keystoneauth does not find in the response."""
    fault = error.response.json() if error.response is not None else {}
    return ' '.join(str(part['message']) for part in fault.values())


class Restricted(Account):
    """An application credential with access rules: it allows a few requests to Cinder."""

    def __init__(self, owner: Account, rules: list[tuple[str, str]]) -> None:
        """Create the credential; each rule is a method and a path, which may have wildcards."""
        credential = {
            'name': f'restricted-{uuid.uuid4()}',
            'access_rules': [
                {'service': 'block-storage', 'method': method, 'path': path}
                for method, path in rules
            ],
        }
        answer = owner.identity(
            'POST',
            f'/users/{owner.user_id}/application_credentials',
            {'application_credential': credential},
        )
        self._id = answer['application_credential']['id']
        self._secret = answer['application_credential']['secret']
        super().__init__(owner.box, owner.user, owner.project)

    def _log_in(self) -> plugin.BaseAuthPlugin:
        return v3.ApplicationCredential(
            self.box.auth_url,
            application_credential_id=self._id,
            application_credential_secret=self._secret,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {
            'OS_AUTH_TYPE': 'v3applicationcredential',
            'OS_AUTH_URL': self.box.auth_url,
            'OS_APPLICATION_CREDENTIAL_ID': self._id,
            'OS_APPLICATION_CREDENTIAL_SECRET': self._secret,
            'OS_REGION_NAME': 'RegionOne',
            'OS_IDENTITY_API_VERSION': '3',
        }


def make_project(box: Sandbox, name: str) -> str:
    """Create a project with a member of the same name; the administrator is a member too."""
    admin = Account(box, 'admin', 'admin')
    project = _create(admin, 'project', name=name)
    member = _create(admin, 'user', name=name, password=PASSWORD)
    administrator = admin.identity('GET', '/users?name=admin')['users'][0]['id']
    for user, role in ((member, 'member'), (administrator, 'admin')):
        _assign(admin, project, user, role)
    return project


def make_reader(box: Sandbox, project: str, name: str) -> Account:
    """Create a user who may only read in a project, given by ID and name."""
    admin = Account(box, 'admin', 'admin')
    user = f'reader-of-{name}'
    _assign(admin, project, _create(admin, 'user', name=user, password=PASSWORD), 'reader')
    return Account(box, user, name)


def _assign(admin: Account, project: str, user: str, role: str) -> None:
    role_id = admin.identity('GET', f'/roles?name={role}')['roles'][0]['id']
    admin.identity('PUT', f'/projects/{project}/users/{user}/roles/{role_id}')


def _create(admin: Account, kind: str, **attributes: str) -> str:
    body = {kind: {'domain_id': 'default', **attributes}}
    return str(admin.identity('POST', f'/{kind}s', body)[kind]['id'])
