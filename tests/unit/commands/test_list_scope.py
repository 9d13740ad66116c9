# SPDX-License-Identifier: Apache-2.0
import requests

from tests.unit.commands.listing import LIST, PROJECT, ListTest
from tests.unit.rows import ID, VOLUME_ID, backup, volume
from tests.unit.stub import KEYSTONE, OTHER_PROJECT, OWN_PROJECT

NOT_ALL = 'Only an administrator can list the backups of all projects. Showing only your project.'
NOT_OTHERS = "Only an administrator can list another project's backups."


class MemberTest(ListTest):
    """A list of other projects, for a member to whom Cinder shows none."""

    def test_all_projects_warns_members(self) -> None:
        for options in ('--all-projects', '--all'):
            with self.subTest(options):
                self.on_list(backup(), query='?all_tenants=1')
                self.assert_prints(f'{LIST} {options}', f'{ID}\n', NOT_ALL)

    def test_all_projects_warns_members_about_an_empty_list(self) -> None:
        self.on_list(query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', '', NOT_ALL)

    def test_pro_is_an_abbreviation_of_project(self) -> None:
        self.assert_lists('--pro own', '')

    def test_own_project_needs_no_look_up(self) -> None:
        for project in ('own', OWN_PROJECT):
            with self.subTest(project):
                self.cloud.identity.clear()
                self.assert_lists(f'--project {project}', '')
                self.assertEqual(self.cloud.identity, ['GET ', 'POST /auth/tokens'])

    def test_another_project_is_refused(self) -> None:
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        self.on_list(backup(), query=query)
        self.assert_fails(f'{LIST} --project {OTHER_PROJECT}', NOT_OTHERS)

    def test_another_project_is_refused_if_the_cloud_checks_filters(self) -> None:
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        said = 'Invalid filters project_id are found in query options.'
        self.cloud.refuse(f'GET /backups/detail{query}', 400, said)
        self.assert_fails(f'{LIST} --project {OTHER_PROJECT}', NOT_OTHERS)

    def test_another_project_is_refused_if_the_version_hides_owners(self) -> None:
        self.assert_fails(
            f'--os-volume-api-version 3.17 {LIST} --project {OTHER_PROJECT}', NOT_OTHERS
        )
        self.assert_asked('GET ')

    def test_volume_is_looked_up_in_the_own_project(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.on_list(query=f'?all_tenants=1&volume_id={VOLUME_ID}')
        self.assert_prints(f'{LIST} --all-projects --volume data', '', NOT_ALL)


class AdminTest(ListTest):
    def setUp(self) -> None:
        self.use_cloud(roles=('admin', 'member'))

    def test_all_projects_does_not_warn_admins(self) -> None:
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', f'{ID}\n')

    def test_all_projects_does_not_warn_admins_about_an_empty_list(self) -> None:
        self.on_list(query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', '')

    def test_all_projects_does_not_warn_admins_if_the_version_hides_owners(self) -> None:
        self.on_list(backup(), query='?all_tenants=1')
        self.assert_prints(f'--os-volume-api-version 3.17 {LIST} --all-projects', f'{ID}\n')

    def test_all_projects_does_not_warn_other_roles_that_see_owners(self) -> None:
        self.use_cloud(roles=('operator',))
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', f'{ID}\n')

    def test_project_id_needs_no_look_up(self) -> None:
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query=query)
        self.assert_prints(f'{LIST} --project {OTHER_PROJECT}', f'{ID}\n')
        self.assertEqual(self.cloud.identity, ['GET ', 'POST /auth/tokens'])

    def test_project_name_is_looked_up_in_keystone(self) -> None:
        self.cloud.projects = [{'id': OTHER_PROJECT, 'name': 'other'}]
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query=query)
        self.assert_prints(f'{LIST} --project other', f'{ID}\n')
        self.assertEqual(self.cloud.identity[-1], 'GET /projects?name=other')

    def test_unknown_project_is_refused(self) -> None:
        self.assert_fails(f'{LIST} --project other', "No project has the name 'other'.")
        self.assert_asked()

    def test_unreachable_identity_is_named(self) -> None:
        self.cloud._adapter.register_uri(  # noqa: SLF001  # instead of its answer
            'GET', f'{KEYSTONE}/projects', exc=requests.exceptions.ConnectionError('refused')
        )
        result = self.openstack(f'{LIST} --project other')
        self.assertEqual(result.status, 1)
        self.assertIn("Cannot look up project 'other'", result.stderr)
        self.assertIn(': Identity cannot be reached (', result.stderr)

    def test_ambiguous_project_is_refused(self) -> None:
        ids = (OTHER_PROJECT, OWN_PROJECT)
        self.cloud.projects = [{'id': id_, 'name': 'other'} for id_ in ids]
        self.assert_fails(
            f'{LIST} --project other',
            "2 projects have the name 'other'. Use the ID of one of them: "
            f'{OTHER_PROJECT}, {OWN_PROJECT}.',
        )
        self.assert_asked()

    def test_volume_is_looked_up_in_the_scope_of_the_list(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data&all_tenants=1', {'volumes': [volume()]})
        query = f'?all_tenants=1&volume_id={VOLUME_ID}'
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query=query)
        self.assert_prints(f'{LIST} --all-projects --volume data', f'{ID}\n')
