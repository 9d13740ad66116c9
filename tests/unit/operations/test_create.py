# SPDX-License-Identifier: Apache-2.0
"""Creating exactly once, and a full backup if an incremental one is not possible."""

import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import requests

from tests.unit.clock import FakeClock
from tests.unit.rows import ID, OTHER_ID, SNAPSHOT_ID, VOLUME_ID, backup, snapshot, volume
from tests.unit.shell import CommandTest, Result
from tests.unit.stub import OTHER_PROJECT, OWN_PROJECT

POST = 'POST /backups'
CREATE = f'volume backup create {VOLUME_ID} --name nightly -f value -c id'
LOOK = f'GET /backups/detail?volume_id={VOLUME_ID}'
CREATED = {'backup': {'id': ID, 'name': 'nightly', 'links': []}}
RESET = requests.exceptions.ConnectionError('Connection reset by peer')

# The cloud's time of the request.
THEN = datetime(2026, 11, 1, 2, tzinfo=timezone.utc)
MADE = '2026-11-01T02:00:00.400000'


def made(id_: str = ID, **changes: Any) -> dict[str, Any]:
    """Return the backup that the request has created."""
    return backup(id_, **{'status': 'creating', 'created_at': MADE, **changes})


class LostAnswerTest(CommandTest):
    def setUp(self) -> None:
        self.use_time(THEN)

    def use_time(self, time: datetime, **kwargs: Any) -> None:
        """Start a cloud that sends its time."""
        self.clock = FakeClock()
        self.use_cloud(**kwargs).date = lambda: time + timedelta(seconds=self.clock.passed)

    def lose_answer(self, status: int | None) -> None:
        if status:
            self.cloud.refuse(POST, status, 'Boom.')
        else:
            self.cloud.fail(POST, RESET)

    def on_look(self, *rows: dict[str, Any]) -> None:
        self.cloud.on(LOOK, {'backups': list(rows)})

    def assert_made_once(self, arguments: str = CREATE, id_: str = ID) -> None:
        result = self.openstack(arguments)
        self.assertEqual((result.status, result.stdout), (0, f'{id_}\n'), result.stderr)
        self.assertRegex(
            result.stderr, rf'\AThe request failed, but backup .*{id_}\)? is being created\.\n\Z'
        )
        self.assertEqual(self.cloud.lines.count(POST), 1)

    def test_existing_backup_is_not_created_again(self) -> None:
        for status in (None, 500, 502, 503, 504):
            with self.subTest(status):
                self.use_time(THEN)
                self.lose_answer(status)
                self.on_look(made())
                self.assert_made_once()
                self.assert_asked(POST, LOOK)

    def test_backup_that_appears_late_is_not_created_again(self) -> None:
        self.cloud.fail(POST, RESET)
        self.on_look()
        self.on_look()
        self.on_look(made())
        self.assert_made_once()
        self.assert_asked(POST, LOOK, LOOK, LOOK)
        self.assertEqual(self.clock.sleeps, [1, 2, 4])

    def test_failed_backup_is_not_created_again(self) -> None:
        self.cloud.fail(POST, RESET)
        self.on_look(made(status='error'))
        self.assert_made_once()

    def test_missing_backup_is_created_again(self) -> None:
        self.cloud.fail(POST, RESET)
        self.cloud.on(POST, CREATED, status=202)
        self.on_look()
        self.assert_prints(CREATE, f'{ID}\n')
        self.assert_asked(POST, LOOK, LOOK, LOOK, POST)
        self.assertEqual(self.cloud.asked[0].body, self.cloud.asked[-1].body)

    def test_number_of_tries_is_limited(self) -> None:
        self.cloud.refuse(POST, 500, 'Boom.')
        self.on_look()
        self.assert_fails(
            CREATE,
            f'Cannot back up volume {VOLUME_ID}: the server failed (the server said: Boom). Try '
            'again later. If it fails again, ask the operator of the cloud.',
        )
        self.assert_asked(*[POST, LOOK, LOOK, LOOK] * 3)

    def test_refusal_does_not_hide_the_first_failure(self) -> None:
        for options in ('', '--wait'):
            with self.subTest(options):
                self.use_time(THEN)
                self.cloud.refuse(POST, 500, 'Boom.')
                self.cloud.refuse(POST, 400, 'Invalid volume: its status is backing-up.')
                self.on_look()
                self.assert_fails(
                    f'{CREATE} {options}',
                    f'Cannot back up volume {VOLUME_ID}: the server failed (the server said: '
                    f'Boom). The next try failed too. Cannot back up volume {VOLUME_ID}: Invalid '
                    'volume: its status is backing-up.',
                )
                self.assert_asked(POST, LOOK, LOOK, LOOK, POST)

    def test_second_failure_does_not_hide_the_first(self) -> None:
        self.cloud.refuse(POST, 500, 'Boom.')
        self.cloud.refuse(POST, 429, 'Slow down.')
        self.on_look()
        result = self.openstack(CREATE)
        self.assertEqual(result.status, 1)
        self.assertIn('Boom', result.stderr)
        self.assertIn('Slow down', result.stderr)

    def test_refusal_after_429_is_reported_alone(self) -> None:
        self.cloud.refuse(POST, 429, 'Slow down.')
        self.cloud.refuse(POST, 400, 'Invalid volume: its status is backing-up.')
        self.assert_fails(
            CREATE, f'Cannot back up volume {VOLUME_ID}: Invalid volume: its status is backing-up.'
        )

    def test_number_of_tries_is_limited_with_wait(self) -> None:
        self.cloud.refuse(POST, 503, 'Busy.')
        self.on_look()
        result = self.openstack(f'{CREATE} --wait')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('the service is not available', result.stderr)
        self.assert_asked(*[POST, LOOK, LOOK, LOOK] * 3)

    def test_older_backup_with_the_same_name_is_not_mistaken(self) -> None:
        self.cloud.fail(POST, RESET)
        self.cloud.on(POST, CREATED, status=202)
        self.on_look(made(OTHER_ID, created_at='2026-11-01T01:59:57.000000'))
        self.assert_prints(CREATE, f'{ID}\n')
        self.assertEqual(self.cloud.lines.count(POST), 2)

    def test_clock_of_the_cloud_is_used(self) -> None:
        # Years before or after the clock of this machine.
        for year in ('1999', '2077'):
            with self.subTest(year):
                self.use_time(THEN.replace(year=int(year)))
                self.cloud.fail(POST, RESET)
                self.on_look(made(created_at=MADE.replace('2026', year)))
                self.assert_made_once()

    def test_duration_of_the_request_is_allowed_for(self) -> None:
        self.cloud.fail(POST, RESET)
        # A cloud whose clock stands still: the third look is seven seconds after the request.
        self.cloud.date = lambda: THEN
        self.on_look()
        self.on_look()
        self.on_look(made(created_at='2026-11-01T01:59:53.000000'))
        self.assert_made_once()

    def test_whole_seconds_of_the_clouds_clock_are_allowed_for(self) -> None:
        # Created before the second in the answer, by servers whose clocks differ by a second.
        self.cloud.fail(POST, RESET)
        self.on_look(made(created_at='2026-11-01T01:59:58.500000'))
        self.assert_made_once()

    def test_local_clock_is_used_without_a_clock_of_the_cloud(self) -> None:
        self.cloud.date = None
        self.cloud.fail(POST, RESET)
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        self.on_look(made(created_at=now.isoformat(timespec='microseconds')))
        self.assert_made_once()

    def test_other_backup_of_the_same_time_is_not_mistaken(self) -> None:
        for other in (
            {'name': 'weekly'},
            {'name': None},
            {'name': 'NIGHTLY'},
            {'snapshot_id': SNAPSHOT_ID},
            {'metadata': {'by': 'somebody'}},
        ):
            with self.subTest(other):
                self.use_time(THEN)
                self.cloud.fail(POST, RESET)
                self.cloud.on(POST, CREATED, status=202)
                self.on_look(made(OTHER_ID, **other))
                self.assert_prints(CREATE, f'{ID}\n')
                self.assertEqual(self.cloud.lines.count(POST), 2)

    def test_all_given_options_are_compared(self) -> None:
        for options, fields in (
            ('--incremental', {'is_incremental': True}),
            (f'--snapshot {SNAPSHOT_ID}', {'snapshot_id': SNAPSHOT_ID}),
            ('--property a=1 --property b=2', {'metadata': {'b': '2', 'a': '1'}}),
            ("--name ' spaced '", {'name': 'spaced'}),
            ("--name ''", {'name': None}),
            ("--name ''", {'name': ''}),
            ('--description text --force', {'description': 'text'}),
        ):
            with self.subTest(options):
                self.use_time(THEN)
                self.cloud.fail(POST, RESET)
                self.on_look(made(**fields))
                self.assert_made_once(f'{CREATE} {options}')

    def test_last_of_several_matches_is_chosen(self) -> None:
        self.cloud.fail(POST, RESET)
        earlier = made(OTHER_ID, created_at='2026-11-01T02:00:00.100000')
        self.on_look(earlier, made())
        self.assert_made_once()

    def test_hidden_properties_are_not_compared(self) -> None:
        self.use_time(THEN, maximum='3.42')
        self.cloud.fail(POST, RESET)
        row = made()
        del row['metadata']
        self.on_look(row)
        self.assertEqual(self.openstack(CREATE).stdout, f'{ID}\n')
        # The first request is rejected because of its version.
        self.assertEqual(self.cloud.lines.count(POST), 2)

    def test_search_is_repeated_while_the_cloud_does_not_answer(self) -> None:
        self.cloud.fail(POST, RESET)
        self.cloud.fail(LOOK, RESET)
        self.cloud.refuse(LOOK, 503, 'Starting.')
        self.on_look(made())
        self.assert_made_once()

    def test_unanswered_search_leaves_the_outcome_unknown(self) -> None:
        self.cloud.fail(POST, RESET)
        self.cloud.refuse(LOOK, 503, 'Starting.')
        self.assert_fails(
            CREATE,
            'Cannot list backups: the service is not available (the server said: Starting). '
            'It is unknown whether the backup is being created. Before you try again, check: '
            f'openstack volume backup list --volume {VOLUME_ID}',
        )
        self.assert_asked(POST, LOOK, LOOK, LOOK)

    def test_refused_search_leaves_the_outcome_unknown(self) -> None:
        self.cloud.fail(POST, RESET)
        self.cloud.refuse(LOOK, 403, 'Policy forbids it.')
        result = self.openstack(CREATE)
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('It is unknown whether the backup is being created', result.stderr)
        self.assert_asked(POST, LOOK)

    def test_retries_in_clouds_yaml_do_not_repeat_the_request(self) -> None:
        for status in (None, 503):
            with self.subTest(status), tempfile.TemporaryDirectory() as directory:
                self.use_time(THEN)
                self.lose_answer(status)
                self.on_look(made())
                self.cloud.configure(
                    Path(directory, 'clouds.yaml'), connect_retries=2, status_code_retries=2
                )
                self.assert_made_once()

    def test_ctrl_c_during_the_search_is_one_sentence(self) -> None:
        self.cloud.fail(POST, RESET)
        self.on_look()
        self.clock.interrupt_at(2)
        result = self.openstack(CREATE)
        self.assertEqual((result.status, result.stdout), (130, ''))
        self.assertIn('unknown', result.stderr)

    def test_ctrl_c_during_a_look_up_is_one_sentence(self) -> None:
        for options in ('', '--wait'):
            with self.subTest(options):
                self.use_time(THEN)
                self.cloud.fail(POST, RESET)
                self.cloud.fail(LOOK, KeyboardInterrupt())
                self.assert_interrupted(f'{CREATE} {options}')

    def test_ctrl_c_during_the_request_is_one_sentence(self) -> None:
        for options in ('', '--wait'):
            with self.subTest(options):
                self.use_time(THEN)
                self.cloud.fail(POST, KeyboardInterrupt())
                self.assert_interrupted(f'{CREATE} {options}')

    def assert_interrupted(self, arguments: str) -> None:
        self.assert_fails(
            arguments,
            'Interrupted. It is unknown whether the backup is being created. Before you try again, '
            f'check: openstack volume backup list --volume {VOLUME_ID}',
            status=130,
        )

    def test_answered_request_needs_no_search(self) -> None:
        self.cloud.on(POST, CREATED, status=202)
        self.assert_prints(CREATE, f'{ID}\n')
        self.assert_asked(POST)

    def test_refused_request_needs_no_search(self) -> None:
        for status in (400, 403, 409, 413):
            with self.subTest(status):
                self.use_cloud().refuse(POST, status, 'No.')
                self.assertEqual(self.openstack(CREATE).status, 1)
                self.assert_asked(POST)

    def test_search_uses_the_id_of_the_volume(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.cloud.fail(POST, RESET)
        self.on_look(made())
        self.assert_made_once('volume backup create data --name nightly -f value -c id')

    def test_found_backup_is_waited_for(self) -> None:
        self.cloud.fail(POST, RESET)
        self.on_look(made())
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup()})
        result = self.openstack(f'-q {CREATE} --wait')
        self.assertEqual(result, Result(0, f'{ID}\n', ''))
        self.assertEqual(self.cloud.lines[-1], f'GET /backups/{ID}')


