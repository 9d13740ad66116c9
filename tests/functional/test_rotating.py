# SPDX-License-Identifier: Apache-2.0
"""Rotations of the real Cinder, whose database knows the real parents."""

import json
import time
import uuid

from tests.functional.api import Restricted
from tests.functional.rotating import ROTATE, RotateTest

PRUNE = '--auto-approve --keep-last'

# What an application credential must allow at least.
CREATE_RULES = [
    ('GET', '/v3/volumes/detail'),
    ('GET', '/v3/limits'),
    ('GET', '/v3/backups/detail'),
    ('POST', '/v3/backups'),
]
PRUNE_RULES = [
    ('GET', '/v3/volumes/detail'),
    ('GET', '/v3/limits'),
    ('GET', '/v3/backups/*'),
    ('POST', '/v3/backups'),
    ('DELETE', '/v3/backups/*'),
]
# These also let a run look again at volumes that were busy, or that may be gone.
RULES = [('GET', '/v3/volumes/*'), *PRUNE_RULES[1:]]


class NightTest(RotateTest):
    """Nights on which everything works."""

    def test_first_night_is_full_and_labelled(self) -> None:
        volumes = [self.make_volume('mail'), self.make_volume('db')]
        self.write_night(*volumes)
        rows = self.rotate('--all-volumes --label gold --property tier=1 --description nightly')
        for row in rows.values():
            self.assertEqual((row['Result'], row['Kind']), ('created', 'full'))
        made = rows[volumes[0]]['Backup']
        self.assertIsNone(self.backups()[made]['parent_id'])
        labels = self.metadata(made)
        run = labels.pop('backupext:run')
        self.assertEqual(run, self.metadata(rows[volumes[1]]['Backup'])['backupext:run'])
        self.assertEqual(
            labels,
            {
                'tier': '1',
                'backupext:rotation': 'gold',
                'backupext:volume-name': 'mail',
                'backupext:volume-type': '__DEFAULT__',
                'backupext:availability-zone': 'nova',
                'backupext:bootable': 'false',
            },
        )
        self.assert_has(self.stderr, '2 of 2 volumes backed up (2 full); 0 backups deleted.')
        self.assert_all_restore()

    def test_later_nights_build_on_the_night_before(self) -> None:
        volume = self.make_volume()
        for ago in (3, 2, 1):
            self.rotate_on(ago, f'{volume} {self.chained}')
        backups = self.backups(volume)
        self.assertEqual([row['parent_id'] for row in backups.values()], [None, *backups][:3])
        for id_, row in backups.items():
            self.assertEqual(self.metadata(id_).get('backupext:parent'), row['parent_id'])
        self.assert_all_restore()

    def test_chain_is_deleted_when_a_new_one_has_begun(self) -> None:
        volume = self.make_volume()
        options = f'{volume} {self.chained} --max-chain 2 {PRUNE} 1'
        self.rotate_on(3, options)
        by_hand = self.make_backup(self.make_volume())
        self.rotate_on(2, options)
        old = set(self.backups(volume))
        rows = self.rotate_on(1, options)
        self.assertEqual((rows[volume]['Kind'], rows[volume]['Deleted']), ('full', 2))
        self.assertEqual(len(old), 2)
        self.assertEqual(set(self.backups(volume)), {rows[volume]['Backup']})
        self.assertIn(by_hand, self.backups())
        self.assert_all_restore()

    def test_incremental_night_deletes_older_chains(self) -> None:
        volumes = [self.make_volume() for _ in range(3)]
        options = f'--all-volumes {self.chained} --max-chain 2 {PRUNE} 2'
        for ago in (3, 2, 1):
            self.rotate_on(ago, options)
        rows = self.rotate_on(0, options)
        for row in rows.values():
            self.assertEqual((row['Kind'], row['Deleted']), ('incremental', 2))
        self.assertEqual(len(self.backups()), 2 * len(volumes))
        self.assert_all_restore()

    def test_only_backups_of_the_label_count_and_are_deleted(self) -> None:
        volume = self.make_volume()
        with self.night(3):
            by_hand = self.make_backup(volume)
        self.rotate_on(2, f'{volume} {self.chained} --label weekly')
        weekly = list(self.backups(volume))[-1]
        for ago in (1, 0):
            self.rotate_on(ago, f'{volume} {self.chained} {PRUNE} 1')
        first, second = list(self.backups(volume))[-2:]
        # The chain begins with the backup that no rotation has made.
        self.assertEqual(list(self.backups(volume)), [by_hand, weekly, first, second])
        self.rotate(f'{volume} --max-chain 1 {PRUNE} 1')
        left = self.backups(volume)
        self.assertLessEqual({by_hand, weekly}, set(left))
        self.assertFalse({first, second} & set(left))
        self.assert_all_restore()

    def test_dry_run_shows_what_a_run_does(self) -> None:
        chained, full = self.make_volume(), self.make_volume()
        self.rotate_on(3, f'{chained} {full} {self.chained}')
        self.rotate_on(2, f'{full} {self.chained}')
        options = f'--all-volumes {self.chained} --max-chain 2 {PRUNE} 1'
        before = self.backups()
        result = self.run_openstack(f'{ROTATE} {options} --dry-run -f json')
        self.assertEqual((result.status, self.backups()), (0, before), result.stderr)
        self.assertIn('6 backups and 6 GiB of the quota', result.stderr)
        planned = json.loads(result.stdout)
        rows = self.rotate(options)
        for plan in planned:
            row = rows[plan['Volume']]
            self.assertEqual(
                (plan['Kind'], plan['Reason'], plan['Delete']),
                (row['Kind'], row['Reason'], row['Deleted']),
            )
        self.assertEqual([plan['Volume'] for plan in planned], list(rows))
        self.assertEqual((rows[full]['Kind'], rows[full]['Deleted']), ('full', 2))
        self.assertEqual((rows[chained]['Kind'], rows[chained]['Deleted']), ('incremental', 0))

    def test_second_run_does_nothing(self) -> None:
        volume = self.make_volume()
        for result in ('created', 'recent'):
            rows = self.rotate(f'{volume} --skip-newer-than 20h {PRUNE} 1')
            self.assertEqual(rows[volume]['Result'], result)
        self.assertEqual(len(self.backups(volume)), 1)


