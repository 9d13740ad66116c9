# SPDX-License-Identifier: Apache-2.0
"""Which microversion is requested, and what the negotiation costs."""

from backupext.core import releases
from tests.releases import installed
from tests.unit.rows import ID, OTHER_ID, VOLUME_ID, backup, volume
from tests.unit.shell import CommandTest
from tests.unit.stub import StubCloud

SHOW = f'volume backup show {ID} -f value -c id'
RESTORE = f'volume backup restore {ID} --force {VOLUME_ID}'
# A read through the SDK, a plain read, and a write: three different paths through the SDK.
RESTORE_ASKS = [f'GET /backups/{ID}', f'GET /volumes/{VOLUME_ID}', f'POST /backups/{ID}/restore']


class NegotiationTest(CommandTest):
    def use_cloud(self, **kwargs: object) -> StubCloud:
        cloud = super().use_cloud(**kwargs)
        cloud.on(f'GET /backups/{ID}', {'backup': backup()})
        cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
        said = {'backup_id': ID, 'volume_id': VOLUME_ID, 'volume_name': 'data'}
        cloud.on(f'POST /backups/{ID}/restore', {'restore': said}, status=202)
        return cloud

    @property
    def versions(self) -> list[str | None]:
        return [asked.microversion for asked in self.cloud.asked]


class UnpinnedTest(NegotiationTest):
    def test_newest_microversion_is_sent_without_discovery(self) -> None:
        self.assertEqual(self.openstack(RESTORE).status, 0)
        self.assert_asked(*RESTORE_ASKS)
        self.assertEqual(self.versions, ['3.71', '3.71', '3.71'])

    def test_newer_cloud_receives_the_newest_known_microversion(self) -> None:
        self.use_cloud(maximum='3.99')
        self.assertEqual(self.openstack(SHOW).status, 0)
        self.assertEqual(self.versions, ['3.71'])

    def test_major_version_is_not_a_pin(self) -> None:
        self.assertEqual(self.openstack(f'--os-volume-api-version 3 {SHOW}').status, 0)
        self.assertEqual(self.versions, ['3.71'])

    def test_older_cloud_takes_one_extra_request(self) -> None:
        for maximum in ('3.70', '3.42', '3.0'):
            with self.subTest(maximum):
                self.use_cloud(maximum=maximum)
                self.assertEqual(self.openstack(RESTORE).status, 0)
                self.assert_asked(RESTORE_ASKS[0], *RESTORE_ASKS)
                self.assertEqual(self.versions, ['3.71', maximum, maximum, maximum])

    def test_several_backups_take_an_extra_request_for_each_in_flight(self) -> None:
        self.use_cloud(maximum='3.42')
        self.cloud.on(f'GET /backups/{OTHER_ID}', {'backup': backup(OTHER_ID)})
        for id_ in (ID, OTHER_ID):
            self.cloud.on(f'DELETE /backups/{id_}', status=202)
        self.assert_prints(f'volume backup delete {ID} {OTHER_ID}', '')
        self.assertEqual(self.versions.count('3.42'), 4)
        # The two look-ups are sent at once; the first refusal may come before the second.
        self.assertIn(self.versions.count('3.71'), {1, 2})

    def test_negotiation_happens_once(self) -> None:
        self.use_cloud(maximum='3.42').refuse(f'DELETE /backups/{ID}', 406, 'Not Acceptable.')
        self.assertEqual(self.openstack(f'volume backup delete {ID}').status, 1)
        self.assertEqual(self.versions, ['3.71', '3.42', '3.42'])

    def test_list_of_several_pages_takes_one_extra_request(self) -> None:
        more = [{'rel': 'next', 'href': ''}]
        self.use_cloud(maximum='3.42')
        self.cloud.on('GET /backups/detail', {'backups': [backup()], 'backups_links': more})
        self.cloud.on(f'GET /backups/detail?marker={ID}', {'backups': []})
        self.assert_prints('volume backup list -f value -c ID', f'{ID}\n')
        self.assertEqual(self.versions, ['3.71', '3.42', '3.42'])

    def test_refusal_without_range_leads_to_the_version_document(self) -> None:
        self.use_cloud(maximum='3.42', refusal='Not Acceptable')
        self.assertEqual(self.openstack(SHOW).status, 0)
        show = f'GET /backups/{ID}'
        self.assert_asked(show, 'GET /', show)
        self.assertEqual(self.versions, ['3.71', None, '3.42'])

    def test_negotiation_ends_if_the_cloud_names_no_range(self) -> None:
        self.use_cloud(maximum='3.42', refusal='Not Acceptable.')
        self.cloud.on('GET ', status=503)
        self.cloud.on('GET /', status=503)
        self.assert_fails(SHOW, f'Cannot look up backup {ID}: Not Acceptable.')
        self.assertEqual(self.versions, ['3.71', None, '3.71'])

    def test_cloud_without_common_microversion_is_explained(self) -> None:
        self.use_cloud(minimum='3.80', maximum='3.90')
        self.assert_fails(
            SHOW,
            'Cannot use this cloud: it offers Block Storage microversions 3.80 to 3.90, and this '
            'plugin supports none newer than 3.71. Use a newer release of the plugin.',
        )
        self.assert_asked(f'GET /backups/{ID}')


