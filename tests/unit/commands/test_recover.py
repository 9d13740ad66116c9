# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

import requests

from backupext.core import labels
from tests.unit.living import FIRST
from tests.unit.recovering import (
    OTHER_SERVER,
    SERVER,
    RecoveringTest,
    backup_id,
    volume_id,
)
from tests.unit.shell import Result

RECOVER = 'volume backup recover'
NIGHTS = 3


def at(day: int) -> str:
    """Return the option for the time after a night."""
    return f'--at {FIRST:%Y-%m-}{FIRST.day + day:02}T03:00'


class RecoverTest(RecoveringTest):
    """A test of a server with three volumes, which are deleted, and three nights of backups."""

    def setUp(self) -> None:
        super().setUp()
        self.nights = {day: self.cloud.back_up(day) for day in range(1, NIGHTS + 1)}

    def recover(self, arguments: str, *, status: int = 0) -> tuple[list[dict[str, Any]], str]:
        """Run the command, and return its rows and its messages."""
        result = self.openstack(f'{RECOVER} {arguments} -f json')
        self.assertEqual(result.status, status, result.stderr)
        return json.loads(result.stdout or '[]'), result.stderr

    def refused(self, arguments: str, *words: str, status: int = 1) -> str:
        """Expect a refusal before anything is requested, and return its message."""
        result = self.openstack(f'{RECOVER} {arguments}')
        self.assertEqual((result.status, result.stdout), (status, ''), result.stderr)
        self.assertEqual([line for line in self.cloud.lines if not line.startswith('GET')], [])
        for word in words:
            self.assertIn(word, result.stderr)
        return result.stderr

    def restored(self) -> list[str]:
        """Return the backups from which volumes were created."""
        return [each['from'] for each in self.made]

    @property
    def made(self) -> list[dict[str, Any]]:
        """The new volumes, by backup: requests for several volumes arrive in any order."""
        return sorted(self.cloud.made, key=lambda each: str(each['from']))


