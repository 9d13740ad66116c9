# SPDX-License-Identifier: Apache-2.0
"""The configuration files of Keystone and Cinder.

Wherever a setting is not a path or an address, it is there to make the servers quick or small; what
users see of their behaviour (policies, limits of pages, filters) is as shipped.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sandbox import clouds

if TYPE_CHECKING:
    from tests.sandbox.layout import Layout, Template

BACKEND = 'files'
POSIX_DRIVER = 'cinder.backup.drivers.posix.PosixBackupDriver'
CEPH_DRIVER = 'cinder.backup.drivers.ceph.CephBackupDriver'
# Where the wheel of Cinder puts its data files.
CINDER_FILES = Path(sys.prefix, 'etc', 'cinder')
# Seconds that a thread of Cinder waits until it can write to SQLite.
DATABASE_TIMEOUT = 60
DEFAULT_TOKEN_LIFETIME = 3600
# Nothing is encrypted with it: Nova would do that.
ENCRYPTION_KEY = '5a' * 32
A_YEAR = 31_536_000

_KEYSTONE = """\
[DEFAULT]
use_stderr = true
default_log_levels = keystone=INFO,sqlalchemy=WARNING,oslo_policy=WARNING
[database]
connection = sqlite:///{database}?timeout={timeout}
sqlite_synchronous = false
[token]
provider = fernet
expiration = {token_lifetime}
[fernet_tokens]
key_repository = {keys}/fernet
[fernet_receipts]
key_repository = {keys}/fernet
[credential]
key_repository = {keys}/credential
[cache]
# In the memory of the process, which takes a third of the time per request.
backend = oslo_cache.dict
[identity]
password_hash_algorithm = bcrypt
# The minimum of bcrypt: the passwords are public, and logins should be fast.
password_hash_rounds = 4
"""

_CINDER_TEMPLATE = """\
[DEFAULT]
use_stderr = true
state_path = {folder}
[database]
connection = sqlite:///{database}
sqlite_synchronous = false
"""

_CINDER = """\
[DEFAULT]
use_stderr = true
default_log_levels = cinder=INFO,sqlalchemy=WARNING,oslo_policy=WARNING,castellan=WARNING
host = sandbox
my_ip = 127.0.0.1
state_path = {state}
transport_url = fake:/
auth_strategy = keystone
resource_query_filters_file = {etc}/resource_filters.json
default_volume_type = __DEFAULT__
enabled_backends = {backend}
backup_driver = {backup_driver}
backup_posix_path = {store}
# A full backup of a volume's 8 MiB is two objects.
backup_file_size = 4194304
backup_sha_block_size_bytes = 32768
backup_compression_algorithm = none
backup_enable_progress_timer = false
# In one process only the service started last sends heartbeats; no service may count as down.
report_interval = {year}
service_down_time = {longer}
periodic_fuzzy_delay = 0
[{backend}]
volume_backend_name = {backend}
volume_driver = tests.sandbox.driver.FileDriver
backup_use_temp_snapshot = true
[database]
connection = sqlite:///{database}?timeout={timeout}
sqlite_synchronous = false
[coordination]
backend_url = file://{state}/coordination
[oslo_concurrency]
lock_path = {state}/locks
[key_manager]
backend = tests.sandbox.keys.FixedKeyManager
fixed_key = {key}
[oslo_messaging_notifications]
driver = noop
[keystone_authtoken]
www_authenticate_uri = {auth_url}
# Without it, no application credential with access rules is accepted.
service_type = block-storage
service_token_roles_required = true
{service_user}
[service_user]
send_service_user_token = true
{service_user}
"""

_SERVICE_USER = """\
auth_type = password
auth_url = {auth_url}
username = {user}
password = {password}
project_name = {project}
user_domain_id = default
project_domain_id = default
region_name = {region}"""


def keystone_conf(template: Template, token_lifetime: int | None = None) -> str:
    """Return Keystone's configuration, for preparing a template and for serving."""
    return _KEYSTONE.format(
        database=template.keystone_database,
        keys=template.keys,
        timeout=DATABASE_TIMEOUT,
        token_lifetime=token_lifetime or DEFAULT_TOKEN_LIFETIME,
    )


def cinder_template_conf(template: Template) -> str:
    """Return the configuration that Cinder needs to create its tables."""
    return _CINDER_TEMPLATE.format(folder=template.folder, database=template.cinder_database)


def cinder_conf(layout: Layout, auth_url: str, backup_driver: str, store: str | None = None) -> str:
    """Return the configuration of Cinder's four services.

    :param store: where the backups of the POSIX driver are, if not in the state folder.
    """
    return _CINDER.format(
        state=layout.folder,
        etc=CINDER_FILES,
        backend=BACKEND,
        backup_driver=backup_driver,
        store=store or layout.backups,
        key=ENCRYPTION_KEY,
        database=layout.cinder_database,
        timeout=DATABASE_TIMEOUT,
        year=A_YEAR,
        longer=10 * A_YEAR,
        auth_url=auth_url,
        service_user=_SERVICE_USER.format(
            auth_url=auth_url,
            user=clouds.SERVICE_USER,
            password=clouds.PASSWORD,
            project=clouds.SERVICE_PROJECT,
            region=clouds.REGION,
        ),
    )
