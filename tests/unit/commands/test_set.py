# SPDX-License-Identifier: Apache-2.0
from tests.unit.rows import ID, OTHER_ID, backup
from tests.unit.shell import CommandTest

SET = f'volume backup set {ID}'
PUT = f'PUT /backups/{ID}'
ACTION = f'POST /backups/{ID}/action'
UPDATED = {'backup': {'id': ID, 'name': 'nightly', 'links': []}}


class SetTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.on_backup()

    def on_backup(self) -> None:
        row = backup(metadata={'a': '1', 'b': '2'})
        self.cloud.on(f'GET /backups/{ID}', {'backup': row})

    def assert_puts(self, options: str | list[str], **said: object) -> None:
        self.cloud.asked.clear()
        self.cloud.on(PUT, UPDATED)
        words = options if isinstance(options, list) else options.split()
        self.assert_prints(['volume', 'backup', 'set', ID, *words], '')
        self.assert_asked(f'GET /backups/{ID}', PUT)
        self.assert_sent(PUT, {'backup': said})


class UpdateTest(SetTest):
    def test_only_given_options_are_written(self) -> None:
        self.assert_puts('--name web', name='web')
        self.assert_puts(['--description', 'all of it'], description='all of it')
        self.assert_puts('--name web --description x', name='web', description='x')

    def test_empty_name_and_description_are_cleared(self) -> None:
        self.assert_puts(['--name', ''], name='')
        self.assert_puts(['--description', ''], description='')

    def test_properties_are_merged(self) -> None:
        self.assert_puts('--property b=3 --property c=4', metadata={'a': '1', 'b': '3', 'c': '4'})

    def test_properties_are_cleared(self) -> None:
        self.assert_puts('--no-property', metadata={})

    def test_properties_are_replaced(self) -> None:
        self.assert_puts('--no-property --property c=4', metadata={'c': '4'})
        self.assert_puts('--property c=4 --no-property', metadata={'c': '4'})

    def test_several_options_take_one_request(self) -> None:
        self.assert_puts('--name web --no-property', name='web', metadata={})

    def test_backup_is_found_by_name(self) -> None:
        self.cloud.on('GET /backups/detail?name=nightly', {'backups': [backup()]})
        self.cloud.on(PUT, UPDATED)
        self.assert_prints('volume backup set nightly --name web', '')
        self.assert_asked('GET /backups/detail?name=nightly', PUT)

    def test_refusal_says_that_nothing_was_set(self) -> None:
        self.cloud.refuse(PUT, 400, 'Invalid input.')
        self.assert_fails(
            f'{SET} --name web',
            f"Cannot change backup 'nightly' ({ID}): Invalid input. Nothing was set.",
        )


class StateTest(SetTest):
    def test_state_uses_the_action(self) -> None:
        self.cloud.on(ACTION, status=202)
        self.assert_prints(f'{SET} --state error', '')
        self.assert_asked(f'GET /backups/{ID}', ACTION)
        self.assert_sent(ACTION, {'os-reset_status': {'status': 'error'}})

    def test_state_is_set_on_the_oldest_cloud(self) -> None:
        self.use_cloud(maximum='3.0')
        self.on_backup()
        self.cloud.on(ACTION, status=202)
        self.assert_prints(f'{SET} --state available', '')
        self.assertEqual(self.cloud.asked[-1].microversion, '3.0')

    def test_state_is_set_with_any_pin(self) -> None:
        self.cloud.on(ACTION, status=202)
        self.assert_prints(f'--os-volume-api-version 3.8 {SET} --state available', '')
        self.assertEqual(self.cloud.asked[-1].microversion, '3.8')

    def test_state_and_name_take_two_requests(self) -> None:
        self.cloud.on(ACTION, status=202)
        self.cloud.on(PUT, UPDATED)
        self.assert_prints(f'{SET} --name web --state error', '')
        self.assert_asked(f'GET /backups/{ID}', ACTION, PUT)

    def test_name_is_set_after_a_refused_state(self) -> None:
        self.cloud.refuse(ACTION, 403, "Policy doesn't allow it.")
        self.cloud.on(PUT, UPDATED)
        self.assert_fails(
            f'{SET} --name web --property c=3 --state error',
            f"Cannot set the state of backup 'nightly' ({ID}) to error: your roles in this "
            "project do not allow it (the server said: Policy doesn't allow it). "
            'Set: name, properties. Not set: state.',
        )

    def test_state_remains_after_a_refused_name(self) -> None:
        self.cloud.on(ACTION, status=202)
        self.cloud.refuse(PUT, 503, 'Busy.')
        self.assert_fails(
            f'{SET} --name web --state error',
            f"Cannot change backup 'nightly' ({ID}): the service is not available (the server "
            'said: Busy). Try again later. Set: state. Not set: name.',
        )

    def test_two_refusals_set_nothing(self) -> None:
        self.cloud.refuse(ACTION, 400, 'No.')
        self.cloud.refuse(PUT, 400, 'Never.')
        result = self.openstack(f'{SET} --name web --state error')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertTrue(result.stderr.endswith(' Nothing was set.\n'), result.stderr)

    def test_invalid_state_is_a_usage_error(self) -> None:
        result = self.openstack(f'{SET} --state deleting')
        self.assertEqual(result.status, 2)
        self.assert_asked()


class NothingChangedTest(CommandTest):
    """A refused command changes nothing, not even part of it."""

    def test_nothing_to_set_is_a_usage_error(self) -> None:
        self.assert_fails(
            SET,
            'Nothing to set: give --name, --description, --state, --property or --no-property.',
            status=2,
        )
        self.assert_asked()

    def test_option_above_the_pin_is_refused_first(self) -> None:
        for given, option, since in (
            ('--name web', '--name', '3.9'),
            ('--description x', '--description', '3.9'),
            ('--property a=1', '--property', '3.43'),
            ('--no-property', '--no-property', '3.43'),
        ):
            with self.subTest(option):
                self.use_cloud()
                self.assert_fails(
                    f'--os-volume-api-version 3.8 {SET} --state error {given}',
                    f'{option} requires Block Storage {since}, but 3.8 was '
                    f'requested: use --os-volume-api-version {since}, or leave the version out to '
                    'use the newest.',
                )
                self.assert_asked('GET ')

    def test_option_above_the_cloud_is_refused_first(self) -> None:
        for given, option, since, maximum in (
            ('--name web', '--name', '3.9', '3.8'),
            ('--description x', '--description', '3.9', '3.8'),
            ('--property a=1', '--property', '3.43', '3.42'),
            ('--no-property', '--no-property', '3.43', '3.42'),
        ):
            with self.subTest(option):
                self.use_cloud(maximum=maximum)
                self.assert_fails(
                    f'{SET} --state error {given}',
                    f'{option} requires Block Storage {since}, but this cloud '
                    f'is too old: it offers 3.0 to {maximum}.',
                )
                self.assert_asked(f'GET /backups/{ID}')

    def test_name_is_set_on_clouds_without_properties(self) -> None:
        self.use_cloud(maximum='3.42').on(f'GET /backups/{ID}', {'backup': backup()})
        self.cloud.on(PUT, UPDATED)
        self.assert_prints(f'{SET} --name web', '')
        self.assert_sent(PUT, {'backup': {'name': 'web'}})

    def test_ambiguous_name_is_refused(self) -> None:
        rows = [backup(), backup(OTHER_ID)]
        self.cloud.on('GET /backups/detail?name=nightly', {'backups': rows})
        self.assertEqual(self.openstack('volume backup set nightly --name web').status, 1)
        self.assert_asked('GET /backups/detail?name=nightly')
