# SPDX-License-Identifier: Apache-2.0
import unittest

from backupext.core.filters import OWN_PROJECT, Scope


class ScopeTest(unittest.TestCase):
    def test_own_project_needs_no_parameter(self) -> None:
        self.assertEqual(OWN_PROJECT.query, {})

    def test_all_projects_are_requested_as_all_tenants(self) -> None:
        self.assertEqual(Scope(all_projects=True).query, {'all_tenants': '1'})

    def test_one_project_is_requested_among_all_tenants(self) -> None:
        wanted = {'all_tenants': '1', 'project_id': 'p'}
        self.assertEqual(Scope(project_id='p').query, wanted)
        self.assertEqual(Scope(all_projects=True, project_id='p').query, wanted)

    def test_only_the_default_scope_is_the_own_project(self) -> None:
        self.assertEqual(Scope(), OWN_PROJECT)
        self.assertNotEqual(Scope(all_projects=True), OWN_PROJECT)
        self.assertNotEqual(Scope(project_id='p'), OWN_PROJECT)
