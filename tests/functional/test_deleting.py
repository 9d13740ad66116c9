# SPDX-License-Identifier: Apache-2.0
"""Deleting: in an order that Cinder accepts, and nothing that nobody asked for."""

import itertools
import uuid
from typing import NamedTuple

from tests.functional.base import FunctionalTest, make_project
from tests.functional.faults import ProxyTest, meanwhile


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
        """Name those that are available still, in the order in which they are given."""
        return [backup for backup in backups if self.status('backup', backup) == 'available']

    def assert_gone(self, *backups: str) -> None:
        for backup in backups:
            self.wait_for('backup', backup, 'deleted')


class OrderTest(ChainTest):
    """Chains in one command."""

    def test_any_order_of_arguments(self) -> None:
        for order in ((0, 1, 2), (1, 2, 0)):
            with self.subTest(order=order):
                chain = self.make_chain()
                result = self.run_openstack(
                    f'volume backup delete {" ".join(chain[place] for place in order)}'
                )
                self.assertEqual((result.status, result.stdout), (0, ''), result.stderr)
                self.assert_gone(*chain)

    def test_two_volumes_in_one_command(self) -> None:
        chains = (self.make_chain(), self.make_chain())
        mixed = [backup for pair in zip(*chains, strict=True) for backup in pair]
        self.backup(f'delete {" ".join(mixed)} --wait')
        self.assertEqual({self.status('backup', backup) for backup in mixed}, {'deleted'})

    def test_by_name(self) -> None:
        volume, name = self.make_volume(), self.unique('backup')
        full = self.make_backup(volume, name=f'{name}-full')
        child = self.make_backup(volume, incremental=True, name=f'{name}-child')
        self.backup(f'delete {name}-full {name}-child')
        self.assert_gone(full, child)

    def test_somebody_elses_chain_as_administrator(self) -> None:
        chain = self.make_chain()
        self.openstack(f'volume backup delete {" ".join(chain)} --wait', self.admin)
        self.assert_gone(*chain)

    def test_by_force(self) -> None:
        chain = self.make_chain()
        self.sql("UPDATE backups SET status = 'creating' WHERE id = ?", chain.newest)
        self.openstack(f'volume backup delete {" ".join(chain)} --force', self.admin_here)
        self.assert_gone(*chain)

    def test_force_is_never_implied(self) -> None:
        chain = self.make_chain()
        self.sql("UPDATE backups SET status = 'creating' WHERE id = ?", chain.newest)
        command = f'volume backup delete {chain.full} --cascade --auto-approve'
        result = self.run_openstack(command, self.admin_here)
        self.assertEqual(result.status, 1)
        self.assertEqual(self.status('backup', chain.newest), 'creating')
        self.assertEqual(self.left(*chain), [chain.full, chain.middle])