class TroubleTest(RotateTest):
    """Volumes that cannot be backed up as the night before."""

    def test_volume_that_fails_loses_nothing_and_heals(self) -> None:
        bad, good = self.make_volume(), self.make_volume()
        options = f'--all-volumes {self.chained} {PRUNE} 2'
        self.rotate_on(3, options)
        self.box.faults.fail_next('create', bad, 'no space')
        rows = self.rotate_on(2, options, status=4)
        self.assertEqual(self.results(rows), {bad: 'failed', good: 'created'})
        self.assertIn('no space', rows[bad]['Error'])
        self.assertEqual(self.statuses(bad), ['available', 'error'])
        rows = self.rotate_on(1, options)
        self.assertEqual((rows[bad]['Kind'], rows[good]['Kind']), ('full', 'incremental'))
        # The failed backup is gone, and no longer keeps Cinder from deleting its parent.
        self.assertEqual(self.statuses(bad), ['available', 'available'])
        self.rotate_on(0, options)
        self.assert_all_restore()

    def test_all_volumes_failing_is_exit_status_1(self) -> None:
        volume = self.make_volume()
        self.box.faults.fail_next('create', volume, 'no space')
        rows = self.rotate(volume, status=1)
        self.assertEqual(self.results(rows), {volume: 'failed'})

    def test_failure_that_happens_every_night_deletes_nothing(self) -> None:
        volume = self.make_volume()
        options = f'{volume} {self.chained} {PRUNE} 1'
        self.rotate_on(3, options)
        (first,) = self.backups(volume)
        for ago in (2, 1):
            self.box.faults.fail_next('create', volume, 'no space')
            self.rotate_on(ago, options, status=1)
        self.assertEqual(self.statuses(volume), ['available', 'error', 'error'])
        rows = self.rotate_on(0, options)
        self.assertEqual(set(self.backups(volume)), {rows[volume]['Backup']})
        self.assertNotIn(first, self.backups(volume))
        self.assert_all_restore()

    def test_volume_in_use_needs_force(self) -> None:
        server = str(uuid.uuid4())
        volume = self.make_attached(server)
        rows = self.rotate(f'--server {server}', status=1)
        self.assertIn('--force', rows[volume]['Error'])
        self.assertEqual(self.backups(volume), {})
        for ago in (2, 1):
            rows = self.rotate_on(ago, f'--server {server} --force {self.chained}')
        self.assertEqual((rows[volume]['Result'], rows[volume]['Kind']), ('created', 'incremental'))
        labels = self.metadata(rows[volume]['Backup'])
        self.assertEqual(labels['backupext:server'], server)
        self.assertEqual(labels['backupext:device'], '/dev/vdb')
        self.assertEqual(self.status('volume', volume), 'in-use')
        self.assert_all_restore()

    def make_attached(self, server: str) -> str:
        """Return a volume that is attached to a server, as Nova attaches it."""
        volume, member = self.make_volume(), self.project.member
        connector = {'host': 'compute', 'ip': '192.0.2.1', 'mountpoint': '/dev/vdb'}
        wanted = {'volume_uuid': volume, 'instance_uuid': server, 'connector': connector}
        made = member.block_storage('POST', '/attachments', {'attachment': wanted})
        path = f'/attachments/{made["attachment"]["id"]}/action'
        member.block_storage('POST', path, {'os-complete': {}})
        self.wait_for('volume', volume, 'in-use')
        return volume

    def test_volume_that_has_grown_gets_a_full_backup(self) -> None:
        volume = self.make_volume()
        self.rotate_on(3, f'{volume} {self.chained}')
        action = {'os-extend': {'new_size': 2}}
        self.project.member.block_storage('POST', f'/volumes/{volume}/action', action)
        self.wait_for('volume', volume)
        rows = self.rotate_on(2, f'{volume} {self.chained}')
        self.assertEqual(rows[volume]['Kind'], 'full')
        self.assert_has(rows[volume]['Reason'], '1', '2', 'GiB')
        rows = self.rotate_on(1, f'{volume} {self.chained}')
        self.assertEqual(rows[volume]['Kind'], 'incremental')
        self._target = self.make_volume(size=2)
        self.assert_all_restore()

    def test_volume_that_vanishes_is_gone(self) -> None:
        vanishing, first = self.make_two()
        with self.box.faults.hold('create', first):
            run = self.begin(f'{ROTATE} --all-volumes --concurrency 1 -f json')
            self.wait_for('volume', first, 'backing-up')
            self.project.member.block_storage('DELETE', f'/volumes/{vanishing}')
            self.wait_for('volume', vanishing, 'deleted')
        rows = self.rows_of(run.result())
        self.assertEqual(self.results(rows), {first: 'created', vanishing: 'gone'})
        self.assert_all_restore()

    def make_two(self) -> tuple[str, str]:
        """Return two volumes, of which the second is backed up first.

        Neither has a backup, and Cinder's list begins with the newest.
        """
        return self.make_volume(), self.make_volume()

    def test_backups_of_a_deleted_volume_are_named_and_kept(self) -> None:
        gone, other = self.make_two()
        self.rotate(f'--all-volumes --max-chain 1 {PRUNE} 1')
        self.project.member.block_storage('DELETE', f'/volumes/{gone}')
        self.wait_for('volume', gone, 'deleted')
        self.rotate(f'--all-volumes --max-chain 1 {PRUNE} 1')
        self.assert_has(self.stderr, gone, 'are not in the list of volumes any more')
        self.assertEqual(len(self.backups(gone)), 1)
        self.assertEqual(len(self.backups(other)), 1)

    def test_volume_of_another_backup_is_tried_again_at_the_end(self) -> None:
        busy, other = self.make_volume(), self.make_volume()
        rows = self.rotate_while_busy(busy, other)
        self.assertEqual(self.results(rows), {busy: 'created', other: 'created'})
        self.assertEqual(len(self.backups(busy)), 2)

    def test_volume_that_stays_busy_is_reported(self) -> None:
        busy = self.make_volume()
        with self.box.faults.hold('create', busy):
            by_hand = self.begin_backup(busy)
            self.wait_for('volume', busy, 'backing-up')
            rows = self.rotate('--all-volumes', status=1)
            self.assertEqual(self.results(rows), {busy: 'busy'})
            self.assertIn(by_hand, rows[busy]['Reason'])
        self.wait_for('backup', by_hand)


