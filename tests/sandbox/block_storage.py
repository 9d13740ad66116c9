# SPDX-License-Identifier: Apache-2.0
"""Cinder: creates the template's tables once, and runs all four services in one process.

Runs under the Python of the sandbox's virtual environment:
`block_storage prepare TEMPLATE` or `block_storage serve STATE FILE_DESCRIPTOR OPTIONS`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import sys
import threading
import time
import types
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Cinder decides on import whether it runs on eventlet. With threads, the timeout of SQLite is worth
# something: a thread that waits for the database lets the one that holds it go on.
os.environ['OS_CINDER_DISABLE_EVENTLET_PATCHING'] = '1'

import cinder.cmd.backup  # importing the commands registers their options
import cinder.cmd.volume
import cinder.privsep
import os_brick
import os_brick.privileged
from cinder import (
    context,
    coordination,
    exception,
    objects,
    rpc,
    service,
    utils,
    version,
)
from cinder.api import versions
from cinder.api.openstack import api_version_request
from cinder.backup.drivers.posix import PosixBackupDriver
from cinder.common import config as cinder_config
from cinder.common import constants
from cinder.db import api as db
from cinder.db import migration
from cinder.volume import volume_types, volume_utils
from oslo_config import cfg
from oslo_db.sqlalchemy import enginefacade
from oslo_log import log
from oslo_messaging._drivers import impl_fake
from oslo_utils import timeutils
from paste import deploy
from sqlalchemy import event, orm

from tests.sandbox import ceph, config, lifeline, parent_rule, wsgi
from tests.sandbox.clock import Clock
from tests.sandbox.faults import Faults
from tests.sandbox.layout import Layout, Template
from tests.sandbox.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.faults import Work
    from tests.sandbox.wsgi import Application

CONF = cfg.CONF
ENCRYPTED_TYPES = ('secret', 'secret-2')
UNLIMITED = ('volumes', 'snapshots', 'gigabytes', 'backups', 'backup_gigabytes')
SCHEDULER_PATIENCE = 30
POLL = 0.02
MESSAGE_POLL = 0.01


def prepare(template: Template) -> None:
    """Create the tables and the volume types, and raise the quotas that tests would exceed."""
    template.cinder_conf.write_text(config.cinder_template_conf(template))
    _configure(template)
    migration.db_sync()
    for name in ENCRYPTED_TYPES:
        _create_encrypted_type(name)
    # The options quota_* have no effect: the rows of the default class take precedence.
    with contextlib.closing(sqlite3.connect(template.cinder_database)) as database, database:
        database.executemany(
            'UPDATE quota_classes SET hard_limit = -1 WHERE class_name = ? AND resource = ?',
            [('default', resource) for resource in UNLIMITED],
        )


def _create_encrypted_type(name: str) -> None:
    administrator = context.get_admin_context()
    type_ = volume_types.create(administrator, name)
    db.volume_type_encryption_create(
        administrator,
        type_['id'],
        {
            'provider': 'luks',
            'cipher': 'aes-xts-plain64',
            'key_size': 256,
            'control_location': 'front-end',
        },
    )


def serve(layout: Layout, descriptor: int, options: Options) -> None:
    """Run the services and serve on the supervisor's socket, until the process ends."""
    _configure(layout)
    _limit_microversions(options.max_microversion)
    if options.old_parent_rule:
        parent_rule.follow_cinder_21()
    faults, clock = Faults(layout.faults), Clock(layout.clock)
    _let_tests_interfere(faults, _backup_driver(options))
    _let_tests_set(clock)
    _take_turns_writing()
    _hurry()
    _stay_unprivileged()
    coordination.COORDINATOR.start()
    rpc.init(CONF)
    services = _start_services(backup=options.backup_service)
    if options.backup_service:
        _let_tests_restart(services[1].manager, faults)
    application = _load_api()
    _wait_for(services)
    server = wsgi.Server(
        socket.socket(fileno=descriptor), application, lambda: clock.now().timestamp()
    )
    lifeline.announce_ready()
    server.serve_forever()


def _configure(template: Template) -> None:
    objects.register_all()
    CONF(
        ['--config-file', str(template.cinder_conf)],
        project='cinder',
        version=version.version_string(),
    )
    log.setup(CONF, 'cinder')


def _limit_microversions(newest: str | None) -> None:
    """Make this an older cloud, which rejects newer microversions and never names them."""
    if newest is not None:
        api_version_request._MAX_API_VERSION = newest  # noqa: SLF001
        versions._KNOWN_VERSIONS['v3.0']['version'] = newest  # noqa: SLF001


def _backup_driver(options: Options) -> Any:
    """Return the class of the driver that the backup service is going to use."""
    if not options.ceph:
        return PosixBackupDriver
    ceph.replace_the_real_driver()
    return ceph.CephDriver