class SequenceTest(ProxyTest, ChainTest):
    """What is sent when."""

    def test_a_parent_is_asked_for_when_its_child_is_gone(self) -> None:
        chain = self.make_chain()
        seen = []
        for parent, child in itertools.pairwise(chain):
            looks = meanwhile(lambda child=child: seen.append(self.status('backup', child)))  # type: ignore[misc]
            self.proxy.script(f'DELETE /backups/{parent}', looks)
        self.backup(f'delete {" ".join(chain)}')
        self.assertEqual(seen, ['deleted', 'deleted'])
        self.assert_gone(*chain)

    def test_two_chains_go_side_by_side(self) -> None:
        one, other = self.make_chain(), self.make_chain()
        self.backup(f'delete {" ".join(one + other)}')
        sent = [line.rpartition('/')[2] for line in self.proxy.lines('DELETE .*')]
        self.assertEqual(set(sent[:2]), {one.newest, other.newest})
        self.assert_gone(*one, *other)

    def test_twenty_by_name_cost_a_list_and_twenty_deletes(self) -> None:
        names = self.make_copies(20)
        result = self.run_openstack(['volume', 'backup', 'delete', *names])
        self.assertEqual((result.status, result.stdout, result.stderr), (0, '', ''))
        self.assertEqual(self.proxy.lines()[0], 'GET /backups/detail')
        self.assertEqual(len(self.proxy.lines('DELETE /backups/.*')), 20)
        self.assertEqual(len(self.proxy.requests), 21)
        self.wait_until(lambda: self.named(names), [])

    def test_waiting_for_twenty_costs_a_list_per_look(self) -> None:
        names = self.make_copies(20)
        result = self.run_openstack(['volume', 'backup', 'delete', '--wait', *names])
        self.assertEqual((result.status, result.stdout), (0, ''), result.stderr)
        self.assertEqual(self.named(names), [])
        # What is in the list no more is asked for once: it may be another project's.
        self.assertLess(len(self.proxy.lines('GET /backups/.*')), 30)

    def make_copies(self, number: int) -> list[str]:
        """Make many full backups as rows: deleting them is real, and quick."""
        original = self.make_backup(self.make_volume())
        names = [self.unique('copy') for _ in range(number)]
        columns = [row[1] for row in self.sql('PRAGMA table_info(backups)')]
        changed = {'id': '?', 'display_name': '?', 'service_metadata': 'NULL'}
        values = ', '.join(changed.get(column, column) for column in columns)
        for name in names:
            # The values are in the order of the columns, where the ID and the name are to be found.
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

    def test_a_members_chain(self) -> None:
        chain = self.make_chain()
        printed = self.backup(f'delete {chain.full} --cascade --auto-approve')
        self.assert_gone(*chain)
        lines = printed.splitlines()
        for line, backup in zip(lines, reversed(chain), strict=True):
            self.assertIn(backup, line)
        self.assertTrue(lines[-1].endswith('named'))
        self.assertTrue(lines[0].endswith(f'builds on {chain.full}'))

    def test_the_middle_of_a_chain(self) -> None:
        chain = self.make_chain()
        self.openstack(
            f'volume backup delete {chain.middle} --cascade --auto-approve', self.admin_here
        )
        self.assert_gone(chain.middle, chain.newest)
        self.assertEqual(self.left(*chain), [chain.full])

    def test_an_administrator_in_another_project_deletes_exactly_the_chain(self) -> None:
        volume = self.make_volume()
        kept, chain = self.make_chain(volume), self.make_chain(volume)
        self.openstack(f'volume backup delete {chain.full} --cascade --auto-approve', self.admin)
        self.assert_gone(*chain)
        self.assertEqual(self.left(*kept), list(kept))

    def test_an_older_chain_is_exact_too(self) -> None:
        volume = self.make_volume()
        chain, kept = self.make_chain(volume), self.make_chain(volume)
        self.openstack(f'volume backup delete {chain.full} --cascade --auto-approve', self.admin)
        self.assert_gone(*chain)
        self.assertEqual(self.left(*kept), list(kept))

    def test_a_members_doubt_is_refused(self) -> None:
        volume = self.make_volume()
        older, newer = self.make_backup(volume), self.make_backup(volume)
        child = self.make_backup(volume, incremental=True)
        # Both have changed since the child was made: each may not have been available then.
        self.sql("UPDATE backups SET updated_at = '2100-01-01' WHERE volume_id = ?", volume)
        sentence = self.fails(f'volume backup delete {newer} --cascade --auto-approve')
        self.assertIn(child, sentence)
        self.assertEqual(self.left(older, newer, child), [older, newer, child])

    def test_what_is_doubtful_can_be_named(self) -> None:
        volume = self.make_volume()
        older, newer = self.make_backup(volume), self.make_backup(volume)
        child = self.make_backup(volume, incremental=True)
        self.sql("UPDATE backups SET updated_at = '2100-01-01' WHERE volume_id = ?", volume)
        self.backup(f'delete {newer} {child} --cascade --auto-approve')
        self.assert_gone(newer, child)
        self.assertEqual(self.left(older), [older])

    def test_a_dry_run_changes_nothing(self) -> None:
        chain = self.make_chain()
        for options in ('--cascade --dry-run', '--cascade --dry-run --auto-approve'):
            with self.subTest(options=options):
                printed = self.backup(f'delete {chain.full} {options}')
                self.assertEqual([line.count('Delete') for line in printed.splitlines()], [1] * 3)
                self.assertEqual(self.left(*chain), list(chain))

    def test_a_dry_run_without_cascade(self) -> None:
        chain = self.make_chain()
        printed = self.backup(f'delete {chain.newest} --dry-run')
        self.assertIn(chain.newest, printed)
        self.assertEqual(self.left(*chain), list(chain))

    def test_a_dry_run_prints_what_the_real_one_prints(self) -> None:
        chain = self.make_chain()
        dry = self.backup(f'delete {chain.full} --cascade --dry-run')
        self.assertEqual(self.backup(f'delete {chain.full} --cascade --auto-approve'), dry)

    def assert_not_approved(self, references: str, *backups: str) -> None:
        result = self.run_openstack(f'volume backup delete {references} --cascade')
        self.assertEqual(result.status, 1, result.stderr)
        self.assertIn('--auto-approve', result.stderr)
        self.assertEqual(self.left(*backups), list(backups))

    def test_nothing_is_deleted_where_nobody_can_be_asked(self) -> None:
        chain = self.make_chain()
        self.assert_not_approved(chain.full, *chain)

    def test_somebody_is_asked_where_as_many_are_named_as_are_deleted(self) -> None:
        chain = self.make_chain()
        # Three references, three backups; but only one of those was named.
        self.assert_not_approved(f'{chain.full} nosuch neither', *chain)

    def test_somebody_is_asked_where_one_is_named_twice(self) -> None:
        volume, name = self.make_volume(), self.unique('full')
        full = self.make_backup(volume, name=name)
        child = self.make_backup(volume, incremental=True)
        self.assert_not_approved(f'{full} {name}', full, child)

    def test_nobody_is_asked_where_nothing_else_goes(self) -> None:
        chain = self.make_chain()
        self.backup(f'delete {chain.newest} --cascade')
        self.assert_gone(chain.newest)
        self.assertEqual(self.left(*chain), [chain.full, chain.middle])


