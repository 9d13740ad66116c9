# SPDX-License-Identifier: Apache-2.0
import unittest

from hypothesis import given
from hypothesis import strategies as st

from backupext.core.answers import explain


class ExplainTest(unittest.TestCase):
    def test_a_status_that_means_something_is_explained_before_the_servers_words(self) -> None:
        self.assertEqual(
            explain(403, "Policy doesn't allow backup:delete to be performed."),
            'your roles in this project do not allow it '
            "(the server said: Policy doesn't allow backup:delete to be performed)",
        )

    def test_a_status_without_words_is_explained_all_the_same(self) -> None:
        self.assertEqual(explain(429, ''), 'the cloud asks for fewer requests; try again later')

    def test_a_status_that_means_nothing_special_leaves_the_servers_words(self) -> None:
        self.assertEqual(
            explain(400, 'Invalid backup: status must be available.'),
            'Invalid backup: status must be available',
        )

    def test_every_failure_of_the_service_says_to_try_again(self) -> None:
        for status in (429, 500, 502, 503, 504):
            with self.subTest(status):
                self.assertIn('try again later', explain(status, 'Oh no'))

    def test_a_quota_says_what_to_do(self) -> None:
        self.assertRegex(explain(413, 'BackupLimitExceeded'), 'quota; delete backups .*Exceeded')

    def test_credentials_are_named(self) -> None:
        self.assertIn('credentials', explain(401, 'Unauthorized'))

    def test_known_words_say_more_than_their_status(self) -> None:
        for status, words, advice in (
            (404, 'Service cinder-backup could not be found.', 'ask the operator of the cloud'),
            (503, 'Service cinder-backup could not be found.', 'ask the operator of the cloud'),
            (
                400,
                'Invalid backup: Incremental backups exist for this backup.',
                'delete them first, the newest first',
            ),
            (
                400,
                'Invalid backup: No backups available to do an incremental backup.',
                'create a full one first',
            ),
        ):
            with self.subTest(words, status=status):
                said = explain(status, words)
                self.assertIn(f'{advice} (the server said: {words.rstrip(".")})', said)
                self.assertNotIn('try again', said)

    @given(st.integers(0, 599), st.text())
    def test_it_is_one_clause_whatever_the_server_says(self, status: int, words: str) -> None:
        said = explain(status, words)
        self.assertTrue(said.endswith('...') or not said.endswith('.'), said)
        self.assertLess(len(said), 500)
        self.assertEqual(said.splitlines(), [said] if said else [])
