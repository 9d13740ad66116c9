# SPDX-License-Identifier: Apache-2.0
"""Chains and retention on the real Cinder, whose database knows the real parents."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.functional.base import FunctionalTest

PRUNE = 'volume backup prune --auto-approve -f json'


class HistoryTest(FunctionalTest):
    """Histories of backups with known parents."""

    def replay(self, seed: int, steps: int = 12) -> list[str]:
        """Create and delete backups of two volumes at random, in an order that Cinder accepts."""
        dice = random.Random(seed)
        volumes = [self.make_volume(), self.make_volume()]
        for _ in range(steps):
            volume = dice.choice(volumes)
            leaves = self.leaves(volume)
            if leaves and dice.random() < 0.2:
                self.delete(dice.choice(leaves))
            else:
                incremental = bool(leaves) and dice.random() < 0.7
                self.make_backup(volume, incremental=incremental, name=self.unique('b'))
        return volumes

    def leaves(self, volume: str) -> list[str]:
        rows = self.parents(volume)
        return sorted(set(rows) - set(rows.values()))

    def parents(self, volume: str | None = None) -> dict[str, str | None]:
        """Return the real parent of each backup, from the database."""
        rows = self.sql(
            'SELECT id, parent_id FROM backups WHERE project_id = ? AND NOT deleted'
            ' AND (? IS NULL OR volume_id = ?)',
            *(self.project.id, volume, volume),
        )
        return dict(rows)

    def delete(self, backup: str) -> None:
        self.project.member.block_storage('DELETE', f'/backups/{backup}')
        self.wait_for('backup', backup, 'deleted')

    def assert_nothing_is_broken(self) -> None:
        """Expect that every remaining backup has its whole chain."""
        parents = self.parents()
        missing = {parent for parent in parents.values() if parent and parent not in parents}
        self.assertEqual(missing, set())

    def prune(
        self, options: str, environment: dict[str, str] | None = None
    ) -> list[dict[str, Any]]:
        decisions: list[dict[str, Any]] = json.loads(
            self.openstack(f'{PRUNE} {options}', environment)
        )
        return decisions

    def doomed(self, decisions: list[dict[str, Any]]) -> set[str]:
        return {row['ID'] for row in decisions if row['Decision'] == 'delete'}


class ChainTest(HistoryTest):
    """Inference and pruning of random histories."""

    def test_inference_is_never_wrong(self) -> None:
        for seed in range(3):
            self.replay(seed)
        truth = self.parents()
        inferred = json.loads(self.backup('tree -f json'))
        for row in inferred:
            if row['Certain']:
                self.assertEqual(row['Parent'], truth[row['ID']])
        exact = json.loads(self.backup('tree --exact -f json', self.admin_here))
        self.assertEqual({row['ID']: row['Parent'] for row in exact}, truth)
        self.assertTrue(all(row['Certain'] for row in exact))

    def test_prune_leaves_whole_chains(self) -> None:
        for seed in range(10, 13):
            volumes = self.replay(seed)
            scope = ' '.join(f'--volume {volume}' for volume in volumes)
            planned = self.doomed(
                json.loads(self.backup(f'prune {scope} --keep-last 2 --dry-run -f json'))
            )
            before = set(self.parents())
            self.assertEqual(self.doomed(self.prune(f'{scope} --keep-last 2')), planned)
            self.assertEqual(set(self.parents()), before - planned)
            self.assert_nothing_is_broken()

    def test_second_prune_has_nothing_to_do(self) -> None:
        self.replay(20)
        self.prune('--all-volumes --keep-last 1')
        self.assertEqual(self.doomed(self.prune('--all-volumes --keep-last 1')), set())

    def test_administrator_prunes_other_projects(self) -> None:
        volumes = self.replay(30)
        scope = f'--all-projects --volume {volumes[0]} --volume {volumes[1]}'
        self.prune(f'{scope} --keep-last 1', self.admin)
        self.assert_nothing_is_broken()
        for volume in volumes:
            self.assertTrue(self.parents(volume))

    def test_without_consent_nothing_is_deleted(self) -> None:
        volume = self.make_volume()
        for _ in range(2):
            self.make_backup(volume)
        result = self.run_openstack(f'volume backup prune --volume {volume} --keep-last 1 -f json')
        self.assertEqual(result.status, 1)
        self.assertIn('--auto-approve', result.stderr)
        self.assertEqual(len(self.parents(volume)), 2)

    def test_protected_backups_are_kept(self) -> None:
        volume = self.make_volume()
        protected = self.make_backup(volume, metadata={'protected': 'true'})
        other = self.make_backup(volume)
        newest = self.make_backup(volume)
        self.assertEqual(self.doomed(self.prune(f'--volume {volume} --keep-last 1')), {other})
        self.assertEqual(set(self.parents(volume)), {protected, newest})

    def test_empty_policy_is_refused(self) -> None:
        self.assertIn('--keep', self.fails('volume backup prune --all-volumes', status=2))

    def test_version_without_properties_is_refused(self) -> None:
        pinned = '--os-volume-api-version 3.42 volume backup prune --all-volumes --keep-last 1'
        self.assertIn('3.43', self.fails(pinned))


class DisturbanceTest(HistoryTest):
    """Prunes that are killed, run twice, or run while backups change."""

    def start(self, options: str) -> subprocess.Popen[str]:
        """Start the real command, as cron would."""
        command = Path(sys.executable).with_name('openstack')
        return subprocess.Popen(
            [command, *PRUNE.split(), *options.split()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={'PATH': '/usr/bin:/bin', 'LANG': 'C.UTF-8', **self.member},
        )

    def chain(self, length: int) -> str:
        """Create a volume with a chain of this length, and a newer full backup."""
        volume = self.make_volume()
        self.make_backup(volume)
        for _ in range(length - 1):
            self.make_backup(volume, incremental=True)
        self.make_backup(volume)
        return volume

    def test_killed_prune_continues_when_run_again(self) -> None:
        volume = self.chain(4)
        options = f'--volume {volume} --keep-last 1'
        process = self.start(options)
        self.wait_until(lambda: len(self.parents(volume)) < 5, wanted=True)
        process.kill()
        process.communicate()
        self.assert_nothing_is_broken()
        self.prune(options)
        self.assertEqual(len(self.parents(volume)), 1)

    def test_two_prunes_at_once_lose_nothing(self) -> None:
        volume = self.chain(3)
        options = f'--volume {volume} --keep-last 1'
        processes = [self.start(options) for _ in range(2)]
        for process in processes:
            process.communicate(timeout=120)
        self.prune(options)
        self.assertEqual(len(self.parents(volume)), 1)
        self.assert_nothing_is_broken()

    def test_new_backup_keeps_its_chain(self) -> None:
        volume = self.make_volume()
        full = self.make_backup(volume)
        self.make_backup(volume, incremental=True)
        latest = self.make_backup(volume, incremental=True)
        kept = self.make_backup(self.make_volume())
        process = self.start(f'--all-volumes --keep-id {kept} --allow-empty')
        self.wait_until(lambda: self.status('backup', latest) != 'available', wanted=True)
        # The newest one is deleted first; a new backup builds on those that are next.
        made = self.make_backup(volume, incremental=True)
        process.communicate(timeout=120)
        self.wait_for('backup', made)
        self.assert_nothing_is_broken()
        self.assertEqual(self.status('backup', full), 'available')

    def test_backup_deleted_by_another_command_is_not_a_failure(self) -> None:
        volume = self.chain(3)
        leaf = self.leaves(volume)
        process = self.start(f'--volume {volume} --keep-last 1')
        time.sleep(0.2)
        for each in leaf:
            rows = self.parents(volume)
            if each in rows and rows[each] is not None:
                self.run_openstack(f'volume backup delete {each}')
        process.communicate(timeout=120)
        self.prune(f'--volume {volume} --keep-last 1')
        self.assertEqual(len(self.parents(volume)), 1)


class FailedTest(HistoryTest):
    """Failed incremental backups, which pin what they may build on."""

    def make_pinned(self) -> tuple[str, list[str], str]:
        """Return a volume, the chain that a failed backup pins, and the failed backup.

        All of these are a day old; a newer full backup exists.
        """
        volume = self.make_volume()
        chain = [self.make_backup(volume)]
        chain += [self.make_backup(volume, incremental=True) for _ in range(2)]
        self.box.faults.fail_next('create', volume, 'no space')
        failed = self.make_failed_backup(volume, incremental=True, name=self.unique('failed'))
        self.make_older(volume)
        self.make_backup(volume)
        return volume, chain, failed

    def test_failed_incremental_keeps_its_chain_and_is_named(self) -> None:
        volume, chain, failed = self.make_pinned()
        before = set(self.parents(volume))
        result = self.run_openstack(f'{PRUNE} --volume {volume} --keep-last 1')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(set(self.parents(volume)), before)
        self.assert_has(result.stderr, failed, str(len(chain)), '--delete-failed')
        rows = {row['ID']: row for row in json.loads(result.stdout)}
        for backup in chain:
            self.assert_has(str(rows[backup]['Reasons']), 'needed by failed', 'error')
        self.assertEqual(rows[failed]['Decision'], 'skip')

    def test_delete_failed_deletes_failed_backup_and_chain(self) -> None:
        volume, chain, failed = self.make_pinned()
        decisions = self.prune(f'--volume {volume} --keep-last 1 --delete-failed 1h')
        self.assertEqual(self.doomed(decisions), {*chain, failed})
        self.assertEqual(len(self.parents(volume)), 1)

    def test_delete_failed_keeps_recent_failed_backups(self) -> None:
        volume, chain, failed = self.make_pinned()
        decisions = self.prune(f'--volume {volume} --keep-last 1 --delete-failed 7d')
        self.assertEqual(self.doomed(decisions), set())
        self.assertLessEqual({*chain, failed}, set(self.parents(volume)))

    def test_delete_failed_keeps_protected_backups(self) -> None:
        volume, chain, failed = self.make_pinned()
        body = {'backup': {'metadata': {'protected': 'true'}}}
        self.project.member.block_storage('PUT', f'/backups/{failed}', body)
        self.prune(f'--volume {volume} --keep-last 1 --delete-failed 1h')
        self.assertLessEqual({*chain, failed}, set(self.parents(volume)))

    def test_delete_failed_is_not_a_retention_rule(self) -> None:
        self.assertIn(
            '--keep', self.fails('volume backup prune --all-volumes --delete-failed 1d', status=2)
        )

    def test_volume_with_failed_backups_only_may_lose_them(self) -> None:
        volume = self.make_volume()
        self.box.faults.fail_next('create', volume, 'no space')
        self.make_failed_backup(volume)
        self.make_older(volume)
        self.prune(f'--volume {volume} --keep-last 1 --delete-failed 1h')
        self.assertEqual(self.parents(volume), {})


class RuleTest(HistoryTest):
    """Rules and protections that are added."""

    def make_chains(self, count: int) -> tuple[str, list[list[str]]]:
        """Return a volume and its chains of a full and an incremental, the oldest first."""
        volume = self.make_volume()
        return volume, [
            [self.make_backup(volume), self.make_backup(volume, incremental=True)]
            for _ in range(count)
        ]

    def test_keep_full_keeps_whole_chains(self) -> None:
        volume, (first, second, third) = self.make_chains(3)
        self.assertEqual(self.doomed(self.prune(f'--volume {volume} --keep-full 2')), {*first})
        self.assertEqual(set(self.parents(volume)), {*second, *third})
        self.assert_nothing_is_broken()

    def test_protect_property_adds_to_the_default_protection(self) -> None:
        volume = self.make_volume()
        kept = [
            self.make_backup(volume, metadata=metadata)
            for metadata in (
                {'protected': 'true'},
                {'hold': 'legal'},
                {'expires': '2999-01-01T00:00:00Z'},
            )
        ]
        other, newest = (self.make_backup(volume) for _ in range(2))
        decisions = self.prune(f'--volume {volume} --keep-last 1 --protect-property hold')
        self.assertEqual(self.doomed(decisions), {other})
        self.assertEqual(set(self.parents(volume)), {*kept, newest})

    def test_cascade_refuses_a_protected_dependent_that_was_not_named(self) -> None:
        volume = self.make_volume()
        full = self.make_backup(volume)
        child = self.make_backup(volume, incremental=True, metadata={'protected': 'true'})
        for environment in (self.member, self.admin_here):
            result = self.run_openstack(
                f'volume backup delete {full} --cascade --auto-approve', environment
            )
            self.assertEqual(result.status, 1)
            self.assert_has(result.stderr, child, 'protected')
        self.assertEqual(set(self.parents(volume)), {full, child})
        self.backup(f'delete {full} {child} --cascade --wait')
        self.assertEqual(self.parents(volume), {})

    def test_oldest_fills_a_free_slot(self) -> None:
        volume, (first, second) = self.make_chains(2)
        self.make_older(volume)
        newest = self.make_backup(volume)
        decisions = self.prune(f'--volume {volume} --keep-daily 7')
        rows = {row['ID']: str(row['Reasons']) for row in decisions}
        self.assertIn('oldest', rows[first[0]])
        self.assertEqual(self.doomed(decisions), {first[1]})
        self.assertEqual(set(self.parents(volume)), {first[0], *second, newest})
