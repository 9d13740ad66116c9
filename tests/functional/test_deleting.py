# SPDX-License-Identifier: Apache-2.0
"""Deleting in an order that Cinder accepts, and only what was requested."""

import itertools
import uuid
from typing import NamedTuple

from tests.functional.base import FunctionalTest, make_project
from tests.functional.faults import ProxyTest, before_arrival


class Chain(NamedTuple):
    """A full backup, an incremental on it, and one on that."""

    full: str
    middle: str
    newest: str


class ChainTest(FunctionalTest):
    """A test with chains of backups."""

    def make_chain(self, volume: str | None = None) -> Chain:
        """Make a chain of three."""
        volume = volume or self.make_volume()
        full = self.make_backup(volume)
        return Chain(full, *(self.make_backup(volume, incremental=True) for _ in range(2)))

    def left(self, *backups: str) -> list[str]:
        """Return those that are still available, in the given order."""
        return [backup for backup in backups if self.status('backup', backup) == 'available']

    def assert_gone(self, *backups: str) -> None:
        for backup in backups:
            self.wait_for('backup', backup, 'deleted')


class OrderTest(ChainTest):
    """Chains in one command."""

    def test_chain_is_deleted_in_any_order_of_arguments(self) -> None:
        for order in ((0, 1, 2), (1, 2, 0)):
            with self.subTest(order=order):
                chain = self.make_chain()
                result = self.run_openstack(
                    f'volume backup delete {" ".join(chain[place] for place in order)}'
                )
                self.assertEqual((result.status, result.stdout), (0, ''), result.stderr)
                self.assert_gone(*chain)

    def test_chains_of_two_volumes_are_deleted_in_one_command(self) -> None:
        chains = (self.make_chain(), self.make_chain())
        mixed = [backup for pair in zip(*chains, strict=True) for backup in pair]
        self.backup(f'delete {" ".join(mixed)} --wait')
        self.assertEqual({self.status('backup', backup) for backup in mixed}, {'deleted'})

    def test_chain_is_deleted_by_name(self) -> None:
        volume, name = self.make_volume(), self.unique('backup')
        full = self.make_backup(volume, name=f'{name}-full')
        child = self.make_backup(volume, incremental=True, name=f'{name}-child')
        self.backup(f'delete {name}-full {name}-child')
        self.assert_gone(full, child)

    def test_administrator_deletes_chain_of_another_project(self) -> None:
        chain = self.make_chain()
        self.openstack(f'volume backup delete {" ".join(chain)} --wait', self.admin)
        self.assert_gone(*chain)

    def test_force_deletes_a_chain(self) -> None:
        chain = self.make_chain()
        self.sql("UPDATE backups SET status = 'creating' WHERE id = ?", chain.newest)
        self.openstack(f'volume backup delete {" ".join(chain)} --force', self.admin_here)
        self.assert_gone(*chain)

    def test_backup_in_wrong_status_is_kept_without_force(self) -> None:
        chain = self.make_chain()
        self.sql("UPDATE backups SET status = 'creating' WHERE id = ?", chain.newest)
        command = f'volume backup delete {chain.full} --cascade --auto-approve'
        result = self.run_openstack(command, self.admin_here)
        self.assertEqual(result.status, 1)
        self.assertEqual(self.status('backup', chain.newest), 'creating')
        self.assertEqual(self.left(*chain), [chain.full, chain.middle])


class SequenceTest(ProxyTest, ChainTest):
    """The order of requests."""

    def test_parent_is_deleted_after_its_child_is_gone(self) -> None:
        chain = self.make_chain()
        seen = []
        for parent, child in itertools.pairwise(chain):
            looks = before_arrival(lambda child=child: seen.append(self.status('backup', child)))  # type: ignore[misc]
            self.proxy.script(f'DELETE /backups/{parent}', looks)
        self.backup(f'delete {" ".join(chain)}')
        self.assertEqual(seen, ['deleted', 'deleted'])
        self.assert_gone(*chain)

    def test_two_chains_are_deleted_in_parallel(self) -> None:
        one, other = self.make_chain(), self.make_chain()
        self.backup(f'delete {" ".join(one + other)}')
        sent = [line.rpartition('/')[2] for line in self.proxy.lines('DELETE .*')]
        self.assertEqual(set(sent[:2]), {one.newest, other.newest})
        self.assert_gone(*one, *other)

    def test_twenty_names_take_one_list_and_twenty_deletions(self) -> None:
        names = self.make_copies(20)
        result = self.run_openstack(['volume', 'backup', 'delete', *names])
        self.assertEqual((result.status, result.stdout, result.stderr), (0, '', ''))
        self.assertEqual(self.proxy.lines()[0], 'GET /backups/detail')
        self.assertEqual(len(self.proxy.lines('DELETE /backups/.*')), 20)
        self.assertEqual(len(self.proxy.requests), 21)
        self.wait_until(lambda: self.named(names), [])

    def test_wait_for_twenty_backups_reads_one_list_at_a_time(self) -> None:
        names = self.make_copies(20)
        result = self.run_openstack(['volume', 'backup', 'delete', '--wait', *names])
        self.assertEqual((result.status, result.stdout), (0, ''), result.stderr)
        self.assertEqual(self.named(names), [])
        # A backup that left the list is read once: it may belong to another project.
        self.assertLess(len(self.proxy.lines('GET /backups/.*')), 30)

    def make_copies(self, number: int) -> list[str]:
        """Create many full backups as rows; their deletion is real and fast."""
        original = self.make_backup(self.make_volume())
        names = [self.unique('copy') for _ in range(number)]
        columns = [row[1] for row in self.sql('PRAGMA table_info(backups)')]
        changed = {'id': '?', 'display_name': '?', 'service_metadata': 'NULL'}
        values = ', '.join(changed.get(column, column) for column in columns)
        for name in names:
            # The values are in the order of the columns; replace the ID and the name.
            given = {'id': str(uuid.uuid4()), 'display_name': name}
            self.sql(
                f'INSERT INTO backups ({", ".join(columns)}) '
                f'SELECT {values} FROM backups WHERE id = ?',
                *(given[column] for column in columns if column in given),
                original,
            )
        return names

    def named(self, names: list[str]) -> list[str]:
        statement = 'SELECT display_name FROM backups WHERE project_id = ? AND NOT deleted'
        return [name for (name,) in self.sql(statement, self.project.id) if name in names]


