# SPDX-License-Identifier: Apache-2.0
"""The users and services of a sandbox: one table for the servers and for clouds.yaml."""

from __future__ import annotations

from dataclasses import dataclass

REGION = 'RegionOne'
REGION_WITHOUT_STORAGE = 'NoStorage'
REGION_UNREACHABLE = 'Unreachable'
# Clients use the first one by default.
REGIONS = (REGION, REGION_WITHOUT_STORAGE, REGION_UNREACHABLE)

# The template does not know the ports; a sandbox inserts its addresses when it starts.
IDENTITY_PLACEHOLDER = 'http://identity.invalid'
STORAGE_PLACEHOLDER = 'http://block-storage.invalid'
# Nothing listens on port 1 of the loopback interface, and only root could.
UNREACHABLE_URL = 'http://127.0.0.1:1/v3'

PASSWORD = 'sandbox'  # the servers listen on loopback only
SERVICE_USER = 'cinder'
SERVICE_PROJECT = 'service'


@dataclass(frozen=True)
class Account:
    """A user with a role in a project; one entry of clouds.yaml."""

    cloud: str
    user: str
    project: str
    role: str


ADMIN = Account(cloud='admin', user='admin', project='admin', role='admin')
MEMBERS = (
    Account(cloud='alpha', user='alice', project='alpha', role='member'),
    Account(cloud='beta', user='bob', project='beta', role='member'),
)
ACCOUNTS = (ADMIN, *MEMBERS)


def clouds_yaml(auth_url: str) -> str:
    """Return the text of a clouds.yaml; no microversion is pinned in it."""
    return 'clouds:\n' + ''.join(_entry(account, auth_url) for account in ACCOUNTS)


def _entry(account: Account, auth_url: str) -> str:
    return f"""\
  {account.cloud}:
    auth_type: password
    auth:
      auth_url: {auth_url}
      username: {account.user}
      password: {PASSWORD}
      project_name: {account.project}
      user_domain_id: default
      project_domain_id: default
    regions: [{', '.join(REGIONS)}]
    identity_api_version: '3'
"""
