# SPDX-License-Identifier: Apache-2.0
"""Tests of the RPM spec file: check it with rpmlint, and build it with Debian's rpm."""

import shutil

from tests.packaging import debian
from tests.packaging.chroot import BUILDER, HOME, Chroot
from tests.packaging.errors import expect
from tests.packaging.progress import say, step
from tests.sandbox.layout import CHECKOUT

SPEC = CHECKOUT / 'contrib' / 'rpm' / 'python-backupext.spec'
HERE = CHECKOUT / 'tests' / 'packaging'
MACROS = HERE / 'fedora.macros'
RPMLINT = HERE / 'fedora.toml'
PACKAGES = {
    'python3-backupext': (
        '/usr/lib/python3/dist-packages/backupext/plugin.py',
        f'/usr/lib/python3/dist-packages/backupext-{debian.upstream_version()}.dist-info/METADATA',
        '/usr/share/man/man1/openstack-volume-backup.1',
    ),
    'python-backupext-doc': ('/html/index.html',),
}


def test(suite: str) -> None:
    """Run the tests in a chroot of Debian, which has rpm's tools."""
    chroot = Chroot(suite)
    with step(f'{suite}: chroot'):
        chroot.make()
    with step(f'{suite}: build dependencies'):
        folder = debian.unpack(chroot)
        debian.install_build_dependencies(chroot, folder)
        chroot.install('rpm', 'rpmlint')
        _copy(chroot)
    with step('rpmlint'):
        say(_run(chroot, f'rpmlint --strict --config {RPMLINT.name} {SPEC.name}'))
    with step('rpmbuild, without network'):
        # The dependencies have their Fedora names. The unit tests are the same in
        # every package, and run when the Debian package is built.
        options = f'--load {MACROS.name} --define "_topdir {HOME}" --nodeps --without tests'
        _run(chroot, f'rpmbuild {options} -bb {SPEC.name} 2>&1')
        for name, files in PACKAGES.items():
            _look_at_files(chroot, name, files)


def _copy(chroot: Chroot) -> None:
    for file in (SPEC, MACROS, RPMLINT):
        shutil.copy(file, chroot.home)
    sources = chroot.home / 'SOURCES'
    sources.mkdir()
    (archive,) = chroot.home.glob('*.orig.tar.gz')
    name = f'{debian.SOURCE}-{debian.upstream_version()}.tar.gz'
    shutil.copy(archive, sources / name)
    chroot.run(f'chown -R {BUILDER}: {HOME}')


def _look_at_files(chroot: Chroot, name: str, wanted: tuple[str, ...]) -> None:
    listed = _run(chroot, f'rpm -qpl RPMS/noarch/{name}-[0-9]*.rpm').splitlines()
    say(f'   {name}: {len(listed)} files')
    for ending in wanted:
        expect(any(file.endswith(ending) for file in listed), f'{name} has no {ending}.')


def _run(chroot: Chroot, command: str) -> str:
    return chroot.run(command, network=False, user=BUILDER, folder=HOME).rstrip()
