# SPDX-License-Identifier: Apache-2.0
"""The real Cloud with the real SDK, without a shell."""

from types import SimpleNamespace
from typing import Any

import openstack

from backupext.cloud import Cloud
from tests.unit.stub import ACCOUNT


def reach() -> Cloud:
    """Log in to the running stubbed cloud."""
    connection = openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        auth=ACCOUNT,
        region_name='R',
        identity_api_version='3',
    )
    session = connection.config.get_session()
    auth: Any = session.auth
    access = auth.get_access(session)
    return Cloud(SimpleNamespace(sdk_connection=connection, auth_ref=access))
