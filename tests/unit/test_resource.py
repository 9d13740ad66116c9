# SPDX-License-Identifier: Apache-2.0
"""The adapted Backup of the SDK, on the installed release of the SDK.

These tests run on every supported release, so they use nothing but the SDK.
"""

import unittest
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from openstack import connection, exceptions

from backupext import errors
from backupext.core import features
from backupext.resource import Backup
from backupext.session import Login, Negotiation, Session
from tests.unit import rows
from tests.unit.stub import ACCOUNT, StubCloud

BACKUP = f'/backups/{rows.ID}'

#: A backup as administrators see it at the newest microversion, with every field.
FULL = {
    'id': rows.ID,
    'name': 'nightly',
    'description': 'before the upgrade',
    'status': 'error',
    'size': 3,
    'object_count': 22,
    'fail_reason': 'no space left',
    'container': 'backups',
    'availability_zone': 'nova',
    'volume_id': rows.VOLUME_ID,
    'snapshot_id': '33333333-aaaa-4bbb-8ccc-000000000001',
    'created_at': '2026-11-01T02:00:00.000000',
    'updated_at': '2026-11-01T02:00:09.000000',
    'data_timestamp': '2026-10-31T23:00:00.000000',
    'is_incremental': True,
    'has_dependent_backups': True,
    'metadata': {'kept': 'yes'},
    'user_id': '44444444444444444444444444444444',
    'encryption_key_id': '55555555-aaaa-4bbb-8ccc-000000000001',
    'os-backup-project-attr:project_id': '0123456789abcdef0123456789abcdef',
}


class Request(NamedTuple):
    """A request as Block Storage received it."""

    line: str
    body: Any
    microversion: str | None = '3.71'


class ResourceTest(unittest.TestCase):
    """A test of calls against a stubbed cloud, through the SDK's own connection."""

    def use_cloud(
        self, pin: str | None = None, *, minimum: str = '3.0', maximum: str = '3.71'
    ) -> None:
        """Start a stubbed cloud and connect to it, unpinned or pinned in clouds.yaml."""
        self.cloud = StubCloud(minimum=minimum, maximum=maximum)
        self.cloud.start()
        self.addCleanup(self.cloud.stop)
        self.connection = connection.Connection(
            auth=ACCOUNT,
            block_storage_default_microversion=pin,
        )
        self.addCleanup(self.connection.close)
        proxy = self.connection.block_storage
        self.session = Session(proxy, Negotiation(proxy), Login(self.connection.session))
        self.setting_up = len(self.cloud.asked)

    def setUp(self) -> None:
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        # As OSC does, because the SDK warns about itself.
        warnings.filterwarnings('ignore', module='openstack')
        self.use_cloud()

    @property
    def asked(self) -> list[Request]:
        """The requests after the session was created."""
        asked = self.cloud.asked[self.setting_up :]
        return [Request(one.line, one.body, one.microversion) for one in asked]

    def assert_asked(self, *asked: Request) -> None:
        """Expect these requests of Block Storage and no others, discovery included."""
        self.assertEqual(self.asked, list(asked))


def target() -> Backup:
    """Return a backup as the commands create it: by ID, without reading it."""
    backup: Backup = Backup.existing(id=rows.ID)
    return backup


def changed(**attributes: Any) -> Backup:
    """Return a backup with changes."""
    backup = target()
    backup._update(**attributes)  # noqa: SLF001  # how the SDK's own proxy updates
    return backup


class CreateTest(ResourceTest):
    def setUp(self) -> None:
        super().setUp()
        self.cloud.on('POST /backups', {'backup': {'id': rows.ID, 'name': 'nightly'}}, status=202)

    def test_body_has_only_the_given_attributes(self) -> None:
        Backup.new(volume_id=rows.VOLUME_ID).create(self.session)
        body = {'backup': {'volume_id': rows.VOLUME_ID}}
        self.assert_asked(Request('POST /backups', body))

    def test_every_attribute_has_the_name_of_the_api(self) -> None:
        asked = {
            'volume_id': rows.VOLUME_ID,
            'name': 'nightly',
            'description': 'of the database',
            'container': 'backups',
            'snapshot_id': 's',
            'force': True,
            'metadata': {'a': 'b'},
            'availability_zone': 'nova',
        }
        Backup.new(**asked, is_incremental=True).create(self.session)
        body = {'backup': {**asked, 'incremental': True}}
        self.assert_asked(Request('POST /backups', body))

    def test_answer_is_added_to_the_given_attributes(self) -> None:
        backup = Backup.new(volume_id=rows.VOLUME_ID)
        backup.create(self.session)
        self.assertEqual(
            (backup.id, backup.name, backup.volume_id), (rows.ID, 'nightly', rows.VOLUME_ID)
        )