class QuotaTest(RotateTest):
    """A quota of backups that is too small."""

    def limit(self, backups: int) -> None:
        quota = {'quota_set': {'backups': backups}}
        self.project.admin.block_storage('PUT', f'/os-quota-sets/{self.project.id}', quota)

    def test_what_does_not_fit_is_not_requested(self) -> None:
        for _ in range(3):
            self.make_volume()
        self.limit(2)
        rows = self.rotate(status=4)
        self.assertEqual(sorted(self.results(rows).values()), ['created', 'created', 'quota'])
        self.assertEqual(self.statuses(), ['available', 'available'])
        self.assert_all_restore()

    def test_quota_that_runs_out_in_the_middle_stops_no_other_volume(self) -> None:
        by_hand, last, first = (self.make_volume() for _ in range(3))
        self.limit(2)
        with self.box.faults.hold('create', first):
            run = self.begin(f'{ROTATE} {first} {last} --concurrency 1 -f json')
            self.wait_for('volume', first, 'backing-up')
            self.make_backup(by_hand)
        rows = self.rows_of(run.result(), status=4)
        self.assertEqual(self.results(rows), {first: 'created', last: 'quota'})
        self.assertEqual(len(self.backups()), 2)

    def test_pruning_makes_room_for_the_next_night(self) -> None:
        volume = self.make_volume()
        self.limit(2)
        for ago in (3, 2, 1):
            self.rotate_on(ago, f'{volume} --max-chain 1 {PRUNE} 1')
        self.assertEqual(len(self.backups()), 1)


