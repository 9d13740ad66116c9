# SPDX-License-Identifier: Apache-2.0
import unittest

from hypothesis import given
from hypothesis import strategies as st

from backupext.core.causes import Cause
from backupext.core.refusals import read


class ReadTest(unittest.TestCase):
    def test_known_status_is_explained_before_the_servers_words(self) -> None:
        refusal = read(403, "Policy doesn't allow backup:delete to be performed.")
        self.assertEqual(refusal.cause, Cause.NOT_ALLOWED)
        self.assertEqual(
            refusal.reason,
            'your roles in this project do not allow it '
            "(the server said: Policy doesn't allow backup:delete to be performed)",
        )

    def test_known_status_is_explained_without_words(self) -> None:
        self.assertEqual(read(429, '').reason, 'too many requests')

    def test_unknown_status_without_words_is_named(self) -> None:
        self.assertEqual(read(418, '').reason, 'the server returned HTTP status 418')

    def test_unknown_status_has_the_servers_words(self) -> None:
        refusal = read(400, 'Invalid backup: status must be available.')
        self.assertEqual(refusal, (Cause.OTHER, 'Invalid backup: status must be available', None))

    def test_failures_of_the_service_advise_to_try_again(self) -> None:
        for status in (429, 500, 502, 503, 504):
            with self.subTest(status):
                self.assertIn('Try again later.', read(status, 'Oh no').advice or '')

    def test_backup_quota_is_named_with_advice(self) -> None:
        for words, name in (
            ('Maximum number of backups allowed (10) exceeded', 'backups'),
            (
                'Requested backup exceeds allowed Backup gigabytes quota. Requested 1G.',
                'backup_gigabytes',
            ),
            ('BackupLimitExceeded', 'backups'),
            ("Quota exceeded for resources: ['backups']", 'backups'),
            ('Unexpected over quota on backup_gigabytes.', 'backup_gigabytes'),
        ):
            with self.subTest(words):
                refusal = read(413, words, 0)
                self.assertEqual(refusal.cause, Cause.BACKUP_QUOTA)
                self.assertIn(f"it would exceed the quota '{name}' (", refusal.reason)
                self.assertIn('Delete backups', refusal.advice or '')

    def test_other_quota_has_no_advice_to_delete_backups(self) -> None:
        for words, name in (
            ("Maximum number of volumes allowed (10) exceeded for quota 'volumes'.", 'volumes'),
            (
                "Maximum number of volumes allowed (2) exceeded for quota 'volumes_fast'.",
                'volumes_fast',
            ),
            (
                'Requested volume or snapshot exceeds allowed gigabytes quota. Requested 5G.',
                'gigabytes',
            ),
            ('Maximum number of snapshots allowed (10) exceeded', 'snapshots'),
        ):
            with self.subTest(words):
                refusal = read(413, words, 0)
                self.assertEqual((refusal.cause, refusal.advice), (Cause.OTHER_QUOTA, None))
                self.assertIn(f"the quota '{name}' (", refusal.reason)

    def test_rate_limit_is_not_a_quota(self) -> None:
        for words, retry_after in (
            ('This request was rate-limited.', None),
            ('Over limit.', 30.0),
            ('Too many requests', 0.0),
        ):
            with self.subTest(words):
                self.assertEqual(read(413, words, retry_after).cause, Cause.RATE_LIMITED)

    def test_proxy_limit_is_reported_in_its_words(self) -> None:
        refusal = read(413, 'Request Entity Too Large')
        self.assertEqual(refusal, (Cause.OTHER, 'Request Entity Too Large', None))

    def test_refused_credentials_are_not_called_wrong(self) -> None:
        refusal = read(401, 'Unauthorized')
        self.assertEqual(refusal.cause, Cause.NOT_ALLOWED)
        self.assertIn('does not allow this request', refusal.reason)

    def test_known_words_take_precedence_over_the_status(self) -> None:
        for status, words, cause, advice in (
            (
                404,
                'Service cinder-backup could not be found.',
                Cause.NO_BACKUP_SERVICE,
                'Ask the operator of the cloud.',
            ),
            (
                503,
                'Service cinder-backup could not be found.',
                Cause.NO_BACKUP_SERVICE,
                'Ask the operator of the cloud.',
            ),
            (
                400,
                'Invalid backup: Incremental backups exist for this backup.',
                Cause.HAS_DEPENDENTS,
                'Delete them first, newest first.',
            ),
            (
                400,
                'Invalid backup: No backups available to do an incremental backup.',
                Cause.NO_PARENT,
                'Create a full backup, or use --incremental with --allow-full.',
            ),
            (
                400,
                'Invalid backup: The parent backup must be available for incremental backup.',
                Cause.NO_PARENT,
                'Create a full backup, or use --incremental with --allow-full.',
            ),
        ):
            with self.subTest(words, status=status):
                refusal = read(status, words)
                self.assertEqual((refusal.cause, refusal.advice), (cause, advice))
                self.assertIn(f'(the server said: {words.rstrip(".")})', refusal.reason)

    @given(st.integers(0, 599), st.text())
    def test_reason_is_always_one_clause(self, status: int, words: str) -> None:
        said = read(status, words).reason
        self.assertTrue(said.endswith('...') or not said.endswith('.'), said)
        self.assertLess(len(said), 500)
        self.assertEqual(said.splitlines(), [said])
