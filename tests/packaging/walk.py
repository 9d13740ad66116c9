# SPDX-License-Identifier: Apache-2.0
"""Uses the installed package as a user does: all commands, on backups of a volume."""

import json
import shlex
import time
from typing import Any

from tests.functional.api import Account
from tests.packaging.chroot import HOME, Chroot
from tests.packaging.errors import PackagingError, expect
from tests.packaging.progress import say
from tests.sandbox import Sandbox

_CLOUDS = '/tmp/clouds.yaml'
_PATIENCE = 30
# What bash does when a user presses Tab; the rest comes from the distribution.
_PRESS_TAB = """
. /usr/share/bash-completion/bash_completion
. {script}
COMP_LINE='{line}' COMP_POINT={point} COMP_WORDS=({line}) COMP_CWORD={word}
_openstack
echo "${{COMPREPLY[@]}}"
"""
_OURS = 'This command is provided by the backupext plugin'


class OpenStack:
    """The ``openstack`` command of a chroot; the chroot shares the loopback interface."""

    def __init__(self, chroot: Chroot, sandbox: Sandbox) -> None:
        self._chroot = chroot
        self._environment = {'OS_CLIENT_CONFIG_FILE': _CLOUDS, 'OS_CLOUD': 'alpha'}
        (chroot.folder / _CLOUDS.lstrip('/')).write_bytes(sandbox.clouds_yaml.read_bytes())

    def run(self, arguments: str) -> str:
        """Run a command that must succeed, and return its output."""
        say(f'   $ openstack {arguments}')
        return self._chroot.run(f'openstack {arguments}', environment=self._environment).rstrip()

    def json(self, arguments: str) -> Any:
        """Run a command that must succeed, and return its JSON output."""
        return json.loads(self.run(f'{arguments} -f json'))

    def fails(self, arguments: str) -> str:
        """Run a command that must fail, and return its message."""
        say(f'   $ openstack {arguments}')
        result = self._chroot.try_(f'openstack {arguments}', environment=self._environment)
        expect(result.returncode, f'This should have failed: openstack {arguments}')
        return result.stderr

    def complete(self, line: str) -> list[str]:
        """Return the completions that bash offers for the last word of a line."""
        script = f'{HOME}/openstack.bash'
        self._chroot.run(f'openstack complete >{script}')
        typed = {'line': line, 'point': len(line), 'word': len(line.split()) - 1}
        say(f'   $ {line}<Tab>')
        tab = shlex.quote(_PRESS_TAB.format(script=script, **typed))
        return self._chroot.run(f'bash -c {tab}').split()

    def is_ours(self, command: str) -> bool:
        """Return, from the help text, whether a command belongs to the plugin."""
        return _OURS in ' '.join(self.run(f'help {command}').split())


def use(openstack: OpenStack) -> None:
    """Use the plugin's commands on an existing volume called ledger."""
    expect(openstack.is_ours('volume backup create'), 'The built-in command was not replaced.')
    _equal(openstack.complete('openstack volume backup pr'), ['prune'])
    _equal(openstack.complete('openstack volume backup list --be'), ['--before'])
    _back_up(openstack)
    _look(openstack)
    _change_properties(openstack)
    _restore(openstack)
    _prune(openstack)
    _delete(openstack)


def use_without(openstack: OpenStack) -> None:
    """Use the built-in commands, which are back after the package is removed."""
    expect(not openstack.is_ours('volume backup create'), 'The built-in command is not back.')
    expect(
        '--wait' not in openstack.run('help volume backup create'),
        'The plugin is still there.',
    )
    openstack.fails('volume backup prune --all-volumes --keep-last 1')
    _equal(openstack.json('volume backup list'), [])


def make_volume(sandbox: Sandbox) -> None:
    """Create a volume through the API: OSC 6.0 needs an image service for it."""
    alpha = Account(sandbox, 'alice', 'alpha')
    alpha.block_storage('POST', '/volumes', {'volume': {'size': 1, 'name': 'ledger'}})
    deadline = time.monotonic() + _PATIENCE
    while _volumes(alpha) != ['available']:
        expect(time.monotonic() < deadline, 'The volume did not become available.')
        time.sleep(0.1)


def _volumes(account: Account) -> list[str]:
    return [row['status'] for row in account.block_storage('GET', '/volumes/detail')['volumes']]


def _back_up(openstack: OpenStack) -> None:
    made = openstack.json('volume backup create --wait --name monday ledger')
    _equal(made['name'], 'monday')
    openstack.run('volume backup create --wait --incremental --name tuesday ledger')


def _look(openstack: OpenStack) -> None:
    rows = openstack.json('volume backup list --volume ledger --sort created_at:asc')
    seen = [(row['Name'], row['Status'], row['Incremental']) for row in rows]
    _equal(seen, [('monday', 'available', False), ('tuesday', 'available', True)])
    shown = openstack.json('volume backup show tuesday')
    _equal((shown['status'], shown['is_incremental']), ('available', True))
    drawn = openstack.run('volume backup tree')
    expect(drawn.index('monday') < drawn.index('tuesday'), f'This is not the tree: {drawn}')
    summary = {row['Kind']: row['Backups'] for row in openstack.json('volume backup summary')}
    _equal(summary, {'full': 1, 'incremental': 1})


def _change_properties(openstack: OpenStack) -> None:
    openstack.run('volume backup set --property ticket=4711 --property reason=upgrade tuesday')
    openstack.run('volume backup unset --property ticket tuesday')
    _equal(openstack.json('volume backup show tuesday')['metadata'], {'reason': 'upgrade'})


def _restore(openstack: OpenStack) -> None:
    made = openstack.json('volume backup restore --wait tuesday restored')
    _equal(made['volume_name'], 'restored')
    _equal(openstack.run('volume show restored -f value -c status'), 'available')
    refusal = openstack.fails('volume backup restore tuesday ledger')
    expect('already exists' in refusal, f'The refusal does not say why: {refusal}')


def _prune(openstack: OpenStack) -> None:
    plan = openstack.json('volume backup prune --volume ledger --keep-last 1 --dry-run')
    decisions = {row['Name']: row['Decision'] for row in plan}
    # The rule keeps the newest backup, which in turn needs its parents.
    _equal(decisions, {'monday': 'keep', 'tuesday': 'keep'})


def _delete(openstack: OpenStack) -> None:
    openstack.run('volume backup delete --wait monday tuesday')
    _equal(openstack.json('volume backup list'), [])


def _equal(seen: object, wanted: object) -> None:
    if seen != wanted:
        raise PackagingError(f'Expected: {wanted!r}\nFound: {seen!r}')