class TimeTest(RotateTest):
    """Runs that end before all is done."""

    def test_backup_that_takes_too_long_is_left_alone_and_adopted(self) -> None:
        volume = self.make_volume()
        self.rotate_on(2, f'{volume} --max-chain 1')
        options = f'{volume} --max-chain 1 {PRUNE} 1'
        with self.box.faults.hold('create', volume):
            rows = self.rotate_on(1, f'{options} --timeout 1s', status=3)
            self.assertEqual(self.results(rows), {volume: 'timed out'})
            self.assertEqual(self.statuses(volume), ['available', 'creating'])
            running = rows[volume]['Backup']
            self.assertIn(f'openstack volume backup show {running}', self.stderr)
            rows = self.rotate(f'{options} --timeout 1s', status=3)
            self.assertEqual(rows[volume]['Backup'], running)
        self.wait_for('backup', running)
        rows = self.rotate(f'{options} --skip-newer-than 30h')
        self.assertEqual(self.results(rows), {volume: 'recent'})
        rows = self.rotate(options)
        self.assertEqual(rows[volume]['Deleted'], 2)
        self.assert_all_restore()

    def test_what_is_not_started_in_time_is_deferred(self) -> None:
        late, first = self.make_volume(), self.make_volume()
        with self.box.faults.hold('create', first):
            run = self.begin(f'{ROTATE} --all-volumes --concurrency 1 --start-within 1s -f json')
            self.wait_for('volume', first, 'backing-up')
            time.sleep(1.1)
        rows = self.rows_of(run.result(), status=4)
        self.assertEqual(self.results(rows), {first: 'created', late: 'deferred'})