class ServerTest(RecoverTest):
    """``--server``."""

    def test_volumes_of_a_deleted_server_come_back_as_of_the_night(self) -> None:
        rows, told = self.recover(f'--server {SERVER} {at(2)} --wait')
        self.assertEqual(
            [[row[key] for key in ('Device', 'Volume', 'Backup', 'Status')] for row in rows],
            [
                [f'/dev/vd{letter}', volume_id(number), backup_id(2, number), 'available']
                for number, letter in ((1, 'a'), (2, 'b'), (3, 'c'))
            ],
        )
        self.assertEqual(self.restored(), self.nights[2])
        self.assertEqual([row['New Volume'] for row in rows], [row['id'] for row in self.made])
        self.assertEqual(rows[0]['Data Timestamp'], '2026-10-03T02:00:01.000000')
        self.assertIn(f"Server 'web' ({SERVER}) had 3 volumes by 2026-10-03T03:00:00.", told)
        self.assertIn(
            'The data is from 2026-10-03T02:00:01 to 2026-10-03T02:00:03, 2s apart. All backups '
            'are of run run-2.',
            told,
        )

    def test_table_shows_names_to_people(self) -> None:
        result = self.openstack(f'{RECOVER} --server web --wait')
        self.assertEqual(result.status, 0)
        row = (
            '| /dev/vdb | v2     | v2-3   | 2026-10-04T02:00:02.000000 | v2-as-of-2026-10-04T02:00'
        )
        self.assertIn(row, result.stdout)
        self.assertNotIn(volume_id(2), result.stdout)

    def test_new_volumes_have_the_labelled_type_and_zone_and_a_mark(self) -> None:
        self.recover(f'--server {SERVER}')
        self.assertEqual(
            self.cloud.wanted[1],
            {
                'backup_id': backup_id(3, 2),
                'name': 'v2-as-of-2026-10-04T02:00',
                'volume_type': 'fast',
                'availability_zone': 'nova',
                'metadata': {'backupext:recovered-from': backup_id(3, 2)},
            },
        )

    def test_options_win_over_labels(self) -> None:
        options = '--type slow --availability-zone az2 --name-format {backup}-again'
        self.recover(f'--server {SERVER} {options}')
        for number, wanted in enumerate(self.cloud.wanted, 1):
            shown = (wanted['volume_type'], wanted['availability_zone'], wanted['name'])
            self.assertEqual(shown, ('slow', 'az2', f'v{number}-3-again'))

    def test_type_and_zone_are_those_of_a_source_that_exists(self) -> None:
        self.cloud.add_volume(2, volume_type='moved', availability_zone='az3')
        self.recover(f'--server {SERVER}')
        self.assertEqual(
            [(each['volume_type'], each['availability_zone']) for each in self.cloud.wanted],
            [('fast', 'nova'), ('moved', 'az3'), ('fast', 'nova')],
        )

    def test_cloud_chooses_type_and_zone_that_nothing_shows(self) -> None:
        by_hand = self.cloud.keep(7, volume_id=volume_id(7))
        self.recover(f'--volume {volume_id(7)}')
        (wanted,) = self.cloud.wanted
        self.assertEqual(sorted(wanted), ['backup_id', 'metadata', 'name'])
        self.assertEqual(wanted['backup_id'], by_hand)

    def test_attach_commands_follow_the_devices(self) -> None:
        _, told = self.recover(f'--server {SERVER} --wait')
        first, second, third = (row['id'] for row in self.made)
        self.assertTrue(
            told.endswith(
                'To attach the volumes:\n'
                f'  openstack volume set --bootable {first}\n'
                f'  openstack server create --volume {first} --flavor <flavor> --network <network> '
                'web\n'
                f'  openstack server add volume --device /dev/vdb web {second}\n'
                f'  openstack server add volume --device /dev/vdc web {third}\n'
            ),
            told,
        )

    def test_bootable_volume_that_is_not_the_first_disk_is_attached(self) -> None:
        metadata = labels.properties(
            'rotation',
            'x',
            labels.Origin(bootable='true', server=OTHER_SERVER, device='/dev/vdb'),
        )
        self.cloud.keep(3, volume_id=volume_id(8), metadata=metadata)
        _, told = self.recover(f'--server {OTHER_SERVER} --wait')
        made = self.made[0]['id']
        self.assertIn(f'  openstack volume set --bootable {made}\n', told)
        self.assertTrue(
            told.endswith(
                f'  openstack server add volume --device /dev/vdb {OTHER_SERVER} {made}\n'
            ),
            told,
        )

    def test_attach_commands_without_a_wait_are_for_later(self) -> None:
        rows, told = self.recover(f'--server {SERVER}')
        self.assertEqual({row['Status'] for row in rows}, {'creating'})
        self.assertIn('To attach the volumes, once they are available:\n', told)
        self.assertEqual(self.clock.sleeps, [])

    def test_quiet_prints_only_the_table(self) -> None:
        result = self.openstack(f'-q {RECOVER} --server {SERVER} --wait -f value -c Status')
        self.assertEqual(result, Result(0, 'available\n' * 3, ''))

    def test_volume_attached_now_counts_without_labels(self) -> None:
        here = [{'server_id': SERVER, 'device': '/dev/vdd'}]
        self.cloud.add_volume(4)
        self.cloud.volumes[volume_id(4)]['attachments'] = here
        by_hand = self.cloud.keep(2, volume_id=volume_id(4))
        rows, _ = self.recover(f'--server {SERVER} {at(2)}')
        self.assertEqual((rows[3]['Device'], rows[3]['Backup']), ('/dev/vdd', by_hand))

    def test_server_without_known_volumes_is_refused(self) -> None:
        self.refused(f'--server {OTHER_SERVER}', f'attached to server {OTHER_SERVER}')
        self.refused(f'--server {SERVER} {at(0)}', 'by 2026-10-01T03:00:00')


