# SPDX-License-Identifier: Apache-2.0
"""Creating once and no more than once, and full where incremental cannot be."""

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

# What time the cloud has it when it is asked to create.
THEN = datetime(2026, 11, 1, 2, tzinfo=timezone.utc)
MADE = '2026-11-01T02:00:00.400000'


def made(id_: str = ID, **changes: Any) -> dict[str, Any]:
    """Give the backup that the request has made."""
    return backup(id_, **{'status': 'creating', 'created_at': MADE, **changes})


class LostAnswerTest(CommandTest):
    def setUp(self) -> None:
        self.use_time(THEN)

    def use_time(self, time: datetime, **kwargs: Any) -> None:
        """Start a cloud that says what time it is."""
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

    def test_one_that_is_there_is_not_made_again(self) -> None:
        for status in (None, 500, 502, 503, 504):
            with self.subTest(status):
                self.use_time(THEN)
                self.lose_answer(status)
                self.on_look(made())
                self.assert_made_once()
                self.assert_asked(POST, LOOK)

    def test_one_that_shows_up_late_is_not_made_again(self) -> None:
        self.cloud.fail(POST, RESET)
        self.on_look()
        self.on_look()
        self.on_look(made())
        self.assert_made_once()
        self.assert_asked(POST, LOOK, LOOK, LOOK)
        self.assertEqual(self.clock.sleeps, [1, 2, 4])

    def test_one_that_has_failed_already_is_not_made_again_either(self) -> None:
        self.cloud.fail(POST, RESET)
        self.on_look(made(status='error'))
        self.assert_made_once()

    def test_one_that_is_not_there_is_made_then(self) -> None:
        self.cloud.fail(POST, RESET)
        self.cloud.on(POST, CREATED, status=202)
        self.on_look()
        self.assert_prints(CREATE, f'{ID}\n')
        self.assert_asked(POST, LOOK, LOOK, LOOK, POST)
        self.assertEqual(self.cloud.asked[0].body, self.cloud.asked[-1].body)

    def test_it_is_not_tried_for_ever(self) -> None:
        self.cloud.refuse(POST, 500, 'Boom.')
        self.on_look()
        self.assert_fails(
            CREATE,
            f'Cannot back up volume {VOLUME_ID}: the server failed (the server said: Boom). Try '
            'again later. If it fails again, ask the operator of the cloud.',
        )
        self.assert_asked(*[POST, LOOK, LOOK, LOOK] * 3)

    def test_a_refusal_after_it_does_not_hide_the_first_failure(self) -> None:
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

    def test_nor_does_another_failure(self) -> None:
        self.cloud.refuse(POST, 500, 'Boom.')
        self.cloud.refuse(POST, 429, 'Slow down.')
        self.on_look()
        result = self.openstack(CREATE)
        self.assertEqual(result.status, 1)
        self.assertIn('Boom', result.stderr)
        self.assertIn('Slow down', result.stderr)

    def test_a_refusal_after_too_many_requests_stands_alone(self) -> None:
        self.cloud.refuse(POST, 429, 'Slow down.')
        self.cloud.refuse(POST, 400, 'Invalid volume: its status is backing-up.')
        self.assert_fails(
            CREATE, f'Cannot back up volume {VOLUME_ID}: Invalid volume: its status is backing-up.'
        )

    def test_nor_where_it_waits_which_might_make_many(self) -> None:
        self.cloud.refuse(POST, 503, 'Busy.')
        self.on_look()
        result = self.openstack(f'{CREATE} --wait')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('the service is not available', result.stderr)
        self.assert_asked(*[POST, LOOK, LOOK, LOOK] * 3)

    def test_an_older_one_of_the_same_name_is_not_mistaken_for_it(self) -> None:
        self.cloud.fail(POST, RESET)
        self.cloud.on(POST, CREATED, status=202)
        self.on_look(made(OTHER_ID, created_at='2026-11-01T01:59:57.000000'))
        self.assert_prints(CREATE, f'{ID}\n')
        self.assertEqual(self.cloud.lines.count(POST), 2)

    def test_the_clock_of_the_cloud_counts_and_not_ours(self) -> None:
        # Years before or after what this machine says.
        for year in ('1999', '2077'):
            with self.subTest(year):
                self.use_time(THEN.replace(year=int(year)))
                self.cloud.fail(POST, RESET)
                self.on_look(made(created_at=MADE.replace('2026', year)))
                self.assert_made_once()

    def test_the_time_that_the_request_took_is_allowed_for(self) -> None:
        self.cloud.fail(POST, RESET)
        # A cloud whose clock stands still: the third look is seven seconds after the request.
        self.cloud.date = lambda: THEN
        self.on_look()
        self.on_look()
        self.on_look(made(created_at='2026-11-01T01:59:53.000000'))
        self.assert_made_once()

    def test_a_clock_that_is_told_in_whole_seconds_is_allowed_for(self) -> None:
        # Made before the full second that the answer names, by servers a second apart.
        self.cloud.fail(POST, RESET)
        self.on_look(made(created_at='2026-11-01T01:59:58.500000'))
        self.assert_made_once()

    def test_without_a_clock_of_the_cloud_ours_is_taken(self) -> None:
        self.cloud.date = None
        self.cloud.fail(POST, RESET)
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        self.on_look(made(created_at=now.isoformat(timespec='microseconds')))
        self.assert_made_once()

    def test_another_one_made_at_the_same_time_is_not_mistaken_for_it(self) -> None:
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

    def test_all_that_was_asked_for_is_recognized(self) -> None:
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

    def test_of_several_it_is_the_last(self) -> None:
        self.cloud.fail(POST, RESET)
        earlier = made(OTHER_ID, created_at='2026-11-01T02:00:00.100000')
        self.on_look(earlier, made())
        self.assert_made_once()

    def test_properties_that_the_version_hides_do_not_matter(self) -> None:
        self.use_time(THEN, maximum='3.42')
        self.cloud.fail(POST, RESET)
        row = made()
        del row['metadata']
        self.on_look(row)
        self.assertEqual(self.openstack(CREATE).stdout, f'{ID}\n')
        # The first one is refused for its version.
        self.assertEqual(self.cloud.lines.count(POST), 2)

    def test_a_cloud_that_does_not_answer_for_a_while_is_asked_again(self) -> None:
        self.cloud.fail(POST, RESET)
        self.cloud.fail(LOOK, RESET)
        self.cloud.refuse(LOOK, 503, 'Starting.')
        self.on_look(made())
        self.assert_made_once()

    def test_where_it_does_not_answer_at_all_nobody_can_know(self) -> None:
        self.cloud.fail(POST, RESET)
        self.cloud.refuse(LOOK, 503, 'Starting.')
        self.assert_fails(
            CREATE,
            'Cannot list backups: the service is not available (the server said: Starting). '
            'It is unknown whether the backup is being created. Before you try again, check: '
            f'openstack volume backup list --volume {VOLUME_ID}',
        )
        self.assert_asked(POST, LOOK, LOOK, LOOK)

    def test_nor_where_it_refuses_to_say(self) -> None:
        self.cloud.fail(POST, RESET)
        self.cloud.refuse(LOOK, 403, 'Policy forbids it.')
        result = self.openstack(CREATE)
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('It is unknown whether the backup is being created', result.stderr)
        self.assert_asked(POST, LOOK)

    def test_clouds_yaml_cannot_have_it_sent_twice(self) -> None:
        for status in (None, 503):
            with self.subTest(status), tempfile.TemporaryDirectory() as directory:
                self.use_time(THEN)
                self.lose_answer(status)
                self.on_look(made())
                self.cloud.configure(
                    Path(directory, 'clouds.yaml'), connect_retries=2, status_code_retries=2
                )
                self.assert_made_once()

    def test_ctrl_c_while_it_is_looked_for_is_one_sentence(self) -> None:
        self.cloud.fail(POST, RESET)
        self.on_look()
        self.clock.interrupt_at(2)
        result = self.openstack(CREATE)
        self.assertEqual((result.status, result.stdout), (130, ''))
        self.assertIn('unknown', result.stderr)

    def test_so_it_is_in_the_middle_of_the_look_up(self) -> None:
        for options in ('', '--wait'):
            with self.subTest(options):
                self.use_time(THEN)
                self.cloud.fail(POST, RESET)
                self.cloud.fail(LOOK, KeyboardInterrupt())
                self.assert_interrupted(f'{CREATE} {options}')

    def test_and_in_the_middle_of_the_request(self) -> None:
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

    def test_an_answer_is_an_answer(self) -> None:
        self.cloud.on(POST, CREATED, status=202)
        self.assert_prints(CREATE, f'{ID}\n')
        self.assert_asked(POST)

    def test_a_refusal_is_an_answer(self) -> None:
        for status in (400, 403, 409, 413):
            with self.subTest(status):
                self.use_cloud().refuse(POST, status, 'No.')
                self.assertEqual(self.openstack(CREATE).status, 1)
                self.assert_asked(POST)

    def test_a_volume_by_name_is_looked_for_by_its_id(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.cloud.fail(POST, RESET)
        self.on_look(made())
        self.assert_made_once('volume backup create data --name nightly -f value -c id')

    def test_what_was_found_is_waited_for(self) -> None:
        self.cloud.fail(POST, RESET)
        self.on_look(made())
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup()})
        result = self.openstack(f'-q {CREATE} --wait')
        self.assertEqual(result, Result(0, f'{ID}\n', ''))
        self.assertEqual(self.cloud.lines[-1], f'GET /backups/{ID}')