class SelectionTest(RotateTest):
    """Which volumes are backed up."""

    def selected(self, options: str) -> set[str]:
        """Return which volumes a run would back up."""
        command = f'{ROTATE} {options} --dry-run -f json'
        return {row['Volume'] for row in json.loads(self.openstack(command))}

    def test_properties_select_and_exclude(self) -> None:
        gold = self.make_volume(metadata={'tier': 'gold'})
        silver = self.make_volume('silver', metadata={'tier': 'silver'})
        skipped = self.make_volume(metadata={'tier': 'gold', 'skip': 'yes'})
        plain = self.make_volume('plain')
        for options, expected in (
            ('--volume-property tier=gold', {gold, skipped}),
            ('--volume-property tier --exclude-property skip', {gold, silver}),
            ('--volume-property tier=gold plain --exclude-property skip=yes', {gold, plain}),
            ('--all-volumes --exclude plain --exclude silver', {gold, skipped}),
        ):
            with self.subTest(options=options):
                self.assertEqual(self.selected(options), expected)

    def test_nothing_selected_is_a_failure(self) -> None:
        self.make_volume()
        self.assertIn('No volume', self.fails(f'{ROTATE} --volume-property tier=gold'))

    def test_missing_volume_fails_by_itself(self) -> None:
        volume = self.make_volume()
        missing = str(uuid.uuid4())
        rows = self.rotate(f'{volume} {missing}', status=4)
        self.assertEqual(self.results(rows), {volume: 'created', missing: 'failed'})

    def test_shards_are_disjoint_and_complete(self) -> None:
        volumes = {self.make_volume() for _ in range(6)}
        parts = [self.selected_if_any(f'--all-volumes --shard {part}/3') for part in (1, 2, 3)]
        self.assertEqual(set().union(*parts), volumes)
        self.assertEqual(sum(map(len, parts)), len(volumes))

    def selected_if_any(self, options: str) -> set[str]:
        result = self.run_openstack(f'{ROTATE} {options} --dry-run -f json')
        return {row['Volume'] for row in json.loads(result.stdout or '[]')}


class AccessTest(RotateTest):
    """Who runs the rotation."""

    def test_administrator_backs_up_volumes_of_all_projects(self) -> None:
        tier = self.unique('tier')
        volume = self.make_volume(metadata={'tier': tier})
        options = f'--all-projects --volume-property tier={tier} --max-chain 1 {PRUNE} 1'
        made = []
        for _ in range(2):
            rows = self.rotate(options, self.admin)
            self.assertEqual(self.results(rows), {volume: 'created'})
            made.append(rows[volume]['Backup'])
        self.assertEqual(rows[volume]['Deleted'], 1)
        self.assertEqual([self.status('backup', each) for each in made], ['deleted', 'available'])
        self.assertEqual(self.metadata(made[1])['backupext:project'], self.project.id)
        # The backups belong to the administrator's project.
        self.assertEqual(self.backups(), {})

    def test_member_may_not_use_all_projects(self) -> None:
        self.make_volume()
        self.assertIn('administrator', self.fails(f'{ROTATE} --all-volumes --all-projects'))

    def test_credential_that_may_only_create_is_enough_without_pruning(self) -> None:
        self.make_volume()
        self.assert_least(CREATE_RULES, '--all-volumes')

    def test_credential_that_may_delete_backups_is_enough_for_pruning(self) -> None:
        self.make_volume()
        self.rotate('--all-volumes --max-chain 1')
        self.assert_least(PRUNE_RULES, f'--all-volumes --max-chain 1 {PRUNE} 1')

    def test_credential_that_may_look_at_volumes_tries_busy_ones_again(self) -> None:
        for rules, status, result in ((PRUNE_RULES, 4, 'failed'), (RULES, 0, 'created')):
            with self.subTest(rules=rules):
                other, busy = self.make_volume(), self.make_volume()
                restricted = Restricted(self.project.member, rules).environment
                rows = self.rotate_while_busy(busy, other, restricted, status)
                self.assertEqual(self.results(rows), {busy: result, other: 'created'})

    def assert_least(self, rules: list[tuple[str, str]], options: str) -> None:
        """Expect that a rotation works with these access rules, and fails without any of them."""
        for rule in rules:
            with self.subTest(without=rule):
                others = [each for each in rules if each != rule]
                restricted = Restricted(self.project.member, others).environment
                result = self.run_openstack(f'{ROTATE} {options}', restricted)
                self.assertNotEqual(result.status, 0)
        restricted = Restricted(self.project.member, rules).environment
        self.assertEqual(set(self.results(self.rotate(options, restricted)).values()), {'created'})