class ServerNameTest(RecoverTest):
    """``--server`` with a name, which the labels and Compute know."""

    def test_labels_are_enough_without_compute(self) -> None:
        _, told = self.recover('--server web --dry-run')
        self.assertIn(f"Server 'web' ({SERVER})", told)

    def test_labels_are_enough_if_compute_is_down(self) -> None:
        self.cloud.servers = []
        self.cloud._adapter.register_uri(  # noqa: SLF001  # instead of its answer
            'GET', 'http://compute.test/v2.1/servers', status_code=503
        )
        _, told = self.recover('--server web --dry-run')
        self.assertIn(f"Server 'web' ({SERVER})", told)
        self.assertEqual(self.clock.sleeps, [])

    def test_compute_knows_a_name_that_is_newer_than_the_labels(self) -> None:
        self.cloud.servers = [{'id': SERVER, 'name': 'renamed'}]
        rows, told = self.recover('--server renamed --dry-run')
        self.assertEqual(len(rows), NIGHTS)
        self.assertIn(f"Server 'renamed' ({SERVER})", told)

    def test_missing_compute_is_named(self) -> None:
        self.refused('--server nosuch', 'the cloud has no Compute service in its catalogue')

    def test_unreachable_compute_is_named(self) -> None:
        self.cloud.servers = []
        for error, told, status in (
            (requests.exceptions.ConnectionError('refused'), 'Compute cannot be reached', 3),
            (requests.exceptions.ReadTimeout('late'), 'Compute did not answer in time', 3),
            (requests.exceptions.InvalidURL('bad'), 'Check the Compute endpoint.', 1),
        ):
            with self.subTest(told):
                self.cloud._adapter.register_uri(  # noqa: SLF001  # instead of its answer
                    'GET', 'http://compute.test/v2.1/servers', exc=error
                )
                self.refused('--server nosuch --wait --timeout 5s', told, status=status)

    def test_rebuilt_server_does_not_hide_the_old_one(self) -> None:
        self.cloud.servers = [{'id': OTHER_SERVER, 'name': 'web'}]
        _, told = self.recover('--server web --dry-run')
        self.assertIn(f"Server 'web' ({SERVER})", told)

    def test_servers_that_share_a_name_are_named(self) -> None:
        metadata = labels.properties(
            'rotation', 'x', labels.Origin(server=OTHER_SERVER, server_name='web')
        )
        self.cloud.keep(3, volume_id=volume_id(8), metadata=metadata)
        self.refused('--server web', '2 servers', SERVER, OTHER_SERVER)

    def test_running_servers_that_share_a_name_are_named(self) -> None:
        self.cloud.servers = [{'id': id_, 'name': 'twin'} for id_ in (SERVER, OTHER_SERVER)]
        self.refused(
            '--server twin',
            f"2 servers have the name 'twin'. Use the ID of one of them: {SERVER}, {OTHER_SERVER}.",
        )

    def test_unknown_name_is_refused(self) -> None:
        self.cloud.servers = []
        self.refused('--server nosuch', "No server has the name 'nosuch'.")


