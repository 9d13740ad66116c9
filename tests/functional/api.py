# SPDX-License-Identifier: Apache-2.0
"""Plain requests to the sandbox, to prepare what a test needs and to see what came of it."""

from typing import Any

from keystoneauth1 import adapter, session
from keystoneauth1.identity import v3

from tests.sandbox import Sandbox

PASSWORD = 'sandbox'


class Account:
    """A user in a project."""

    def __init__(self, box: Sandbox, user: str, project: str) -> None:
        self.box, self.user, self.project = box, user, project
        self._session = session.Session(
            v3.Password(
                box.auth_url,
                username=user,
                password=PASSWORD,
                project_name=project,
                user_domain_id='default',
                project_domain_id='default',
            )
        )

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a client becomes this account."""
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


def make_project(box: Sandbox, name: str) -> str:
    """Make a project with a member of the same name; the administrator is one of it too."""
    admin = Account(box, 'admin', 'admin')
    project = _create(admin, 'project', name=name)
    member = _create(admin, 'user', name=name, password=PASSWORD)
    administrator = admin.identity('GET', '/users?name=admin')['users'][0]['id']
    for user, role in ((member, 'member'), (administrator, 'admin')):
        role_id = admin.identity('GET', f'/roles?name={role}')['roles'][0]['id']
        admin.identity('PUT', f'/projects/{project}/users/{user}/roles/{role_id}')
    return project


def _create(admin: Account, kind: str, **attributes: str) -> str:
    body = {kind: {'domain_id': 'default', **attributes}}
    return str(admin.identity('POST', f'/{kind}s', body)[kind]['id'])