class FetchTest(ResourceTest):
    def fetch(self, **fields: Any) -> Backup:
        self.cloud.on(f'GET {BACKUP}', {'backup': fields})
        backup: Backup = target().fetch(self.session)
        self.assert_asked(Request(f'GET {BACKUP}', None))
        return backup

    def test_every_field_is_read(self) -> None:
        backup = self.fetch(**FULL)
        fields = {
            ('project_id' if field == 'os-backup-project-attr:project_id' else field): value
            for field, value in FULL.items()
        }
        self.assertEqual(len(fields), 20)
        for field, value in fields.items():
            with self.subTest(field):
                self.assertEqual(getattr(backup, field), value)

    def test_missing_fields_are_none(self) -> None:
        backup = self.fetch(id=rows.ID, name='nightly')
        for field in ('metadata', 'project_id', 'user_id', 'encryption_key_id', 'size'):
            with self.subTest(field):
                self.assertIsNone(getattr(backup, field))

    def test_null_numbers_are_none(self) -> None:
        backup = self.fetch(**{**FULL, 'size': None, 'object_count': None})
        self.assertEqual((backup.size, backup.object_count), (None, None))

    def test_false_is_not_none(self) -> None:
        backup = self.fetch(**{**FULL, 'is_incremental': False, 'has_dependent_backups': False})
        flags = (backup.is_incremental, backup.has_dependent_backups)
        self.assertEqual(flags, (False, False))

    def test_missing_backup_is_an_error_with_status(self) -> None:
        self.cloud.refuse(f'GET {BACKUP}', 404, 'Backup could not be found.')
        with self.assertRaises(exceptions.HttpException) as raised:
            target().fetch(self.session)
        self.assertEqual(raised.exception.status_code, 404)
        self.assertIn('could not be found', str(raised.exception.details))


class CommitTest(ResourceTest):
    def commit(self, **attributes: Any) -> None:
        self.cloud.on(f'PUT {BACKUP}', {'backup': {'id': rows.ID, 'name': 'nightly'}})
        changed(**attributes).commit(self.session)
        self.assert_asked(Request(f'PUT {BACKUP}', {'backup': attributes}))

    def test_name_is_sent_alone(self) -> None:
        self.commit(name='weekly')

    def test_empty_name_and_description_are_sent(self) -> None:
        self.commit(name='', description='')

    def test_all_properties_are_sent(self) -> None:
        self.commit(metadata={'kept': 'yes', 'new': ''})

    def test_empty_properties_are_sent(self) -> None:
        self.commit(metadata={})

    def test_all_changes_are_sent_in_one_request(self) -> None:
        self.commit(name='weekly', description='x', metadata={'a': 'b'})


class ActionTest(ResourceTest):
    def test_delete_sends_a_delete_request(self) -> None:
        self.cloud.on(f'DELETE {BACKUP}', status=202)
        target().delete(self.session)
        self.assert_asked(Request(f'DELETE {BACKUP}', None))

    def test_force_delete_is_an_action(self) -> None:
        self.cloud.on(f'POST {BACKUP}/action', status=202)
        target().force_delete(self.session)
        self.assert_asked(Request(f'POST {BACKUP}/action', {'os-force_delete': None}))

    def test_reset_is_an_action(self) -> None:
        self.cloud.on(f'POST {BACKUP}/action', status=202)
        target().reset(self.session, 'error')
        body = {'os-reset_status': {'status': 'error'}}
        self.assert_asked(Request(f'POST {BACKUP}/action', body))


class RestoreTest(ResourceTest):
    def restore(self, **where: str) -> None:
        answer = {'backup_id': rows.ID, 'volume_id': rows.VOLUME_ID, 'volume_name': 'data'}
        self.cloud.on(f'POST {BACKUP}/restore', {'restore': answer}, status=202)
        restored = target().restore(self.session, **where)
        self.assert_asked(Request(f'POST {BACKUP}/restore', {'restore': where}))
        self.assertEqual(
            (restored.id, restored.volume_id, restored.volume_name),
            (rows.ID, rows.VOLUME_ID, 'data'),
        )

    def test_restore_to_a_volume(self) -> None:
        self.restore(volume_id=rows.VOLUME_ID)

    def test_restore_to_a_new_volume_with_a_name(self) -> None:
        self.restore(name='data')

    def test_restore_to_a_new_volume_without_a_name(self) -> None:
        self.restore()