class CascadeTest(ChainTest):
    """``delete --cascade``."""

    def test_member_deletes_a_chain(self) -> None:
        chain = self.make_chain()
        printed = self.backup(f'delete {chain.full} --cascade --auto-approve')
        self.assert_gone(*chain)
        lines = printed.splitlines()
        for line, backup in zip(lines, reversed(chain), strict=True):
            self.assertIn(backup, line)
        self.assertTrue(lines[-1].endswith('named'))
        self.assertTrue(lines[0].endswith(f'builds on {chain.full}'))

    def test_cascade_from_the_middle_keeps_the_parent(self) -> None:
        chain = self.make_chain()
        self.openstack(
            f'volume backup delete {chain.middle} --cascade --auto-approve', self.admin_here
        )
        self.assert_gone(chain.middle, chain.newest)
        self.assertEqual(self.left(*chain), [chain.full])

    def test_administrator_of_another_project_deletes_only_the_chain(self) -> None:
        volume = self.make_volume()
        kept, chain = self.make_chain(volume), self.make_chain(volume)
        self.openstack(f'volume backup delete {chain.full} --cascade --auto-approve', self.admin)
        self.assert_gone(*chain)
        self.assertEqual(self.left(*kept), list(kept))

    def test_administrator_deletes_only_the_older_chain(self) -> None:
        volume = self.make_volume()
        chain, kept = self.make_chain(volume), self.make_chain(volume)
        self.openstack(f'volume backup delete {chain.full} --cascade --auto-approve', self.admin)
        self.assert_gone(*chain)
        self.assertEqual(self.left(*kept), list(kept))

    def test_uncertain_dependents_are_refused_for_members(self) -> None:
        volume = self.make_volume()
        older, newer = self.make_backup(volume), self.make_backup(volume)
        child = self.make_backup(volume, incremental=True)
        # Both have changed since the child was created: either may have been unavailable then.
        self.sql("UPDATE backups SET updated_at = '2100-01-01' WHERE volume_id = ?", volume)
        sentence = self.fails(f'volume backup delete {newer} --cascade --auto-approve')
        self.assertIn(child, sentence)
        self.assertEqual(self.left(older, newer, child), [older, newer, child])

    def test_uncertain_dependents_are_deleted_if_named(self) -> None:
        volume = self.make_volume()
        older, newer = self.make_backup(volume), self.make_backup(volume)
        child = self.make_backup(volume, incremental=True)
        self.sql("UPDATE backups SET updated_at = '2100-01-01' WHERE volume_id = ?", volume)
        self.backup(f'delete {newer} {child} --cascade --auto-approve')
        self.assert_gone(newer, child)
        self.assertEqual(self.left(older), [older])

    def test_dry_run_changes_nothing(self) -> None:
        chain = self.make_chain()
        for options in ('--cascade --dry-run', '--cascade --dry-run --auto-approve'):
            with self.subTest(options=options):
                printed = self.backup(f'delete {chain.full} {options}')
                self.assertEqual([line.count('Delete') for line in printed.splitlines()], [1] * 3)
                self.assertEqual(self.left(*chain), list(chain))

    def test_dry_run_works_without_cascade(self) -> None:
        chain = self.make_chain()
        printed = self.backup(f'delete {chain.newest} --dry-run')
        self.assertIn(chain.newest, printed)
        self.assertEqual(self.left(*chain), list(chain))

    def test_dry_run_prints_the_same_as_a_real_run(self) -> None:
        chain = self.make_chain()
        dry = self.backup(f'delete {chain.full} --cascade --dry-run')
        self.assertEqual(self.backup(f'delete {chain.full} --cascade --auto-approve'), dry)

    def assert_not_approved(self, references: str, *backups: str) -> None:
        result = self.run_openstack(f'volume backup delete {references} --cascade')
        self.assertEqual(result.status, 1, result.stderr)
        self.assertIn('--auto-approve', result.stderr)
        self.assertEqual(self.left(*backups), list(backups))

    def test_nothing_is_deleted_without_a_terminal(self) -> None:
        chain = self.make_chain()
        self.assert_not_approved(chain.full, *chain)

    def test_unnamed_dependents_need_consent_even_if_counts_match(self) -> None:
        chain = self.make_chain()
        # Three references and three backups, but only one of the backups was named.
        self.assert_not_approved(f'{chain.full} nosuch neither', *chain)

    def test_duplicate_references_do_not_replace_consent(self) -> None:
        volume, name = self.make_volume(), self.unique('full')
        full = self.make_backup(volume, name=name)
        child = self.make_backup(volume, incremental=True)
        self.assert_not_approved(f'{full} {name}', full, child)

    def test_cascade_without_dependents_asks_nothing(self) -> None:
        chain = self.make_chain()
        self.backup(f'delete {chain.newest} --cascade')
        self.assert_gone(chain.newest)
        self.assertEqual(self.left(*chain), [chain.full, chain.middle])