class TooManyRequestsTest(CommandTest):
    """The request was not carried out, so it may be sent again without a look."""

    def test_it_is_sent_again_when_the_cloud_says(self) -> None:
        self.cloud.on(POST, {}, status=429, headers={'Retry-After': '42'})
        self.cloud.on(POST, CREATED, status=202)
        self.assert_prints(CREATE, f'{ID}\n')
        self.assert_asked(POST, POST)
        self.assertEqual(self.clock.sleeps, [42])

    def test_it_is_not_tried_for_ever(self) -> None:
        self.cloud.refuse(POST, 429, 'Slow down.')
        self.assert_fails(
            CREATE,
            f'Cannot back up volume {VOLUME_ID}: too many requests (the server '
            'said: Slow down). Try again later.',
        )
        self.assert_asked(POST, POST, POST)

    def test_after_the_last_try_nobody_waits(self) -> None:
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

    def test_with_something_to_build_on_it_is_incremental(self) -> None:
        self.on_backups(backup(OTHER_ID))
        self.assert_incremental(self.ALLOW)

    def test_with_nothing_to_build_on_it_is_full(self) -> None:
        self.on_backups()
        self.assert_full(self.ALLOW, 'the volume has no available backup to build on')
        self.assertEqual(len(self.bodies()), 1)

    def test_where_the_volume_has_grown_it_is_full(self) -> None:
        self.on_backups(backup(OTHER_ID, size=1))
        self.use_volume(size=2)
        self.assert_full(
            self.ALLOW, f"the volume has grown from 1 to 2 GiB since 'nightly' ({OTHER_ID})"
        )

    def use_volume(self, **changes: Any) -> None:
        self.cloud._answers.pop(f'GET /volumes/{VOLUME_ID}')  # noqa: SLF001
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume(**changes)})

    def test_the_size_of_the_latest_one_counts(self) -> None:
        self.use_volume(size=2)
        later = '2026-11-02T02:00:00.000000'
        self.on_backups(
            backup(size=1), backup(OTHER_ID, size=2, created_at=later, data_timestamp=later)
        )
        self.assert_incremental(self.ALLOW)

    def test_where_the_last_one_has_vanished_meanwhile_it_is_full(self) -> None:
        self.on_backups(backup(OTHER_ID))
        said = 'Invalid backup: No backups available to do an incremental backup.'
        self.cloud.refuse(POST, 400, said)
        self.assert_full(self.ALLOW, 'the volume has no backup to build on')
        self.assertEqual(self.cloud.lines.count(LOOK), 2)
        self.assertEqual([body.get('incremental') for body in self.bodies()], [True, None])

    def test_another_refusal_makes_no_full_one(self) -> None:
        self.on_backups(backup(OTHER_ID))
        self.cloud.refuse(POST, 400, 'Invalid volume: it is in-use.')
        self.assert_fails(
            self.ALLOW, f'Cannot back up volume {VOLUME_ID}: Invalid volume: it is in-use.'
        )
        self.assertEqual(len(self.bodies()), 1)

    def test_a_newest_one_that_is_not_available_makes_a_full_one_on_older_clouds(self) -> None:
        # Cinder 21 builds on the newest in any status, and says no in words of its own.
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

    def test_newer_clouds_pass_it_over(self) -> None:
        later = '2026-11-02T02:00:00.000000'
        failed = {'status': 'error', 'created_at': later, 'data_timestamp': later}
        self.on_backups(backup(OTHER_ID, **failed), backup())
        self.assert_incremental(self.ALLOW)

    def test_a_snapshot_older_than_every_backup_is_backed_up_incrementally(self) -> None:
        # Cinder takes the newest available backup then.
        taken = snapshot(created_at='2026-10-01T01:00:00.000000')
        self.cloud.on(f'GET /snapshots/{SNAPSHOT_ID}', {'snapshot': taken})
        self.on_backups(backup(OTHER_ID))
        self.assert_incremental(f'{self.ALLOW} --snapshot {SNAPSHOT_ID}')

    def test_without_the_right_to_look_it_is_left_to_the_cloud(self) -> None:
        self.cloud._answers.pop(f'GET /volumes/{VOLUME_ID}')  # noqa: SLF001
        self.cloud.refuse(f'GET /volumes/{VOLUME_ID}', 401, 'Unauthorized')
        self.on_backups(backup(OTHER_ID))
        self.assert_incremental(self.ALLOW)

    def test_a_list_that_fails_makes_none(self) -> None:
        self.cloud.refuse(LOOK, 503, 'Busy.')
        self.assertEqual(self.openstack(self.ALLOW).status, 1)
        self.assertEqual(self.bodies(), [])

    def test_a_snapshot_that_is_newer_is_backed_up_incrementally(self) -> None:
        taken = snapshot(created_at='2026-11-03T01:00:00.000000')
        self.cloud.on(f'GET /snapshots/{SNAPSHOT_ID}', {'snapshot': taken})
        self.on_backups(backup(OTHER_ID))
        self.assert_incremental(f'{self.ALLOW} --snapshot {SNAPSHOT_ID}')

    def test_quietly_it_does_not_say_which(self) -> None:
        self.on_backups()
        self.cloud.on(POST, CREATED, status=202)
        self.assert_prints(f'-q {self.ALLOW}', f'{ID}\n')

    def test_the_volume_is_looked_up_once(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.on_backups(backup(OTHER_ID))
        self.cloud.on(POST, CREATED, status=202)
        self.openstack('volume backup create data --incremental --allow-full')
        self.assert_asked('GET /volumes/detail?name=data', LOOK, POST)

    def test_without_incremental_it_means_nothing(self) -> None:
        for options in ('--allow-full', '--incremental --no-incremental --allow-full'):
            with self.subTest(options):
                self.assert_fails(f'{CREATE} {options}', '--allow-full requires --incremental.', 2)
        self.assert_asked()


class WaitTest(CommandTest):
    GET = f'GET /backups/{ID}'

    def setUp(self) -> None:
        super().setUp()
        self.cloud.on(POST, CREATED, status=202)

    def test_it_says_how_it_goes(self) -> None:
        self.cloud.on(self.GET, {'backup': backup(status='creating')})
        self.cloud.on(self.GET, {'backup': backup()})
        self.assert_prints(
            f'{CREATE} --wait',
            f'{ID}\n',
            f"Backup 'nightly' ({ID}): creating\nBackup 'nightly' ({ID}): available",
        )
        self.assert_asked(POST, self.GET, self.GET)

    def test_a_backup_that_fails_is_a_failure(self) -> None:
        row = backup(status='error', fail_reason='No space left.')
        self.cloud.on(self.GET, {'backup': row})
        messages = [{'resource_uuid': ID, 'user_message': 'create backup: it is full.'}]
        self.cloud.on(f'GET /messages?resource_uuid={ID}', {'messages': messages})
        self.assert_fails(
            f'-q {CREATE} --wait',
            f"Backup 'nightly' ({ID}) is in status error (the server said: No space left; "
            'create backup: it is full).',
        )

    def test_a_backup_that_vanishes_is_a_failure(self) -> None:
        self.cloud.refuse(self.GET, 404, 'Backup could not be found.')
        self.assert_fails(f'-q {CREATE} --wait', f"Backup 'nightly' ({ID}) no longer exists.")

    def test_a_time_limit_is_no_failure_of_the_backup(self) -> None:
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
        """Create with --wait; give what was said besides statuses."""
        self.cloud.on(self.GET, {'backup': backup(**made_)})
        result = self.openstack(f'{CREATE} --wait {options}')
        self.assertEqual(result.status, 0, result.stderr)
        return '\n'.join(
            line for line in result.stderr.splitlines() if not line.startswith('Backup ')
        )

    def test_after_a_wait_the_sentence_says_what_was_made(self) -> None:
        self.assertEqual(
            self.said('--incremental --allow-full', is_incremental=True),
            f"Created an incremental backup: 'nightly' ({ID}).",
        )

    def test_what_was_made_otherwise_is_told(self) -> None:
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

    def test_what_was_made_as_asked_needs_no_word(self) -> None:
        self.assertEqual(self.said('--incremental', is_incremental=True), '')
        self.assertEqual(self.said(''), '')


class CephTest(CommandTest):
    """All backups of snapshots of a volume share one image there."""

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

    def test_an_incremental_one_on_a_backup_of_a_snapshot_is_refused(self) -> None:
        self.on_backup()
        self.assert_refused(self.INCREMENTAL, 'that destroys the data of the parent')

    def test_it_is_made_full_where_that_is_allowed(self) -> None:
        self.on_backup()
        result = self.openstack(f'{self.INCREMENTAL} --allow-full')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertIn('on Ceph a backup of a snapshot cannot be a parent', result.stderr)
        self.assertNotIn('incremental', self.cloud.asked[-1].body['backup'])

    def test_a_second_one_of_a_snapshot_is_refused(self) -> None:
        self.on_backup()
        for options in ('', '--incremental', '--incremental --allow-full'):
            with self.subTest(options):
                self.assert_refused(f'{self.SNAPSHOT} {options}', 'Ceph can store only one')

    def test_second_one_of_a_snapshot_is_refused_while_the_first_is_being_restored(self) -> None:
        self.on_backup(status='restoring')
        self.assert_refused(self.SNAPSHOT, 'Ceph can store only one')

    def test_second_one_of_a_snapshot_is_requested_while_the_first_is_being_made(self) -> None:
        self.on_backup(status='creating')
        self.assertEqual(self.openstack(self.SNAPSHOT).status, 0)

    def test_where_ceph_is_excluded_nothing_is_refused(self) -> None:
        self.on_backup(object_count=2)
        for arguments in (self.INCREMENTAL, self.SNAPSHOT):
            with self.subTest(arguments):
                self.assertEqual(self.openstack(arguments).status, 0)

    def test_a_failed_one_of_a_snapshot_is_no_hindrance(self) -> None:
        self.on_backup(status='error')
        self.assertEqual(self.openstack(self.SNAPSHOT).status, 0)


class OwnerTest(CommandTest):
    def test_an_administrator_is_told_whose_the_volume_is(self) -> None:
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