class ChoiceTest(RecoverTest):
    """Which backups are restored."""

    def test_names_of_deleted_volumes_are_known_from_labels(self) -> None:
        rows, _ = self.recover(f'--volume v3 --volume {volume_id(1)} {at(1)}')
        self.assertEqual([row['Backup'] for row in rows], [backup_id(1, 3), backup_id(1, 1)])

    def test_volume_given_twice_is_restored_once(self) -> None:
        self.recover(f'--volume v3 --volume {volume_id(3)}')
        self.assertEqual(self.restored(), [backup_id(3, 3)])

    def test_backup_by_hand_is_chosen_if_it_is_the_latest(self) -> None:
        by_hand = self.cloud.keep(4, volume_id=volume_id(2))
        rows, _ = self.recover('--volume v2')
        self.assertEqual([row['Backup'] for row in rows], [by_hand])

    def test_run_of_a_server_wins_over_a_later_backup_by_hand(self) -> None:
        by_hand = self.cloud.keep(4, volume_id=volume_id(2))
        rows, told = self.recover('--server web')
        self.assertEqual([row['Backup'] for row in rows], self.nights[3])
        self.assertIn(f'openstack volume backup restore {by_hand}\n', told)

    def test_incomplete_run_is_mixed_and_the_complete_one_named(self) -> None:
        self.cloud.change(backup_id(3, 2), status='error')
        rows, told = self.recover('--server web --dry-run')
        self.assertEqual([row['Backup'] for row in rows][1], backup_id(2, 2))
        self.assertIn('24h00m01s apart', told)
        self.assertIn('--at 2026-10-03T02:00:03.', told)
        rows, _ = self.recover('--server web --dry-run --at 2026-10-03T02:00:03')
        self.assertEqual([row['Backup'] for row in rows], self.nights[2])

    def test_label_restores_all_volumes_of_a_rotation_from_its_backups(self) -> None:
        self.cloud.keep(4, volume_id=volume_id(2))
        weekly = self.cloud.back_up(4, 1, label='weekly')
        rows, _ = self.recover('--label rotation --dry-run')
        self.assertEqual([row['Backup'] for row in rows], self.nights[3])
        rows, _ = self.recover('--label weekly --dry-run')
        self.assertEqual([row['Backup'] for row in rows], weekly)
        self.refused('--label monthly', "rotation 'monthly'")

    def test_uncertain_backup_is_named(self) -> None:
        number = volume_id(9)
        late = '2026-10-09T00:00:00.000000'
        good = self.cloud.keep(4, volume_id=number)
        bad = self.cloud.keep(5, volume_id=number)
        child = self.cloud.keep(6, good, volume_id=number)
        self.cloud.change(good, updated_at=late)
        self.cloud.change(bad, updated_at=late, status='error')
        rows, told = self.recover(f'--volume {number} --dry-run')
        self.assertEqual(rows[0]['Backup'], good)
        self.assertIn(f'To try it: openstack volume backup restore {child}\n', told)

    def test_ambiguous_volume_is_refused(self) -> None:
        for number in (7, 8):
            metadata = labels.properties('rotation', 'x', labels.Origin(volume_name='twin'))
            self.cloud.keep(number, volume_id=volume_id(number), metadata=metadata)
        self.refused('--volume twin', '2 volumes', volume_id(7), volume_id(8))

    def test_unknown_volume_is_refused(self) -> None:
        self.refused('--volume nosuch', "'nosuch'", 'labels')

    def test_temporary_volume_is_not_taken_for_one_of_the_server(self) -> None:
        copy = self.cloud.add_volume(8)
        here = [{'server_id': SERVER, 'device': '/dev/vdz'}]
        self.cloud.volumes[copy].update(consumes_quota=False, attachments=here)
        self.assertEqual(len(self.recover('--server web --dry-run')[0]), NIGHTS)