class TooManyRequestsTest(CommandTest):
    """The request was not carried out, so it is repeated without a search."""

    def test_request_is_repeated_after_retry_after(self) -> None:
        self.cloud.on(POST, {}, status=429, headers={'Retry-After': '42'})
        self.cloud.on(POST, CREATED, status=202)
        self.assert_prints(CREATE, f'{ID}\n')
        self.assert_asked(POST, POST)
        self.assertEqual(self.clock.sleeps, [42])

    def test_number_of_tries_is_limited(self) -> None:
        self.cloud.refuse(POST, 429, 'Slow down.')
        self.assert_fails(
            CREATE,
            f'Cannot back up volume {VOLUME_ID}: too many requests (the server '
            'said: Slow down). Try again later.',
        )
        self.assert_asked(POST, POST, POST)

    def test_last_try_has_no_pause(self) -> None:
        self.cloud.on(POST, {}, status=429, headers={'Retry-After': '42'})
        self.assertEqual(self.openstack(CREATE).status, 1)
        self.assertEqual(self.clock.sleeps, [42, 42])


class AllowFullTest(CommandTest):
    ALLOW = f'{CREATE} --incremental --allow-full'

    def setUp(self) -> None:
        super().setUp()
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})

    def on_backups(self, *rows: dict[str, Any]) -> None:
        self.cloud.on(LOOK, {'backups': list(rows)})

    def bodies(self) -> list[Any]:
        return [asked.body['backup'] for asked in self.cloud.asked if asked.line == POST]

    def assert_full(self, arguments: str, why: str) -> None:
        self.cloud.on(POST, CREATED, status=202)
        self.assert_prints(
            arguments, f'{ID}\n', f"Requested a full backup: 'nightly' ({ID}), because {why}."
        )
        self.assertNotIn('incremental', self.bodies()[-1])

    def assert_incremental(self, arguments: str) -> None:
        self.cloud.on(POST, CREATED, status=202)
        self.assert_prints(
            arguments, f'{ID}\n', f"Requested an incremental backup: 'nightly' ({ID})."
        )
        self.assertEqual([body['incremental'] for body in self.bodies()], [True])

    def test_volume_with_backup_gets_an_incremental_one(self) -> None:
        self.on_backups(backup(OTHER_ID))
        self.assert_incremental(self.ALLOW)

    def test_volume_without_backup_gets_a_full_one(self) -> None:
        self.on_backups()
        self.assert_full(self.ALLOW, 'the volume has no available backup to build on')
        self.assertEqual(len(self.bodies()), 1)

    def test_grown_volume_gets_a_full_backup(self) -> None:
        self.on_backups(backup(OTHER_ID, size=1))
        self.use_volume(size=2)
        self.assert_full(
            self.ALLOW, f"the volume has grown from 1 to 2 GiB since 'nightly' ({OTHER_ID})"
        )

    def use_volume(self, **changes: Any) -> None:
        self.cloud._answers.pop(f'GET /volumes/{VOLUME_ID}')  # noqa: SLF001
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume(**changes)})

    def test_size_is_compared_with_the_latest_backup(self) -> None:
        self.use_volume(size=2)
        later = '2026-11-02T02:00:00.000000'
        self.on_backups(
            backup(size=1), backup(OTHER_ID, size=2, created_at=later, data_timestamp=later)
        )
        self.assert_incremental(self.ALLOW)

    def test_vanished_parent_leads_to_a_full_backup(self) -> None:
        self.on_backups(backup(OTHER_ID))
        said = 'Invalid backup: No backups available to do an incremental backup.'
        self.cloud.refuse(POST, 400, said)
        self.assert_full(self.ALLOW, 'the volume has no backup to build on')
        self.assertEqual(self.cloud.lines.count(LOOK), 2)
        self.assertEqual([body.get('incremental') for body in self.bodies()], [True, None])

    def test_other_refusals_create_no_full_backup(self) -> None:
        self.on_backups(backup(OTHER_ID))
        self.cloud.refuse(POST, 400, 'Invalid volume: it is in-use.')
        self.assert_fails(
            self.ALLOW, f'Cannot back up volume {VOLUME_ID}: Invalid volume: it is in-use.'
        )
        self.assertEqual(len(self.bodies()), 1)

    def test_unavailable_newest_backup_leads_to_a_full_one_on_old_clouds(self) -> None:
        # Cinder 21 builds on the newest backup in any status, and refuses with its own words.
        later = '2026-11-02T02:00:00.000000'
        failed = {'status': 'error', 'created_at': later, 'data_timestamp': later}
        self.on_backups(backup(OTHER_ID, **failed), backup())
        self.cloud.refuse(POST, 400, 'Elternsicherung nicht bereit.')
        self.assert_full(
            self.ALLOW,
            f"the newest backup, 'nightly' ({OTHER_ID}), is in status error, and this cloud "
            'cannot build on an older one',
        )
        self.assertEqual([body.get('incremental') for body in self.bodies()], [True, None])

    def test_unavailable_newest_backup_is_passed_over_on_new_clouds(self) -> None:
        later = '2026-11-02T02:00:00.000000'
        failed = {'status': 'error', 'created_at': later, 'data_timestamp': later}
        self.on_backups(backup(OTHER_ID, **failed), backup())
        self.assert_incremental(self.ALLOW)

    def test_snapshot_older_than_all_backups_gets_an_incremental_one(self) -> None:
        # Cinder then chooses the newest available backup.
        taken = snapshot(created_at='2026-10-01T01:00:00.000000')
        self.cloud.on(f'GET /snapshots/{SNAPSHOT_ID}', {'snapshot': taken})
        self.on_backups(backup(OTHER_ID))
        self.assert_incremental(f'{self.ALLOW} --snapshot {SNAPSHOT_ID}')

    def test_cloud_decides_without_permission_to_read_the_volume(self) -> None:
        self.cloud._answers.pop(f'GET /volumes/{VOLUME_ID}')  # noqa: SLF001
        self.cloud.refuse(f'GET /volumes/{VOLUME_ID}', 401, 'Unauthorized')
        self.on_backups(backup(OTHER_ID))
        self.assert_incremental(self.ALLOW)

    def test_failed_list_creates_nothing(self) -> None:
        self.cloud.refuse(LOOK, 503, 'Busy.')
        self.assertEqual(self.openstack(self.ALLOW).status, 1)
        self.assertEqual(self.bodies(), [])

    def test_newer_snapshot_gets_an_incremental_backup(self) -> None:
        taken = snapshot(created_at='2026-11-03T01:00:00.000000')
        self.cloud.on(f'GET /snapshots/{SNAPSHOT_ID}', {'snapshot': taken})
        self.on_backups(backup(OTHER_ID))
        self.assert_incremental(f'{self.ALLOW} --snapshot {SNAPSHOT_ID}')

    def test_quiet_does_not_report_the_kind(self) -> None:
        self.on_backups()
        self.cloud.on(POST, CREATED, status=202)
        self.assert_prints(f'-q {self.ALLOW}', f'{ID}\n')

    def test_volume_is_looked_up_once(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.on_backups(backup(OTHER_ID))
        self.cloud.on(POST, CREATED, status=202)
        self.openstack('volume backup create data --incremental --allow-full')
        self.assert_asked('GET /volumes/detail?name=data', LOOK, POST)

    def test_allow_full_requires_incremental(self) -> None:
        for options in ('--allow-full', '--incremental --no-incremental --allow-full'):
            with self.subTest(options):
                self.assert_fails(f'{CREATE} {options}', '--allow-full requires --incremental.', 2)
        self.assert_asked()


class WaitTest(CommandTest):
    GET = f'GET /backups/{ID}'

    def setUp(self) -> None:
        super().setUp()
        self.cloud.on(POST, CREATED, status=202)

    def test_wait_prints_each_status(self) -> None:
        self.cloud.on(self.GET, {'backup': backup(status='creating')})
        self.cloud.on(self.GET, {'backup': backup()})
        self.assert_prints(
            f'{CREATE} --wait',
            f'{ID}\n',
            f"Backup 'nightly' ({ID}): creating\nBackup 'nightly' ({ID}): available",
        )
        self.assert_asked(POST, self.GET, self.GET)

    def test_failed_backup_is_reported(self) -> None:
        row = backup(status='error', fail_reason='No space left.')
        self.cloud.on(self.GET, {'backup': row})
        messages = [{'resource_uuid': ID, 'user_message': 'create backup: it is full.'}]
        self.cloud.on(f'GET /messages?resource_uuid={ID}', {'messages': messages})
        self.assert_fails(
            f'-q {CREATE} --wait',
            f"Backup 'nightly' ({ID}) is in status error (the server said: No space left; "
            'create backup: it is full).',
        )

    def test_vanished_backup_is_reported(self) -> None:
        self.cloud.refuse(self.GET, 404, 'Backup could not be found.')
        self.assert_fails(f'-q {CREATE} --wait', f"Backup 'nightly' ({ID}) no longer exists.")

    def test_time_limit_has_exit_status_3(self) -> None:
        self.cloud.on(self.GET, {'backup': backup(status='creating')})
        self.assert_fails(
            f'-q {CREATE} --wait --timeout 5m',
            'Timed out after 5m00s; nothing was cancelled. The cloud may still be working on '
            f"backup 'nightly' ({ID}) (to check: openstack volume backup show {ID}).",
            status=3,
        )
        self.assertEqual(self.clock.passed, 300)


class KindTest(CommandTest):
    """Ceph may make a full backup instead of an incremental one."""

    GET = f'GET /backups/{ID}'

    def setUp(self) -> None:
        super().setUp()
        self.cloud.on(POST, CREATED, status=202)
        self.cloud.on(LOOK, {'backups': [backup(OTHER_ID)]})
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})

    def said(self, options: str, **made_: Any) -> str:
        """Create with --wait; return the messages other than statuses."""
        self.cloud.on(self.GET, {'backup': backup(**made_)})
        result = self.openstack(f'{CREATE} --wait {options}')
        self.assertEqual(result.status, 0, result.stderr)
        return '\n'.join(
            line for line in result.stderr.splitlines() if not line.startswith('Backup ')
        )

    def test_wait_reports_the_kind_of_the_finished_backup(self) -> None:
        self.assertEqual(
            self.said('--incremental --allow-full', is_incremental=True),
            f"Created an incremental backup: 'nightly' ({ID}).",
        )

    def test_different_kind_is_reported(self) -> None:
        for options in ('--incremental --allow-full', '--incremental'):
            with self.subTest(options):
                self.setUp()
                self.assertEqual(
                    self.said(options, is_incremental=False),
                    f"Created a full backup: 'nightly' ({ID}), although an incremental one was "
                    'requested: the storage required a full one.',
                )

    def test_kind_is_named_although_the_wait_fails(self) -> None:
        self.cloud.on(f'GET /messages?resource_uuid={ID}', {'messages': []})
        self.cloud.on(self.GET, {'backup': backup(status='error')})
        result = self.openstack(f'{CREATE} --wait --incremental --allow-full')
        self.assertEqual(result.status, 1)
        self.assertIn('Requested an incremental backup: ', result.stderr)

    def test_requested_kind_is_not_reported(self) -> None:
        self.assertEqual(self.said('--incremental', is_incremental=True), '')
        self.assertEqual(self.said(''), '')


