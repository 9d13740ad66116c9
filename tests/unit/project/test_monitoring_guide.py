# SPDX-License-Identifier: Apache-2.0
"""The script, the units, the configuration and the rules of the guide "Monitor backups" work."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

import yaml

from backupext.core import findings, metrics
from tests.restructuredtext import code
from tests.unit.project.pages import read
from tests.unit.project.typed import PREFIX, names, parsers

CHECK = f'{PREFIX}check'
SCRIPT = '/usr/local/bin/check-volume-backups'
#: A duration of Prometheus.
DURATION = r'\d+(ms|[smhdwy])'


class GuideTest(unittest.TestCase):
    page: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.page = read('user', 'monitoring.rst')

    def folder(self) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name)


class ScriptTest(GuideTest):
    """The script, with a command that takes the place of ``openstack``."""

    def run_script(self, openstack: str) -> tuple[int, str]:
        folder = self.folder()
        (script,) = [block for block in code(self.page, 'sh') if block.startswith('#!')]
        for name, text in (('check', script), ('openstack', f'#!/bin/sh\n{openstack}\n')):
            (folder / name).write_text(text, 'utf-8')
            (folder / name).chmod(0o755)
        done = subprocess.run(
            ['/bin/sh', str(folder / 'check'), '--all-volumes', '--max-age', '26h'],
            env={'PATH': f'{folder}:{os.defpath}'},
            check=False,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout

    def test_result_and_status_are_passed_on(self) -> None:
        for status, word in enumerate(('OK', 'WARNING', 'CRITICAL', 'UNKNOWN')):
            with self.subTest(word):
                printed = f'BACKUP {word}: so it is | a=1\n{word}: 100 % \\ "x"'
                result = self.run_script(f"cat <<'EOT'\n{printed}\nEOT\nexit {status}")
                self.assertEqual(result, (status, f'{printed}\n'))

    def test_whatever_else_happens_is_unknown(self) -> None:
        for openstack in (
            'echo "Cloud nosuch was not found." >&2; exit 1',
            'echo "openstack: \'volume backup check\' is not an openstack command."; exit 2',
            'exit 127',
            'kill -9 $$',
            'exit 0',
        ):
            with self.subTest(openstack):
                status, printed = self.run_script(openstack)
                self.assertEqual(status, 3)
                self.assertRegex(printed, r'\ABACKUP UNKNOWN: [^\n]+\n\Z')

    def test_arguments_and_credential_are_passed_on(self) -> None:
        printed = self.run_script('echo "BACKUP OK: $* $OS_CLOUD $OS_CLIENT_CONFIG_FILE"')[1]
        self.assertEqual(
            printed,
            'BACKUP OK: volume backup check --all-volumes --max-age 26h mycloud '
            '/etc/backup-check/clouds.yaml\n',
        )


class ConfigurationTest(GuideTest):
    """The configuration of monitoring systems."""

    def test_icinga_command_has_existing_options(self) -> None:
        (icinga,) = [block for block in code(self.page, 'text') if 'CheckCommand' in block]
        options = set(re.findall(r'^ +"(--[a-z-]+)" = ', icinga, re.MULTILINE))
        self.assertGreater(len(options), 3)
        self.assertLessEqual(options, names(parsers()[CHECK]))

    def test_icinga_service_sets_the_variables_of_the_command(self) -> None:
        (icinga,) = [block for block in code(self.page, 'text') if 'CheckCommand' in block]
        known = set(re.findall(r'\$(backup_\w+)\$', icinga))
        self.assertLessEqual(set(re.findall(r'vars\.(\w+)', icinga)), known)
        self.assertEqual(icinga.count('{'), icinga.count('}'))

    def test_calls_of_the_script_have_valid_arguments(self) -> None:
        calls = re.findall(rf'{SCRIPT} (--.*)$', self.page, re.MULTILINE)
        self.assertEqual(len(calls), 4)
        for call in calls:
            with self.subTest(call):
                parsed = parsers()[CHECK].parse_args(call.removesuffix(' || true').split())
                self.assertTrue(parsed.all_volumes)

    def test_systemd_accepts_the_units(self) -> None:
        analyze = shutil.which('systemd-analyze')
        if analyze is None:
            self.skipTest('systemd-analyze is not installed: nothing can read the units')
        folder = self.folder()
        names_of_units = re.findall(r'``/etc/systemd/system/(\S+)``', self.page)
        for name, unit in zip(names_of_units, code(self.page, 'ini'), strict=True):
            (folder / name).write_text(unit.replace(SCRIPT, '/bin/true'), 'utf-8')
        for name in names_of_units:
            with self.subTest(name):
                done = subprocess.run(
                    [analyze, 'verify', '--man=no', f'./{name}'],
                    cwd=folder,
                    check=False,
                    capture_output=True,
                )
                self.assertEqual((done.returncode, done.stderr), (0, b''))


class RuleTest(GuideTest):
    """The rules for alerts."""

    def rules(self) -> list[dict[str, Any]]:
        (text,) = code(self.page, 'yaml')
        (group,) = yaml.safe_load(text)['groups']
        rules: list[dict[str, Any]] = group['rules']
        return rules

    def test_each_rule_has_the_fields_of_an_alert(self) -> None:
        rules = self.rules()
        self.assertEqual(len({rule['alert'] for rule in rules}), len(rules))
        for rule in rules:
            with self.subTest(rule['alert']):
                self.assertLessEqual(set(rule), {'alert', 'expr', 'for', 'labels', 'annotations'})
                self.assertRegex(rule['alert'], r'^[A-Z][A-Za-z]+$')
                self.assertRegex(rule.get('for', '1h'), f'^{DURATION}$')
                self.assertIn(rule['labels']['severity'], {'critical', 'warning'})

    def test_each_rule_uses_existing_metrics_and_findings(self) -> None:
        known = {each.name for each in metrics.OF_VOLUMES}
        known |= {each.name for each in metrics.OF_THE_CHECK}
        kinds = {kind.name for kind in findings.KINDS}
        for rule in self.rules():
            with self.subTest(rule['alert']):
                used = set(re.findall(rf'{metrics.PREFIX}(\w+)', rule['expr']))
                self.assertTrue(used and used <= known, used)
                for pattern in re.findall(r'finding=~"([^"]+)"', rule['expr']):
                    self.assertLessEqual(set(pattern.split('|')), kinds)

    @unittest.skipUnless(importlib.util.find_spec('promql_parser'), 'promql-parser is missing')
    def test_each_expression_is_valid(self) -> None:
        import promql_parser  # noqa: PLC0415  # not everywhere

        for rule in self.rules():
            with self.subTest(rule['alert']):
                self.assertTrue(promql_parser.parse(rule['expr']))

    @unittest.skipUnless(shutil.which('promtool'), 'promtool is not installed')
    def test_promtool_accepts_the_rules(self) -> None:
        path = self.folder() / 'rules.yml'
        path.write_text(code(self.page, 'yaml')[0], 'utf-8')
        done = subprocess.run(['promtool', 'check', 'rules', str(path)], check=False)
        self.assertEqual(done.returncode, 0)


class FindingTest(GuideTest):
    def test_findings_and_metrics_are_generated(self) -> None:
        for table in ('findings', 'metrics'):
            self.assertIn(f'\n.. generated-table:: {table}\n', self.page)

    def test_every_status_of_a_plugin_is_explained(self) -> None:
        said = dict(re.findall(r'^   \* - (\d)\n     - (\w+)', self.page, re.MULTILINE))
        self.assertEqual(said, {str(each.value): each.name for each in findings.Severity})