class GuardTest(ChainTest):
    """What must not be deleted."""

    def test_a_parent_in_another_project(self) -> None:
        chain = self.make_chain()
        for options in ('', ' --force', ' --wait'):
            with self.subTest(options=options):
                sentence = self.fails(f'volume backup delete {chain.middle}{options}', self.admin)
                self.assertIn(chain.newest, sentence)
        self.assertEqual(self.left(*chain), list(chain))

    def test_the_other_projects_parent_stays_when_its_child_does(self) -> None:
        chain = self.make_chain()
        self.sql("UPDATE backups SET status = 'restoring' WHERE id = ?", chain.newest)
        result = self.run_openstack(f'volume backup delete {" ".join(chain)}', self.admin)
        self.assertEqual(result.status, 1)
        self.assertEqual(result.stderr.splitlines()[-1], '3 of 3 backups failed to delete.')
        self.assertEqual(self.left(*chain), [chain.full, chain.middle])

    def test_a_refusal_names_the_dependents(self) -> None:
        chain = self.make_chain()
        sentence = self.fails(f'volume backup delete {chain.full}')
        self.assertIn(chain.middle, sentence)
        self.assertIn('--cascade', sentence)
        self.assertEqual(self.left(*chain), list(chain))


class BatchTest(ChainTest):
    """Several backups of which some cannot be deleted."""

    def test_one_failure_does_not_keep_the_others(self) -> None:
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

    def test_a_chain_stops_at_its_first_failure(self) -> None:
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

    def test_a_name_that_several_have(self) -> None:
        volume, name = self.make_volume(), self.unique('twin')
        twins = [self.make_backup(volume, name=name) for _ in range(2)]
        others = [self.make_backup(volume) for _ in range(4)]
        result = self.run_openstack(f'volume backup delete {name} {" ".join(others)}')
        self.assertEqual(result.status, 1)
        for twin in twins:
            self.assertIn(twin, result.stderr)
        self.assertEqual(self.left(*twins), twins)
        self.assert_gone(*others)

    def test_somebody_elses_among_many(self) -> None:
        stranger = make_project(self.box)
        volume = self.make_volume(owner=stranger.member)
        theirs = self.make_backup(volume, owner=stranger.member)
        own = [self.make_backup(self.make_volume()) for _ in range(3)]
        result = self.run_openstack(f'volume backup delete {" ".join(own)} {theirs}')
        self.assertEqual(result.status, 1)
        self.assertIn(f"No backup has the name or ID '{theirs}'.", result.stderr)
        self.assertEqual(self.status('backup', theirs), 'available')
        self.assert_gone(*own)