class RecordTest(ResourceTest):
    def test_export_returns_the_record(self) -> None:
        record = {'backup_service': 'posix', 'backup_url': 'eyJpZCI6IDF9'}
        self.cloud.on(f'GET {BACKUP}/export_record', {'backup-record': record})
        self.assertEqual(target().export_record(self.session), record)
        self.assert_asked(Request(f'GET {BACKUP}/export_record', None))

    def test_import_sends_the_record_and_returns_the_backup(self) -> None:
        answer: Any = {'backup': {'id': rows.ID, 'name': None, 'links': []}}
        self.cloud.on('POST /backups/import_record', answer, status=201)
        imported = Backup.import_record(self.session, service='posix', url='eyJpZCI6IDF9')
        self.assertEqual((imported.id, imported.name), (rows.ID, None))
        body = {'backup-record': {'backup_service': 'posix', 'backup_url': 'eyJpZCI6IDF9'}}
        self.assert_asked(Request('POST /backups/import_record', body))


#: Every call, its answer, and a function that makes it.
CALLS: dict[str, tuple[Any, Callable[[Session], object]]] = {
    'POST /backups': (
        {'backup': {'id': rows.ID, 'name': None}},
        lambda session: Backup.new(volume_id=rows.VOLUME_ID).create(session),
    ),
    f'GET {BACKUP}': ({'backup': FULL}, lambda session: target().fetch(session)),
    f'PUT {BACKUP}': (
        {'backup': {'id': rows.ID, 'name': 'weekly'}},
        lambda session: changed(name='weekly').commit(session),
    ),
    f'DELETE {BACKUP}': (None, lambda session: target().delete(session)),
    f'POST {BACKUP}/action': (None, lambda session: target().force_delete(session)),
    f'POST {BACKUP}/restore': (
        {'restore': {'backup_id': rows.ID, 'volume_id': rows.VOLUME_ID, 'volume_name': 'data'}},
        lambda session: target().restore(session),
    ),
    f'GET {BACKUP}/export_record': (
        {'backup-record': {}},
        lambda session: target().export_record(session),
    ),
    'POST /backups/import_record': (
        {'backup': {'id': rows.ID, 'name': None}},
        lambda session: Backup.import_record(session, service='posix', url='e30='),
    ),
}


class MicroversionTest(ResourceTest):
    def test_unpinned_session_sends_nothing_before_the_first_call(self) -> None:
        self.assertEqual(self.cloud.asked, [])
        self.assertEqual(self.session.negotiation.version, features.NEWEST)

    def test_pinned_call_is_one_request_at_the_pin(self) -> None:
        for line, (answer, call) in CALLS.items():
            with self.subTest(line):
                self.use_cloud(pin='3.45')
                self.cloud.on(line, answer)
                call(self.session)
                self.assertEqual([(a.line, a.microversion) for a in self.asked], [(line, '3.45')])

    def test_older_cloud_receives_the_request_again_at_its_newest(self) -> None:
        for line, (answer, call) in CALLS.items():
            with self.subTest(line):
                self.use_cloud(maximum='3.59')
                self.cloud.on(line, answer)
                call(self.session)
                self.assertEqual(
                    [(a.line, a.microversion) for a in self.asked], [(line, '3.71'), (line, '3.59')]
                )
                self.assertEqual(self.asked[0].body, self.asked[1].body)

    def test_range_of_an_older_cloud_is_learnt_once(self) -> None:
        self.use_cloud(maximum='3.59')
        self.cloud.on(f'GET {BACKUP}', {'backup': FULL})
        target().fetch(self.session)
        target().fetch(self.session)
        self.assertEqual([a.microversion for a in self.asked], ['3.71', '3.59', '3.59'])

    def test_unavailable_option_is_not_requested_again(self) -> None:
        self.use_cloud(maximum='3.42')
        self.session.negotiation.require(features.OPTIONS['create --property'])
        with self.assertRaisesRegex(
            errors.UnsupportedError, 'Block Storage 3.43.*offers 3.0 to 3.42'
        ):
            Backup.new(volume_id=rows.VOLUME_ID, metadata={'a': 'b'}).create(self.session)
        self.assertEqual([a.microversion for a in self.asked], ['3.71'])

    def test_option_above_the_pin_is_refused_at_once(self) -> None:
        self.use_cloud(pin='3.42')
        with self.assertRaisesRegex(errors.UnsupportedError, '3.42 was requested'):
            self.session.negotiation.require(features.OPTIONS['create --property'])
        self.assert_asked()

    def test_refusal_without_range_leads_to_the_version_document(self) -> None:
        line = f'GET {BACKUP}'
        self.cloud.refuse(line, 406, 'Not Acceptable')
        self.cloud.on(line, {'backup': FULL})
        self.assertEqual(target().fetch(self.session).name, 'nightly')
        asked = [a for a in self.asked if a.line == line]
        self.assertEqual([a.microversion for a in asked], ['3.71', '3.71'])
        self.assertGreater(len(self.asked), len(asked))

    def test_cloud_without_common_microversion_is_explained(self) -> None:
        self.use_cloud(minimum='3.80', maximum='3.99')
        with self.assertRaisesRegex(errors.UnsupportedError, '3.80 to 3.99.*newer than 3.71'):
            target().fetch(self.session)
