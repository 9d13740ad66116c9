# SPDX-License-Identifier: Apache-2.0
"""The plugin's commands replace the built-in ones silently, however it was installed."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from backupext.core import releases
from tests.functional.base import FunctionalTest
from tests.functional.client import ROOT, osc_python
from tests.releases import installed

OURS = 'This command is provided by the backupext plugin.'

# OSC finds the plugin first or last among the installed packages.
_START = """
import sys
sys.path.insert({place}, {folder!r})
sys.argv[0] = 'openstack'
from openstackclient.shell import main
sys.exit(main())
"""


class TakeoverTest(FunctionalTest):
    """The plugin as users see it before they use it."""

    def real_openstack(self, *arguments: str, text: str = '') -> subprocess.CompletedProcess[str]:
        """Run the real command, as a shell would."""
        command = Path(sys.executable).with_name('openstack')
        return subprocess.run(
            [command, *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            env={'PATH': '/usr/bin:/bin', 'LANG': 'C.UTF-8', **self.member},
        )

    def test_help_command_names_the_plugin(self) -> None:
        for command in ('create', 'delete', 'list', 'restore', 'set', 'show', 'unset'):
            self.assertIn(OURS, self.openstack(f'help volume backup {command}'))
        for command in ('export', 'import'):
            self.assertIn(OURS, self.openstack(f'help volume backup record {command}'))

    def test_help_option_names_the_plugin(self) -> None:
        self.assertIn(OURS, self.openstack('volume backup create --help'))

    def test_command_list_includes_every_command(self) -> None:
        listed = self.openstack('command list --group openstack.volume_backup.v3 -f value')
        for command in ('volume backup create', 'volume backup record import'):
            self.assertIn(command, listed)

    def test_completion_includes_every_command(self) -> None:
        self.assertIn('volume_backup', self.openstack('complete'))
        self.assertIn('--all-projects', self.openstack('complete'))

    def test_abbreviated_commands_work(self) -> None:
        self.assertIn(OURS, self.openstack('help vol back cre'))
        self.assertEqual(self.openstack('vol back li -f json'), '[]')

    def test_interactive_mode_works(self) -> None:
        told = 'volume backup list -f json\nvolume backup show nosuch\nhelp volume backup unset\n'
        result = self.real_openstack(text=f'{told}exit\n')
        self.assertIn('[]', result.stdout)
        self.assertIn(OURS, result.stdout)
        self.assertEqual(result.stderr, "No backup has the name or ID 'nosuch'.\n")

    def test_stderr_is_empty(self) -> None:
        result = self.real_openstack('volume', 'backup', 'list', '-f', 'json')
        self.assertEqual((result.stdout, result.stderr), ('[]\n', ''))

    def test_stderr_is_empty_if_clouds_yaml_configures_logging(self) -> None:
        clouds = self.box.clouds_yaml.read_text()
        logging = '    logging: {cliff: warning, stevedore: warning, backupext: debug}\n'
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, 'clouds.yaml')
            file.write_text(clouds.replace('  alpha:\n', f'  alpha:\n{logging}'))
            environment = {'OS_CLIENT_CONFIG_FILE': str(file), 'OS_CLOUD': 'alpha'}
            result = self.run_openstack('volume backup list -f json --max-items 0', environment)
        self.assertEqual((result.status, result.stdout, result.stderr), (0, '[]\n', ''))

    @unittest.skipIf(releases.VERSION_2.applies(installed()), 'This OSC has no version 2 any more.')
    def test_version_2_keeps_the_built_in_commands(self) -> None:
        shown = self.openstack('--os-volume-api-version 2 help volume backup create')
        self.assertIn('usage: openstack volume backup create', shown)
        self.assertNotIn(OURS, shown)

    def test_order_of_installed_packages_does_not_matter(self) -> None:
        for place in ('0', 'len(sys.path)'):
            with self.subTest(place=place), tempfile.TemporaryDirectory() as folder:
                _pretend_installed(Path(folder))
                self.assertIn(OURS, _help(_START.format(place=place, folder=folder)))


def _pretend_installed(folder: Path) -> None:
    """Create the files of an installation without installing."""
    Path(folder, 'backupext').symlink_to(ROOT / 'backupext')
    metadata = Path(folder, 'backupext-0.dist-info')
    metadata.mkdir()
    Path(metadata, 'METADATA').write_text('Metadata-Version: 2.1\nName: backupext\nVersion: 0\n')
    Path(metadata, 'entry_points.txt').write_text(_entry_points())


def _entry_points() -> str:
    """Return the entry points of setup.cfg as an installed distribution has them."""
    section = (ROOT / 'setup.cfg').read_text().partition('[entry_points]\n')[2]
    lines = [line.strip() for line in section.splitlines() if line.strip()]
    return '\n'.join(f'[{line[:-2]}]' if line.endswith(' =') else line for line in lines)


def _help(program: str) -> str:
    command = [str(osc_python()), '-c', program, 'help', 'volume', 'backup', 'create']
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
