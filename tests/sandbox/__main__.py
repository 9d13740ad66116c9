# SPDX-License-Identifier: Apache-2.0
"""The command line of the sandbox: `python -m tests.sandbox install|up|env|down|demo`."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sandbox import control, demo, install
from tests.sandbox.clouds import ACCOUNTS
from tests.sandbox.control import Sandbox, SandboxRunsError
from tests.sandbox.errors import SandboxError
from tests.sandbox.layout import DEFAULT_STATE
from tests.sandbox.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.sandbox.options import Switches

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except SandboxError as error:
        sys.stderr.write(f'{error}\n')
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m tests.sandbox',
        description='A real Keystone and a real Cinder on loopback, without root.',
    )
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    _add(commands, 'install', _install, 'install the servers, unless they are up to date')
    up = _add(commands, 'up', _up, 'start a sandbox in the background and show how to use it')
    _add_start_options(up)
    env = _add(commands, 'env', _env, 'print the lines to copy into a shell')
    env.add_argument('--cloud', default='alpha', choices=[account.cloud for account in ACCOUNTS])
    down = _add(commands, 'down', _down, 'stop a sandbox and remove its folder')
    for command in (up, env, down):
        command.add_argument(
            '--state',
            type=Path,
            default=DEFAULT_STATE,
            metavar='DIR',
            help='Folder of the sandbox (default: %(default)s)',
        )
    _add(commands, 'demo', _demo, 'show the main task of the plugin in a new sandbox')
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: object,
    summary: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=f'{summary}.'.capitalize())
    command.set_defaults(run=run)
    return command


def _add_start_options(up: argparse.ArgumentParser) -> None:
    up.add_argument(
        '--max-microversion',
        metavar='X.Y',
        help='Imitate an older cloud that offers no newer microversion',
    )
    up.add_argument(
        '--without-backup-service',
        action='store_true',
        help='Imitate a cloud without cinder-backup',
    )
    up.add_argument(
        '--token-lifetime',
        type=int,
        metavar='SECONDS',
        help='Lifetime of a token in seconds (default: 3600)',
    )
    up.add_argument(
        '--ceph',
        action='store_true',
        help="Store backups as Cinder's Ceph driver does, without a Ceph cluster",
    )
    up.add_argument(
        '--old-parent-rule',
        action='store_true',
        help='Choose the parent of an incremental backup as Cinder 21 does',
    )
    up.add_argument(
        '--store',
        metavar='DIR',
        type=lambda path: str(Path(path).resolve()),
        help='Store backups in this folder, which other sandboxes can use and which `down` keeps',
    )


def _install(_parsed: argparse.Namespace) -> int:
    install.ensure()
    sys.stderr.write(f'The sandbox is installed in {install.environment_folder()}.\n')
    return 0


def _up(parsed: argparse.Namespace) -> int:
    install.ensure()
    begin = time.monotonic()
    try:
        sandbox = Sandbox.start(parsed.state, attached=False, **_switches(parsed))
    except SandboxRunsError:
        return _up_already(parsed)
    sys.stderr.write(f'Ready after {time.monotonic() - begin:.1f} seconds; log: {sandbox.log}\n')
    _print_exports(sandbox)
    return 0


def _switches(parsed: argparse.Namespace) -> Switches:
    return {
        'max_microversion': parsed.max_microversion,
        'backup_service': not parsed.without_backup_service,
        'token_lifetime': parsed.token_lifetime,
        'ceph': parsed.ceph,
        'old_parent_rule': parsed.old_parent_rule,
        'store': parsed.store,
    }


def _up_already(parsed: argparse.Namespace) -> int:
    """Use a sandbox that is already running if it has the same options."""
    sandbox = Sandbox.attach(parsed.state)
    if sandbox.options != Options(temporary=sandbox.options.temporary, **_switches(parsed)):
        sys.stderr.write(
            f'A sandbox with other options runs in {parsed.state}. Stop it with `down`.\n'
        )
        return 1
    sys.stderr.write(f'The sandbox in {parsed.state} is already running.\n')
    _print_exports(sandbox)
    return 0


def _env(parsed: argparse.Namespace) -> int:
    _print_exports(Sandbox.attach(parsed.state), parsed.cloud)
    return 0


def _down(parsed: argparse.Namespace) -> int:
    control.remove(parsed.state)
    return 0


def _demo(_parsed: argparse.Namespace) -> int:
    return demo.main()


def _print_exports(sandbox: Sandbox, cloud: str = 'alpha') -> None:
    for name, value in sandbox.environment(cloud).items():
        sys.stdout.write(f'export {name}={shlex.quote(value)}\n')


if __name__ == '__main__':
    sys.exit(main())