class RefusalTest(RecoverTest):
    """What is checked before anything is requested."""

    def test_volume_without_a_backup_is_refused(self) -> None:
        self.cloud.back_up(4, 4)
        self.refused(
            f'--volume v1 --volume v4 {at(2)}',
            f"Volume 'v4' ({volume_id(4)}) has no restorable backup by 2026-10-03T03:00:00.",
            '--partial',
        )

    def test_several_volumes_without_a_backup_are_named(self) -> None:
        for day, number in ((1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 2)):
            self.cloud.change(backup_id(day, number), status='error')
        self.refused('--server web', '2 volumes have no restorable backup', "'v1'", "'v2'")

    def test_partial_restores_the_others_and_reports_it(self) -> None:
        for day in self.nights:
            self.cloud.change(backup_id(day, 2), status='error')
        rows, told = self.recover('--server web --partial --wait', status=4)
        self.assertEqual([row['Status'] for row in rows], ['available', 'no backup', 'available'])
        self.assertIsNone(rows[1]['Backup'])
        self.assertIn("Volume 'v2'", told)
        self.assertTrue(told.endswith('1 of 3 volumes were not recovered.\n'))

    def test_partial_with_nothing_to_restore_is_refused(self) -> None:
        for day in self.nights:
            self.cloud.change(backup_id(day, 2), status='error')
        message = self.refused('--volume v2 --partial', 'no restorable backup')
        self.assertNotIn('--partial', message)

    def test_dry_run_shows_the_plan_and_changes_nothing(self) -> None:
        rows, told = self.recover('--server web --dry-run --wait')
        self.assertEqual({row['Status'] for row in rows}, {'planned'})
        self.assertEqual([row['Backup'] for row in rows], self.nights[3])
        self.assertEqual(self.made, [])
        self.assertNotIn('add volume', told)
        result = self.openstack(f'{RECOVER} --volume v2 --dry-run')
        self.assertIn('v2-as-of-2026-10-04T02:00', result.stdout)

    def test_quota_is_summed_first(self) -> None:
        for limits, words in (
            ({'maxTotalVolumes': 5, 'totalVolumesUsed': 3}, ('5 volumes', '3 new volumes')),
            ({'maxTotalVolumeGigabytes': 10, 'totalGigabytesUsed': 8}, ('10 GiB', 'need 3 GiB')),
        ):
            with self.subTest(limits=limits):
                self.cloud.limits = limits
                self.refused('--server web', *words)

    def test_quota_that_fits_exactly_is_enough(self) -> None:
        self.cloud.limits = {
            'maxTotalVolumes': 5,
            'totalVolumesUsed': 2,
            'maxTotalVolumeGigabytes': 10,
            'totalGigabytesUsed': 7,
        }
        self.assertEqual(len(self.recover('--server web')[0]), NIGHTS)

    def test_quota_that_may_not_be_read_is_not_checked(self) -> None:
        self.cloud.refuse('GET /limits', 403, 'Policy does not allow it.')
        self.assertEqual(len(self.recover('--server web')[0]), NIGHTS)

    def test_encrypted_backup_goes_to_the_labelled_type_only(self) -> None:
        self.cloud.change(backup_id(3, 2), encryption_key_id='key')
        self.refused('--server web --type slow', 'encrypted', "'fast'", "'slow'")
        self.recover('--server web --type fast')
        self.assertEqual({each['volume_type'] for each in self.cloud.wanted}, {'fast'})

    def test_encrypted_backup_of_unknown_type_is_refused(self) -> None:
        self.cloud.keep(7, volume_id=volume_id(7), encryption_key_id='key')
        self.refused(f'--volume {volume_id(7)}', 'encrypted', '--type')
        self.recover(f'--volume {volume_id(7)} --type secret')
        self.assertEqual(self.cloud.wanted[0]['volume_type'], 'secret')

    def test_encrypted_backup_by_hand_takes_the_type_from_another_backup(self) -> None:
        self.cloud.keep(7, volume_id=volume_id(2), encryption_key_id='key')
        self.recover('--volume v2')
        self.assertEqual(self.cloud.wanted[0]['volume_type'], 'fast')

    def test_selections_exclude_each_other(self) -> None:
        for arguments in (
            '--server web --volume v1',
            '--server web --label rotation',
            '--label rotation --volume v1',
        ):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.openstack(f'{RECOVER} {arguments}').status, 2)
        self.assert_asked()

    def test_selection_is_required(self) -> None:
        self.assert_misused(RECOVER, 'one of the arguments --server --volume --label is required')

    def test_invalid_name_format_is_a_usage_error(self) -> None:
        for format_ in ('{date}', '{volume.id}', '{', ''):
            with self.subTest(format=format_):
                argv = [*RECOVER.split(), '--server', 'web', '--name-format', format_]
                self.assertEqual(self.openstack(argv).status, 2)
        self.assert_asked()

    def test_microversion_is_required(self) -> None:
        self.use_recovering(maximum='3.46')
        self.refused('--server web', '3.47', 'to create volumes from backups')