class CephTest(CommandTest):
    """On Ceph, all backups of snapshots of a volume share one image."""

    INCREMENTAL = f'{CREATE} --incremental'
    SNAPSHOT = f'{CREATE} --snapshot {SNAPSHOT_ID}'

    def setUp(self) -> None:
        super().setUp()
        self.cloud.on(POST, CREATED, status=202)
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
        taken = snapshot(created_at='2026-11-03T01:00:00.000000')
        self.cloud.on(f'GET /snapshots/{SNAPSHOT_ID}', {'snapshot': taken})

    def on_backup(self, **changes: Any) -> None:
        row = {'snapshot_id': SNAPSHOT_ID, 'object_count': 0, **changes}
        self.cloud.on(LOOK, {'backups': [backup(OTHER_ID, **row)]})

    def assert_refused(self, arguments: str, words: str) -> None:
        result = self.openstack(arguments)
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn(words, result.stderr)
        self.assertNotIn(POST, self.cloud.lines)

    def test_incremental_of_a_snapshot_backup_is_refused(self) -> None:
        self.on_backup()
        self.assert_refused(self.INCREMENTAL, 'that destroys the data of the parent')

    def test_allow_full_creates_a_full_backup_instead(self) -> None:
        self.on_backup()
        result = self.openstack(f'{self.INCREMENTAL} --allow-full')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertIn('on Ceph a backup of a snapshot cannot be a parent', result.stderr)
        self.assertNotIn('incremental', self.cloud.asked[-1].body['backup'])

    def test_second_snapshot_backup_is_refused(self) -> None:
        self.on_backup()
        for options in ('', '--incremental', '--incremental --allow-full'):
            with self.subTest(options):
                self.assert_refused(f'{self.SNAPSHOT} {options}', 'Ceph can store only one')

    def test_second_snapshot_backup_is_refused_while_the_first_is_restored(self) -> None:
        self.on_backup(status='restoring')
        self.assert_refused(self.SNAPSHOT, 'Ceph can store only one')

    def test_second_snapshot_backup_is_requested_while_the_first_is_created(self) -> None:
        self.on_backup(status='creating')
        self.assertEqual(self.openstack(self.SNAPSHOT).status, 0)

    def test_nothing_is_refused_if_ceph_is_excluded(self) -> None:
        self.on_backup(object_count=2)
        for arguments in (self.INCREMENTAL, self.SNAPSHOT):
            with self.subTest(arguments):
                self.assertEqual(self.openstack(arguments).status, 0)

    def test_failed_snapshot_backup_does_not_matter(self) -> None:
        self.on_backup(status='error')
        self.assertEqual(self.openstack(self.SNAPSHOT).status, 0)


class OwnerTest(CommandTest):
    def test_administrator_is_warned_about_the_owner_of_the_volume(self) -> None:
        self.use_cloud(roles=('admin',))
        self.cloud.on(POST, CREATED, status=202)
        row = {**volume(), 'os-vol-tenant-attr:tenant_id': OTHER_PROJECT}
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': row})
        self.assert_prints(
            CREATE,
            f'{ID}\n',
            f"Volume 'data' ({VOLUME_ID}) belongs to project {OTHER_PROJECT}. The backup belongs "
            f'to your project, {OWN_PROJECT}, and counts towards its quota.',
        )
