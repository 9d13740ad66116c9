# SPDX-License-Identifier: Apache-2.0
"""Keystone: fills the template's database once, and serves a copy of it.

Runs under the Python of the sandbox's virtual environment:
`identity prepare TEMPLATE` or `identity serve STATE FILE_DESCRIPTOR`.
"""

from __future__ import annotations

import os
import socket
import sys
import uuid
from pathlib import Path
from typing import Any

import keystone.conf
import keystone.server
from keystone.cmd.bootstrap import Bootstrapper
from keystone.common import fernet_utils, provider_api
from keystone.common.sql import upgrades
from keystone.server.flask.core import initialize_application

from tests.sandbox import clouds, config, lifeline, wsgi
from tests.sandbox.layout import Layout, Template

DOMAIN = 'default'
INTERFACES = ('public', 'internal')


def prepare(template: Template) -> None:
    """Create the tables, the keys, the users and the catalogue."""
    template.keystone_conf.write_text(config.keystone_conf(template))
    keystone.server.configure(config_files=[str(template.keystone_conf)])
    upgrades.offline_sync_database_to_version()
    _create_keys('fernet_tokens')
    _create_keys('credential')
    admin = _bootstrap()
    _create_members(admin)
    _create_service_user(admin)
    _create_catalogue(admin)


def _create_keys(group: str) -> None:
    settings = getattr(keystone.conf.CONF, group)
    # Keystone knows the number of credential keys without an option for it.
    active = getattr(settings, 'max_active_keys', 3)
    keys = fernet_utils.FernetUtils(settings.key_repository, active, group)
    keys.create_key_directory()
    keys.initialize_key_repository()


def _bootstrap() -> Bootstrapper:
    """Do what `keystone-manage bootstrap` does: the admin, the roles, the identity service."""
    admin = Bootstrapper()
    admin.admin_username = clouds.ADMIN.user
    admin.admin_password = clouds.PASSWORD
    admin.project_name = clouds.ADMIN.project
    admin.admin_role_name = clouds.ADMIN.role
    admin.service_name = 'keystone'
    admin.region_id = clouds.REGION
    admin.public_url = admin.internal_url = f'{clouds.IDENTITY_PLACEHOLDER}/v3'
    admin.immutable_roles = True
    admin.bootstrap()
    return admin


def _create_members(admin: Bootstrapper) -> None:
    roles = {'member': admin.member_role_id, 'reader': admin.reader_role_id}
    for account in clouds.MEMBERS:
        _create_user(account.user, account.project, roles[account.role])


def _create_service_user(admin: Bootstrapper) -> None:
    _create_user(clouds.SERVICE_USER, clouds.SERVICE_PROJECT, admin.service_role_id)


def _create_user(name: str, project: str, role_id: str) -> None:
    project_id = uuid.uuid4().hex
    _api('resource_api').create_project(
        project_id,
        {'id': project_id, 'name': project, 'domain_id': DOMAIN, 'enabled': True},
    )
    user = _api('identity_api').create_user(
        {'name': name, 'password': clouds.PASSWORD, 'domain_id': DOMAIN, 'enabled': True},
    )
    _api('assignment_api').add_role_to_user_and_project(user['id'], project_id, role_id)


def _create_catalogue(admin: Bootstrapper) -> None:
    """Add Block Storage, a region without it, and a region whose endpoint never answers."""
    identity_id = _api('catalog_api').list_services()[0]['id']
    storage_id = uuid.uuid4().hex
    _api('catalog_api').create_service(
        storage_id,
        {'id': storage_id, 'type': 'block-storage', 'name': 'cinder', 'enabled': True},
    )
    for region in (clouds.REGION_WITHOUT_STORAGE, clouds.REGION_UNREACHABLE):
        _api('catalog_api').create_region({'id': region})
        _create_endpoints(identity_id, region, admin.public_url)
    _create_endpoints(storage_id, clouds.REGION, f'{clouds.STORAGE_PLACEHOLDER}/v3')
    _create_endpoints(storage_id, clouds.REGION_UNREACHABLE, clouds.UNREACHABLE_URL)


def _create_endpoints(service_id: str, region: str, url: str) -> None:
    for interface in INTERFACES:
        endpoint_id = uuid.uuid4().hex
        _api('catalog_api').create_endpoint(
            endpoint_id,
            {
                'id': endpoint_id,
                'service_id': service_id,
                'region_id': region,
                'interface': interface,
                'url': url,
                'enabled': True,
            },
        )


def _api(name: str) -> Any:
    return getattr(provider_api.ProviderAPIs, name)


def serve(layout: Layout, descriptor: int) -> None:
    """Serve on a socket that the supervisor has opened, until the process ends."""
    application = initialize_application(
        name='public',
        config_files=[str(layout.keystone_conf)],
    )
    server = wsgi.Server(socket.socket(fileno=descriptor), application)
    lifeline.announce_ready()
    server.serve_forever()


if __name__ == '__main__':
    os.umask(0o077)
    program, task, *arguments = sys.argv
    # Keystone reads the command line of its process.
    sys.argv = [program]
    if task == 'prepare':
        prepare(Template(Path(arguments[0])))
    else:
        with lifeline.tied_to_the_supervisor():
            serve(Layout(Path(arguments[0])), int(arguments[1]))
