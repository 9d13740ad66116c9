# SPDX-License-Identifier: Apache-2.0
"""The command line of these tests: `python -m tests.packaging deb [SUITE...]`, or `rpm`."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from tests.packaging import debian, host, rpm
from tests.packaging.errors import PackagingError
from tests.sandbox import SandboxError

SUITES = ['bookworm', 'trixie']


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests; return the exit status."""
    parsed = _parser().parse_args(arguments)
    obstacle = host.obstacle()
    if obstacle:
        sys.stderr.write(f'{obstacle}\n')
        return 0 if os.environ.get('IF_POSSIBLE') == '1' else 1
    try:
        host.install_tool()
        parsed.run(parsed)
    except (PackagingError, SandboxError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f'{error}\n')
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m tests.packaging', description=__doc__)
    kinds = parser.add_subparsers(required=True, metavar='KIND')
    deb = kinds.add_parser('deb', help='test the Debian package')
    deb.add_argument('suites', nargs='*', metavar='SUITE', help='releases of Debian')
    deb.add_argument(
        '--installed-too',
        action='store_true',
        help='run the unit tests on the installed package too, as autopkgtest does',
    )
    deb.set_defaults(run=_deb)
    kinds.add_parser('rpm', help='test the RPM spec file').set_defaults(run=_rpm)
    return parser


def _deb(parsed: argparse.Namespace) -> None:
    for suite in parsed.suites or SUITES:
        debian.test(suite, installed_too=parsed.installed_too)


def _rpm(_parsed: argparse.Namespace) -> None:
    rpm.test(SUITES[0])


if __name__ == '__main__':
    sys.exit(main())