class RunTest(RecoverTest):
    """The restores."""

    def test_restores_run_at_most_so_many_at_once(self) -> None:
        self.recover('--server web --wait --concurrency 2')
        self.assertEqual(self.cloud.most_restoring, 2)
        self.assertEqual(len(self.restored()), NIGHTS)

    def test_without_a_wait_all_are_requested(self) -> None:
        self.recover('--server web --concurrency 1')
        self.assertEqual(self.cloud.most_restoring, NIGHTS)

    def test_failure_of_one_does_not_stop_the_others(self) -> None:
        self.cloud.spoiled = {backup_id(3, 1)}
        rows, told = self.recover('--server web --wait --concurrency 1', status=4)
        self.assertEqual([row['Status'] for row in rows], ['failed', 'available', 'available'])
        made = self.made[0]['id']
        self.assertEqual(rows[0]['New Volume'], made)
        self.assertIn(f'openstack volume delete {made}', told)
        self.assertNotIn(f'web {made}', told)
        self.assertTrue(told.endswith('1 of 3 volumes were not recovered.\n'))

    def test_refused_request_does_not_stop_the_others(self) -> None:
        self.cloud.refuse('POST /volumes', 404, 'Volume type fast could not be found.')
        rows, told = self.recover('--server web', status=4)
        self.assertEqual([row['Status'] for row in rows], ['failed', 'creating', 'creating'])
        self.assertIn('Volume type fast could not be found', told)

    def test_failure_of_all_has_status_1(self) -> None:
        self.cloud.spoiled = set(self.nights[3])
        _, told = self.recover('--server web --wait', status=1)
        self.assertTrue(told.endswith('3 of 3 volumes were not recovered.\n'))
        self.assertNotIn('To attach', told)

    def test_failure_of_a_single_volume_is_told_once(self) -> None:
        self.cloud.spoiled = {backup_id(3, 2)}
        rows, told = self.recover('--volume v2 --wait', status=1)
        self.assertEqual([row['Status'] for row in rows], ['failed'])
        self.assertEqual(told.count('error_restoring.'), 1)

    def test_timeout_has_status_3_and_shows_what_was_made(self) -> None:
        self.cloud.restores_in = 60
        rows, told = self.recover('--server web --wait --concurrency 2 --timeout 10s', status=3)
        self.assertEqual([row['Status'] for row in rows], ['creating', 'creating', 'not requested'])
        first, second = (each['id'] for each in self.made)
        for word in (
            f'openstack volume show {first}',
            f'openstack volume show {second}',
            f"Not started: volume 'v3' ({volume_id(3)})",
            '--continue',
        ):
            self.assertIn(word, told)
        self.assertNotIn('To attach', told)

    def test_timeout_after_a_failure_has_status_4(self) -> None:
        self.cloud.spoiled = {backup_id(3, 1)}
        self.cloud.restores_in = 6
        _, told = self.recover('--server web --wait --concurrency 1 --timeout 15s', status=4)
        self.assertIn('Timed out after 15s', told)

    def test_ctrl_c_has_status_130_and_shows_what_was_made(self) -> None:
        self.clock.interrupt_at(1)
        rows, told = self.recover('--server web --wait --concurrency 1', status=130)
        self.assertEqual(
            [row['Status'] for row in rows], ['creating', 'not requested', 'not requested']
        )
        self.assertIn('Interrupted; nothing was cancelled', told)

    def test_backup_that_vanishes_before_its_restore_fails(self) -> None:
        gone = backup_id(3, 3)
        self.cloud.after(1, lambda: self.cloud.remove(gone))
        rows, told = self.recover('--server web --wait --concurrency 1', status=4)
        self.assertEqual(rows[2]['Status'], 'failed')
        self.assertIn(f"Backup 'v3-3' ({gone}) does not exist any more.", told)

    def test_backup_that_is_being_restored_is_awaited(self) -> None:
        busy = backup_id(3, 2)
        self.cloud.change(busy, status='restoring')
        self.cloud.after(5, lambda: self.cloud.change(busy, status='available'))
        rows, _ = self.recover('--volume v2 --wait')
        self.assertEqual((rows[0]['Backup'], rows[0]['Status']), (busy, 'available'))

    def test_backup_that_is_being_restored_fails_without_a_wait(self) -> None:
        self.cloud.change(backup_id(3, 2), status='restoring')
        rows, told = self.recover('--volume v2', status=1)
        self.assertEqual(rows[0]['Status'], 'failed')
        self.assertIn('in status restoring', told)

    def test_outage_of_the_cloud_is_ridden_out(self) -> None:
        self.cloud.on('GET /backups/detail', status=503)
        self.cloud.on('POST /volumes', status=429)
        rows, told = self.recover('--server web')
        self.assertEqual(len(rows), NIGHTS)
        self.assertIn('Retrying until the cloud answers.', told)