class PinnedTest(NegotiationTest):
    def test_pin_is_sent_with_every_request(self) -> None:
        self.assertEqual(self.openstack(f'--os-volume-api-version 3.17 {RESTORE}').status, 0)
        # The SDK reads the version document because of the pin.
        self.assert_asked('GET ', *RESTORE_ASKS)
        self.assertEqual(self.versions, [None, '3.17', '3.17', '3.17'])

    def test_newest_microversion_of_the_cloud_can_be_pinned(self) -> None:
        self.use_cloud(maximum='3.99')
        result = self.openstack(f'--os-volume-api-version 3.99 {SHOW}')
        if releases.NEWER_THAN_THE_CLIENT.applies(installed()):
            self.assertEqual((result.status, self.versions), (1, []))
            self.assertIn('versions supported by client', result.stderr)
            return
        self.assertEqual(result.status, 0)
        self.assertEqual(self.versions, [None, '3.99'])

    def test_oldest_microversion_can_be_pinned(self) -> None:
        self.assertEqual(self.openstack(f'--os-volume-api-version 3.0 {SHOW}').status, 0)
        self.assertEqual(self.versions[-1], '3.0')

    def test_pin_outside_the_range_of_the_cloud_is_refused(self) -> None:
        for pin in ('3.43', '3.5'):
            with self.subTest(pin):
                self.use_cloud(minimum='3.10', maximum='3.42')
                result = self.openstack(f'--os-volume-api-version {pin} {SHOW}')
                self.assertEqual((result.status, result.stdout), (1, ''))
                self.assertEqual(len(result.stderr.splitlines()), 1)
                for version in (pin, '3.10', '3.42'):
                    self.assertIn(version, result.stderr)
                self.assert_asked('GET ')

    def test_message_about_a_refused_pin_is_complete(self) -> None:
        self.use_cloud(maximum='3.42')
        result = self.openstack(f'--os-volume-api-version 3.99 {SHOW}')
        self.assertNotIn('...', result.stderr)

    def test_rejected_pin_is_not_replaced(self) -> None:
        self.cloud.maximum = '3.10'
        document = {'id': 'v3.0', 'status': 'CURRENT', 'version': '3.71', 'min_version': '3.0'}
        links = [{'rel': 'self', 'href': 'http://volume.test/v3/'}]
        self.cloud.on('GET ', {'versions': [{**document, 'links': links}]})
        self.assert_fails(
            f'--os-volume-api-version 3.17 {SHOW}',
            f'Cannot look up backup {ID}: Version 3.17 is not supported by the API. '
            'Minimum is 3.0 and maximum is 3.10.',
        )
        self.assert_asked('GET ', f'GET /backups/{ID}')