class GuardTest(ChainTest):
    """Backups that must not be deleted."""

    def test_parent_of_a_backup_in_another_project_is_refused(self) -> None:
        chain = self.make_chain()
        for options in ('', ' --force', ' --wait'):
            with self.subTest(options=options):
                sentence = self.fails(f'volume backup delete {chain.middle}{options}', self.admin)
                self.assertIn(chain.newest, sentence)
        self.assertEqual(self.left(*chain), list(chain))

    def test_parent_in_another_project_is_kept_with_its_child(self) -> None:
        chain = self.make_chain()
        self.sql("UPDATE backups SET status = 'restoring' WHERE id = ?", chain.newest)
        result = self.run_openstack(f'volume backup delete {" ".join(chain)}', self.admin)
        self.assertEqual(result.status, 1)
        self.assertEqual(result.stderr.splitlines()[-1], '3 of 3 backups failed to delete.')
        self.assertEqual(self.left(*chain), [chain.full, chain.middle])

    def test_refusal_names_the_dependents(self) -> None:
        chain = self.make_chain()
        sentence = self.fails(f'volume backup delete {chain.full}')
        self.assertIn(chain.middle, sentence)
        self.assertIn('--cascade', sentence)
        self.assertEqual(self.left(*chain), list(chain))


class BatchTest(ChainTest):
    """Several backups, some of which cannot be deleted."""

    def test_other_backups_are_deleted_after_a_failure(self) -> None:
        good, other = (self.make_backup(self.make_volume()) for _ in range(2))
        bad = self.make_backup(self.make_volume())
        self.sql("UPDATE backups SET status = 'restoring' WHERE id = ?", bad)
        result = self.run_openstack(f'volume backup delete {bad} {good} nosuch {other}')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assert_gone(good, other)
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertIn("No backup has the name or ID 'nosuch'.", lines)
        self.assertIn(f'Cannot delete backup {bad} in status restoring', result.stderr)
        self.assertEqual(lines[-1], '2 of 4 backups failed to delete.')

    def test_chain_stops_at_its_first_failure(self) -> None:
        chain, other = self.make_chain(), self.make_chain()
        self.sql("UPDATE backups SET status = 'restoring' WHERE id = ?", chain.newest)
        result = self.run_openstack(f'volume backup delete {" ".join(chain + other)} --wait')
        self.assertEqual(result.status, 1)
        self.assertEqual(self.left(*chain), [chain.full, chain.middle])
        self.assert_gone(*other)
        self.assertEqual(result.stderr.splitlines()[-1], '3 of 6 backups failed to delete.')

    def test_duplicates_are_deleted_once(self) -> None:
        name = self.unique('backup')
        backup = self.make_backup(self.make_volume(), name=name)
        result = self.run_openstack(f'volume backup delete {name} {backup} {name}')
        self.assertEqual((result.status, result.stdout, result.stderr), (0, '', ''))
        self.assert_gone(backup)

    def test_ambiguous_name_is_refused(self) -> None:
        volume, name = self.make_volume(), self.unique('twin')
        twins = [self.make_backup(volume, name=name) for _ in range(2)]
        others = [self.make_backup(volume) for _ in range(4)]
        result = self.run_openstack(f'volume backup delete {name} {" ".join(others)}')
        self.assertEqual(result.status, 1)
        for twin in twins:
            self.assertIn(twin, result.stderr)
        self.assertEqual(self.left(*twins), twins)
        self.assert_gone(*others)

    def test_backup_of_another_project_among_many_is_refused(self) -> None:
        stranger = make_project(self.box)
        volume = self.make_volume(owner=stranger.member)
        theirs = self.make_backup(volume, owner=stranger.member)
        own = [self.make_backup(self.make_volume()) for _ in range(3)]
        result = self.run_openstack(f'volume backup delete {" ".join(own)} {theirs}')
        self.assertEqual(result.status, 1)
        self.assertIn(f"No backup has the name or ID '{theirs}'.", result.stderr)
        self.assertEqual(self.status('backup', theirs), 'available')
        self.assert_gone(*own)
