# SPDX-License-Identifier: Apache-2.0
"""Which backups a list asks for."""

from typing import NamedTuple


class Scope(NamedTuple):
    """Whose backups are looked at: the user's project's, one project's, or everybody's."""

    all_projects: bool = False
    project_id: str | None = None

    @property
    def query(self) -> dict[str, str]:
        """The parameters that ask for it, which Cinder heeds for administrators only."""
        if self.project_id:
            return {'all_tenants': '1', 'project_id': self.project_id}
        return {'all_tenants': '1'} if self.all_projects else {}

    @property
    def option(self) -> str:
        """The option that a user gave for it."""
        return '--project' if self.project_id else '--all-projects'


#: The project that the user's token is for.
OWN_PROJECT = Scope()
