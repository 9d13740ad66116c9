# SPDX-License-Identifier: Apache-2.0
"""Commands whose requests are in flight at once, through the real shell and a simulated Cinder."""

import json
import re

from backupext import parallel
from tests.unit.flight import Hang, Meeting, ctrl_c_works
from tests.unit.living import LivingTest
from tests.unit.recovering import RecoveringTest, volume_id
from tests.unit.rows import OTHER_VOLUME_ID, VOLUME_ID
from tests.unit.stub import OTHER_PROJECT

MANY = 6


class InFlightTest(LivingTest):
    at_once = parallel.LIMIT

    def expect_at_once(self, line: str, number: int) -> None:
        """Answer matching requests only when a number of them has arrived."""
        meeting, pattern = Meeting(number), re.compile(line)

        def meet(line: str) -> None:
            if pattern.fullmatch(line):
                meeting.attend()

        self.cloud.before_answer = meet

    def keep_full(self, number: int = MANY) -> list[str]:
        return [self.cloud.keep(each) for each in range(1, number + 1)]


class DeleteTest(InFlightTest):
    def assert_deletes(self, arguments: str) -> None:
        result = self.openstack(f'volume backup {arguments}')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.cloud.left, set())

    def test_backups_are_looked_up_at_once(self) -> None:
        ids = self.keep_full(3)
        self.expect_at_once('GET /backups/.*', 3)
        self.assert_deletes(f'delete {" ".join(ids)}')

    def test_backups_of_other_projects_are_looked_up_at_once(self) -> None:
        self.use_living(roles=('admin',))
        ids = [self.cloud.keep(each, project=OTHER_PROJECT) for each in range(1, MANY + 1)]
        self.expect_at_once('GET /backups/1.*', MANY)
        self.assert_deletes(f'delete {" ".join(ids)}')

    def test_unrelated_backups_are_deleted_at_once(self) -> None:
        ids = self.keep_full()
        self.expect_at_once('DELETE .*', MANY)
        self.assert_deletes(f'delete {" ".join(ids)} --wait')

    def test_parents_are_deleted_at_once_after_their_children(self) -> None:
        for number, volume in ((1, VOLUME_ID), (11, OTHER_VOLUME_ID)):
            self.keep_chain(3, first=number, volume_id=volume)
        self.expect_at_once('DELETE .*', 2)
        names = ' '.join(f'b{number}' for number in (1, 2, 3, 11, 12, 13))
        self.assert_deletes(f'delete {names} --wait')
        self.assertEqual(self.cloud.refused, [])

    def test_dependents_are_read_a_generation_at_once(self) -> None:
        self.use_living(roles=('admin',))
        full = self.cloud.keep(1)
        for number in range(2, 2 + MANY):
            self.cloud.keep(number + 10, self.cloud.keep(number, full))
        self.expect_at_once(f'GET .*parent_id=(?!{full}).*', MANY)
        self.assert_deletes(f'delete {full} --cascade --auto-approve')
        self.assertEqual(len([line for line in self.cloud.lines if 'parent_id' in line]), 13)

    def test_failure_among_successes_is_reported(self) -> None:
        ids = self.keep_full()
        self.cloud.refuse(f'DELETE /backups/{ids[2]}', 403, 'Policy forbids it.')
        self.expect_at_once('DELETE .*', MANY)
        result = self.openstack(f'volume backup delete {" ".join(ids)}')
        self.assertEqual(result.status, 1)
        self.assertIn('Policy forbids it', result.stderr)
        self.assertIn('1 of 6 backups failed to delete.', result.stderr)
        self.assertEqual(self.cloud.left, {ids[2]})

    def test_failures_are_reported_in_the_order_of_the_works(self) -> None:
        ids = self.keep_full()
        for id_ in ids:
            self.cloud.refuse(f'DELETE /backups/{id_}', 403, 'Policy forbids it.')
        self.expect_at_once('DELETE .*', MANY)
        result = self.openstack(f'volume backup delete {" ".join(ids)}')
        reported = re.findall(r"backup '(b\d)'", result.stderr)
        self.assertEqual(reported, ['b6', 'b5', 'b4', 'b3', 'b2', 'b1'])