def _let_tests_interfere(faults: Faults, driver: Any) -> None:
    """Make the backup driver wait or fail where a test asks for it."""
    driver.backup = _faulty(driver.backup, faults, 'create')
    driver.restore = _faulty(driver.restore, faults, 'restore')
    driver.delete_backup = _faulty(driver.delete_backup, faults, 'delete')


def _faulty(method: Callable[..., Any], faults: Faults, work: Work) -> Callable[..., Any]:
    def wait_and_work(self: Any, backup: Any, *arguments: Any) -> Any:
        id_ = backup.volume_id if work == 'create' else backup.id
        faults.wait(work, id_)
        reason = faults.take_reason(work, id_)
        if reason is not None:
            raise exception.BackupOperationError(reason)
        return method(self, backup, *arguments)

    return wait_and_work


def _let_tests_set(clock: Clock) -> None:
    """Let Cinder take the time from a clock; what checks tokens has its own."""

    def utcnow(with_timezone: bool = False) -> datetime:  # noqa: FBT001, FBT002  # as the original
        return clock.now() if with_timezone else clock.now().replace(tzinfo=None)

    timeutils.utcnow = utcnow


def _let_tests_restart(manager: Any, faults: Faults) -> None:
    restarts = partial(faults.serve_restarts, manager.init_host)
    threading.Thread(target=restarts, daemon=True).start()


def _take_turns_writing() -> None:
    """Let a writing transaction wait for the lock when it begins.

    One that reads first and writes later fails at once ('database is locked'), whatever the
    timeout, when another has written in between. A statement that writes nothing takes the lock.
    """
    create = enginefacade._TransactionFactory._create_session  # noqa: SLF001

    def create_marked(self: Any, mode: Any, bind: Any = None) -> Any:
        session = create(self, mode, bind)
        session.info['writer'] = mode is enginefacade._WRITER  # noqa: SLF001
        return session

    def take_turn(session: Any, transaction: Any, connection: Any) -> None:
        if session.info.get('writer') and transaction.parent is None:
            connection.exec_driver_sql('UPDATE alembic_version SET version_num = 0 WHERE 0')

    enginefacade._TransactionFactory._create_session = create_marked  # noqa: SLF001
    event.listen(orm.Session, 'after_begin', take_turn)


def _hurry() -> None:
    """Let the in-memory transport look for messages more often than every 50 ms.

    A backup is a handful of messages, one after the other.
    """

    def sleep(seconds: float) -> None:
        time.sleep(min(seconds, MESSAGE_POLL))

    impl_fake.time = types.SimpleNamespace(time=time.time, sleep=sleep)


def _stay_unprivileged() -> None:
    """Run privileged code in this process instead of with sudo, and look for no adapters."""
    os_brick.setup(CONF)
    os_brick.privileged.default.set_client_mode(False)
    cinder.privsep.sys_admin_pctxt.set_client_mode(False)
    connector = {'ip': CONF.my_ip, 'host': CONF.host, 'platform': 'any', 'os_type': 'any'}
    volume_utils.brick_get_connector_properties = lambda *_args, **_kwargs: dict(connector)


def _start_services(*, backup: bool) -> list[Any]:
    """Start the services behind the API; the scheduler last, in a thread: it sleeps a second."""
    started = [
        service.Service.create(
            binary=constants.VOLUME_BINARY,
            host=f'{CONF.host}@{config.BACKEND}',
            service_name=config.BACKEND,
            coordination=True,
        ),
    ]
    if backup:
        started.append(
            service.Service.create(
                binary=constants.BACKUP_BINARY,
                service_name='backup',
                coordination=True,
                process_number=1,
                semaphore=utils.semaphore_factory(CONF.backup_max_operations, CONF.backup_workers),
            ),
        )
    scheduler = service.Service.create(binary=constants.SCHEDULER_BINARY)
    for one in started:
        one.start()
    threading.Thread(target=scheduler.start, daemon=True).start()
    return [*started, scheduler]


def _load_api() -> Application:
    cinder_config.set_middleware_defaults()
    pipelines = f'config:{config.CINDER_FILES / "api-paste.ini"}'
    application: Application = deploy.loadapp(pipelines, name='osapi_volume')
    return application


def _wait_for(services: list[Any]) -> None:
    """Wait until the scheduler knows the volume backend, so that volumes can be created."""
    scheduler = services[-1].manager
    deadline = time.monotonic() + SCHEDULER_PATIENCE
    while scheduler._startup_delay:  # noqa: SLF001
        if time.monotonic() > deadline:
            raise TimeoutError('The scheduler does not know the volume service yet.')
        time.sleep(POLL)


if __name__ == '__main__':
    os.umask(0o077)
    _, task, *arguments = sys.argv
    if task == 'prepare':
        prepare(Template(Path(arguments[0])))
    else:
        with lifeline.tied_to_the_supervisor():
            serve(Layout(Path(arguments[0])), int(arguments[1]), Options.from_json(arguments[2]))