class AgainTest(RecoverTest):
    """A second run."""

    def test_volumes_that_are_still_restored_are_not_created_again(self) -> None:
        self.cloud.restores_in = 20
        self.recover('--server web')
        rows, told = self.recover('--server web --wait')
        self.assertEqual({row['Status'] for row in rows}, {'available'})
        self.assertEqual(self.restored(), self.nights[3])
        self.assertEqual(told.count('is still being restored'), NIGHTS)

    def test_restored_volumes_are_not_created_again_in_silence(self) -> None:
        self.recover('--volume v1 --wait')
        result = self.openstack(f'{RECOVER} --server web --wait')
        self.assertEqual((result.status, result.stdout), (1, ''))
        made = self.made[0]['id']
        for word in (made, '--continue', '--name-format', 'Nothing was requested.'):
            self.assertIn(word, result.stderr)
        self.assertEqual(len(self.made), 1)

    def test_continue_recovers_the_rest(self) -> None:
        self.recover('--volume v1 --wait')
        rows, told = self.recover('--server web --wait --continue')
        self.assertEqual({row['Status'] for row in rows}, {'available'})
        self.assertEqual(self.restored(), self.nights[3])
        self.assertIn(f'--volume {self.made[0]["id"]} --flavor', told)

    def test_continue_needs_quota_for_the_rest_only(self) -> None:
        self.recover('--volume v1 --volume v2 --wait')
        self.cloud.limits = {'maxTotalVolumes': 3, 'totalVolumesUsed': 2}
        self.recover('--server web --wait --continue')

    def test_continue_with_everything_done_changes_nothing(self) -> None:
        self.recover('--server web --wait')
        rows, _ = self.recover('--server web --continue')
        self.assertEqual({row['Status'] for row in rows}, {'available'})
        self.assertEqual(self.restored(), self.nights[3])

    def test_volume_in_use_is_kept_and_has_no_attach_command(self) -> None:
        self.recover('--server web --wait')
        used = next(each for each in self.made if each['from'] == backup_id(3, 2))
        used['status'] = 'in-use'
        rows, told = self.recover('--server web --continue')
        self.assertEqual(rows[1]['Status'], 'in-use')
        self.assertNotIn(used['id'], told)

    def test_another_name_restores_again(self) -> None:
        self.recover('--volume v1 --wait')
        self.recover('--volume v1 --wait --name-format {volume}-second')
        self.assertEqual(self.restored(), [backup_id(3, 1)] * 2)

    def test_another_backup_restores_again(self) -> None:
        self.recover('--volume v1 --wait --name-format {volume}')
        self.recover(f'--volume v1 --wait --name-format {{volume}} {at(2)}')
        self.assertEqual(self.restored(), [backup_id(2, 1), backup_id(3, 1)])

    def test_failed_volume_is_named_and_restored_again(self) -> None:
        self.cloud.spoiled = {backup_id(3, 1)}
        self.recover('--volume v1 --wait', status=1)
        self.cloud.spoiled = set()
        rows, told = self.recover('--volume v1 --wait')
        failed, made = self.made
        self.assertEqual(rows[0]['New Volume'], made['id'])
        self.assertIn(f'To delete it: openstack volume delete {failed["id"]}', told)