class OtherCommandTest(InFlightTest):
    def test_prune_reads_and_deletes_at_once(self) -> None:
        self.keep_full(5)
        for line in ('GET /backups/1.*', 'DELETE .*'):
            with self.subTest(line):
                self.setUp()
                self.keep_full(5)
                self.expect_at_once(line, 4)
                prune = 'volume backup prune --all-volumes --keep-last 1 --auto-approve'
                result = self.openstack(prune)
                self.assertEqual((result.status, len(self.cloud.left)), (0, 1), result.stderr)

    def test_volumes_are_listed_at_once(self) -> None:
        for number, volume in enumerate((VOLUME_ID, OTHER_VOLUME_ID)):
            self.cloud.keep(number, volume_id=volume)
        self.expect_at_once('GET /backups/detail.*', 2)
        volumes = f'--volume {OTHER_VOLUME_ID} --volume {VOLUME_ID}'
        result = self.openstack(f'volume backup tree {volumes} -f json')
        self.assertEqual(len(json.loads(result.stdout)), 2)

    def test_exact_tree_reads_children_at_once(self) -> None:
        self.use_living(roles=('admin',))
        self.keep_chain(MANY)
        self.expect_at_once('GET .*parent_id.*', MANY)
        result = self.openstack('volume backup tree --exact -f json')
        self.assertEqual(len(json.loads(result.stdout)), MANY)

    def test_first_failure_of_an_exact_tree_is_raised(self) -> None:
        self.use_living(roles=('admin',))
        ids = self.keep_chain(3)
        for id_ in ids:
            line = f'GET /backups/detail?parent_id={id_}&all_tenants=1'
            self.cloud.refuse(line, 403, f'Policy forbids {id_}.')
        self.expect_at_once('GET .*parent_id.*', 3)
        result = self.openstack('volume backup tree --exact')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn(f'Policy forbids {ids[-1]}', result.stderr)


class ServerTest(RecoveringTest):
    at_once = parallel.LIMIT

    def test_servers_are_looked_up_at_once(self) -> None:
        servers = {f'web{number}': volume_id(500 + number) for number in range(MANY)}
        self.cloud.servers = [{'id': id_, 'name': name} for name, id_ in servers.items()]
        for number, id_ in enumerate(servers.values()):
            self.cloud.add_volume(number, attachments=[{'server_id': id_, 'device': '/dev/vdb'}])
        meeting = Meeting(MANY)

        def meet(line: str) -> None:
            if line.startswith('GET /servers'):
                meeting.attend()

        self.cloud.before_answer = meet
        selection = ' '.join(f'--server {name}' for name in servers)
        result = self.openstack(f'volume backup rotate {selection} --dry-run -f json')
        self.assertEqual(len(json.loads(result.stdout)), MANY, result.stderr)


class CtrlCTest(InFlightTest):
    def hang(self, line: str, number: int) -> None:
        """Let matching requests hang; press Ctrl-C when a number of them has arrived."""
        context = ctrl_c_works()
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        hang, pattern = Hang(number), re.compile(line)
        self.addCleanup(hang.end)

        def join(line: str) -> None:
            if pattern.fullmatch(line):
                hang.join()

        self.cloud.before_answer = join

    def test_ctrl_c_ends_hanging_deletions(self) -> None:
        for options in ('', ' --wait'):
            with self.subTest(options):
                self.use_living()
                ids = self.keep_full(2)
                self.cloud.keep(9, volume_id=OTHER_VOLUME_ID)
                self.hang('DELETE .*', 2)
                result = self.openstack(f'-q volume backup delete {" ".join(ids)}{options}')
                self.assertEqual((result.status, result.stdout), (130, ''))
                self.assertEqual(
                    result.stderr,
                    'Interrupted; nothing was cancelled. The cloud may still be working on backup '
                    f"'b2' ({ids[1]}), backup 'b1' ({ids[0]}).\n",
                )

    def test_ctrl_c_ends_hanging_look_ups(self) -> None:
        ids = self.keep_full(3)
        self.hang('GET /backups/.*', 3)
        for command in ('wait', 'delete'):
            with self.subTest(command):
                result = self.openstack(f'volume backup {command} {" ".join(ids)}')
                self.assertEqual(result.status, 130)
                self.assertEqual(result.stderr, 'Interrupted.\n')
                self.hang('GET /backups/.*', 3)
