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

POST = 'POST /backups'
CREATE = f'volume backup create {VOLUME_ID} --name nightly -f value -c id'
LOOK = f'GET /backups/detail?volume_id={VOLUME_ID}'
AVAILABLE = f'{LOOK}&status=available'
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
            result.stderr, rf'\AThe answer was lost; the backup is being made: .*{id_}\)?\.\n\Z'
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
                    f'Boom). Another try failed too. Cannot back up volume {VOLUME_ID}: Invalid '
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

    def test_while_it_waits_it_is_told_that_the_cloud_does_not_answer(self) -> None:
        self.cloud.refuse(POST, 503, 'Busy.')
        self.on_look()
        result = self.openstack(f'{CREATE} --wait --timeout 2m')
        self.assertEqual((result.status, result.stdout), (3, ''))
        self.assertEqual(result.stderr.count('Waiting for the cloud to answer again.'), 1)
        self.assertIn('Whether the backup is being made is unknown', result.stderr)
        self.assertEqual(self.clock.passed, 120)

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
            'Whether the backup is being made is unknown: look at "openstack volume backup list '
            f'--volume {VOLUME_ID}" before you try again.',
        )
        self.assert_asked(POST, LOOK, LOOK, LOOK)

    def test_nor_where_it_refuses_to_say(self) -> None:
        self.cloud.fail(POST, RESET)
        self.cloud.refuse(LOOK, 403, 'Policy forbids it.')
        result = self.openstack(CREATE)
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('Whether the backup is being made is unknown', result.stderr)
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
            'Interrupted; nothing is cancelled. Whether the backup is being made is unknown: look '
            f'at "openstack volume backup list --volume {VOLUME_ID}" before you try again.',
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
            f'Cannot back up volume {VOLUME_ID}: the cloud asks for fewer requests (the server '
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
        self.cloud.on(AVAILABLE, {'backups': list(rows)})

    def bodies(self) -> list[Any]:
        return [asked.body['backup'] for asked in self.cloud.asked if asked.line == POST]

    def assert_full(self, arguments: str, why: str) -> None:
        self.cloud.on(POST, CREATED, status=202)
        self.assert_prints(
            arguments, f'{ID}\n', f"Making a full backup: 'nightly' ({ID}), because {why}."
        )
        self.assertNotIn('incremental', self.bodies()[-1])

    def assert_incremental(self, arguments: str) -> None:
        self.cloud.on(POST, CREATED, status=202)
        self.assert_prints(arguments, f'{ID}\n', f"Making an incremental backup: 'nightly' ({ID}).")
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
        self.assertEqual([body.get('incremental') for body in self.bodies()], [True, None])

    def test_another_refusal_makes_no_full_one(self) -> None:
        self.on_backups(backup(OTHER_ID))
        self.cloud.refuse(POST, 400, 'Invalid volume: it is in-use.')
        self.assert_fails(
            self.ALLOW, f'Cannot back up volume {VOLUME_ID}: Invalid volume: it is in-use.'
        )
        self.assertEqual(len(self.bodies()), 1)

    def test_a_list_that_fails_makes_none(self) -> None:
        self.cloud.refuse(AVAILABLE, 503, 'Busy.')
        self.assertEqual(self.openstack(self.ALLOW).status, 1)
        self.assertEqual(self.bodies(), [])

    def test_of_a_snapshot_only_older_data_counts(self) -> None:
        taken = snapshot(created_at='2026-11-01T01:00:00.000000')
        self.cloud.on(f'GET /snapshots/{SNAPSHOT_ID}', {'snapshot': taken})
        self.on_backups(backup(OTHER_ID))
        self.assert_full(
            f'{self.ALLOW} --snapshot {SNAPSHOT_ID}',
            'the volume has no available backup to build on',
        )
        self.assertEqual(self.bodies()[0]['snapshot_id'], SNAPSHOT_ID)

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
        self.assert_asked('GET /volumes/detail?name=data', AVAILABLE, POST)

    def test_without_incremental_it_means_nothing(self) -> None:
        for options in ('--allow-full', '--incremental --no-incremental --allow-full'):
            with self.subTest(options):
                self.assert_fails(f'{CREATE} {options}', '--allow-full needs --incremental.', 2)
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
            f"Backup 'nightly' ({ID}) is in status error: No space left; create backup: it is "
            'full.',
        )

    def test_a_backup_that_vanishes_is_a_failure(self) -> None:
        self.cloud.refuse(self.GET, 404, 'Backup could not be found.')
        self.assert_fails(f'-q {CREATE} --wait', f"Backup 'nightly' ({ID}) has vanished.")

    def test_a_time_limit_is_no_failure_of_the_backup(self) -> None:
        self.cloud.on(self.GET, {'backup': backup(status='creating')})
        self.assert_fails(
            f'-q {CREATE} --wait --timeout 5m',
            f"Timed out after 5m00s; nothing is cancelled: backup 'nightly' ({ID}) (see: "
            f'openstack volume backup show {ID}).',
            status=3,
        )
        self.assertEqual(self.clock.passed, 300)
