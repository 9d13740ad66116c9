# SPDX-License-Identifier: Apache-2.0
"""Tests of the Debian package, from its source to its removal, in a chroot."""

import os
import re
import shutil

from tests.packaging import source, walk
from tests.packaging.chroot import BUILDER, HOME, Chroot
from tests.packaging.errors import PackagingError, expect
from tests.packaging.progress import say, step
from tests.sandbox import Sandbox
from tests.sandbox.layout import CHECKOUT

PACKAGE = 'python3-backupext'
SOURCE = 'python-backupext'
CONTRIB = CHECKOUT / 'contrib' / 'debian'
MAN_PAGE = '/usr/share/man/man1/openstack-volume-backup.1.gz'
# The changelog closes no bug yet: the packager opens it (ITP).
_NOT_OURS = 'initial-upload-closes-no-bugs'


def test(suite: str, *, installed_too: bool) -> None:
    """Run all tests on one release of Debian."""
    chroot = Chroot(suite)
    with step(f'{suite}: chroot'):
        chroot.make()
        chroot.run(f'dpkg --purge {PACKAGE}')
    with step(f'{suite}: source'):
        folder = unpack(chroot)
    with step(f'{suite}: build dependencies'):
        install_build_dependencies(chroot, folder)
        chroot.install('lintian', 'python3-openstackclient', 'bash-completion')
    with step(f'{suite}: build, without network'):
        say(_build(chroot, folder))
    with step(f'{suite}: lintian'):
        say(_lintian(chroot))
    with step(f'{suite}: install'):
        chroot.run(f'apt-get install -y -q --no-install-recommends {HOME}/{PACKAGE}_*.deb')
        _look_at_files(chroot)
    with step(f'{suite}: help of every command'):
        say(_autopkgtest(chroot, folder, 'commands'))
    if installed_too:
        with step(f'{suite}: unit tests of the installed package'):
            say(_counts(_autopkgtest(chroot, folder, 'unittests')))
    with Sandbox.start() as sandbox:
        with step(f'{suite}: commands on a real Cinder'):
            openstack = walk.OpenStack(chroot, sandbox)
            walk.make_volume(sandbox)
            walk.use(openstack)
        with step(f'{suite}: removal'):
            chroot.run(f'apt-get remove -y -q {PACKAGE}')
            walk.use_without(openstack)


def unpack(chroot: Chroot) -> str:
    """Copy the source archive into the chroot and unpack it."""
    shutil.rmtree(chroot.home)
    chroot.home.mkdir()
    version = upstream_version()
    name = f'{SOURCE}-{version}'
    source.write_archive(chroot.home / f'{SOURCE}_{version}.orig.tar.gz', name)
    chroot.run(
        f'tar -xf {SOURCE}_*.tar.gz; cp -a {name}/contrib/debian {name}/debian; '
        f'chown -R {BUILDER}: {HOME}',
        folder=HOME,
    )
    return f'{HOME}/{name}'


def install_build_dependencies(chroot: Chroot, folder: str) -> None:
    """Install the build dependencies in debian/control."""
    chroot.run('apt-get build-dep -y -q --no-install-recommends .', folder=folder)


def upstream_version() -> str:
    """Return the version in the changelog, up to the last hyphen."""
    found = re.match(rf'{SOURCE} \((.+)-[^-]+\) ', (CONTRIB / 'changelog').read_text())
    expect(found, 'debian/changelog does not begin with the name of the package and a version.')
    assert found
    return found[1]


def _build(chroot: Chroot, folder: str) -> str:
    """Build the source and binary packages, which runs the unit tests."""
    options = os.environ.get('DEB_BUILD_OPTIONS', '')
    result = chroot.try_(
        'dpkg-buildpackage --no-sign 2>&1',
        network=False,
        user=BUILDER,
        folder=folder,
        environment={'DEB_BUILD_OPTIONS': options},
    )
    log = chroot.folder.with_suffix('.log')
    log.write_text(result.stdout)
    if result.returncode:
        raise PackagingError(f'{chroot.suite}: the package could not be built; see {log}.')
    tests = _counts(result.stdout)
    expect(tests or 'nocheck' in options, 'The unit tests did not run during the build.')
    return tests or '   without the unit tests (nocheck)'


def _lintian(chroot: Chroot) -> str:
    return chroot.run(
        f'lintian -E -I --fail-on error --suppress-tags {_NOT_OURS} {SOURCE}_*.changes',
        network=False,
        user=BUILDER,
        folder=HOME,
    ).rstrip()


def _look_at_files(chroot: Chroot) -> None:
    files = chroot.run(f'dpkg -L {PACKAGE}').splitlines()
    expect(MAN_PAGE in files, f'The package has no {MAN_PAGE}.')
    version = upstream_version().replace('~', '')
    metadata = f'/usr/lib/python3/dist-packages/backupext-{version}.dist-info/entry_points.txt'
    expect(metadata in files, f'The package has no {metadata}.')
    manual = chroot.run(f'zcat {MAN_PAGE}')
    expect('volume backup prune' in manual.replace('\\', ''), 'The man page is not inventory.')


def _autopkgtest(chroot: Chroot, folder: str, name: str) -> str:
    """Run a test of debian/tests as autopkgtest would."""
    return chroot.run(
        f'AUTOPKGTEST_TMP=$(mktemp -d) debian/tests/{name} 2>&1', network=False, folder=folder
    ).rstrip()


def _counts(log: str) -> str:
    """Return, from a log, the numbers of unit tests that passed, were skipped and failed."""
    return '\n'.join(re.findall(r'^ - (?:Passed|Skipped|Failed): \d+$', log, re.MULTILINE))
