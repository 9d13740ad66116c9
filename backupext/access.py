# SPDX-License-Identifier: Apache-2.0
"""Who the user is: the project and the roles of the token."""

from typing import Any, NamedTuple

from backupext.core.models import Backup


class Access(NamedTuple):
    """What a user may see and change, according to the token."""

    project_id: str | None = None
    project_name: str | None = None
    is_admin: bool = False

    @classmethod
    def of(cls, token: Any) -> 'Access':
        """Read keystoneauth's description of a token; None gives access to nothing."""
        if not token:
            return cls()
        return cls(token.project_id, token.project_name, 'admin' in token.role_names)

    def is_own(self, project: str) -> bool:
        """Return whether a name or an ID belongs to the token's project."""
        return project in {self.project_id, self.project_name}

    def may_be_foreign(self, backup: Backup) -> bool:
        """Return whether a backup may belong to a project other than the token's.

        Only administrators find such a backup. They see its project from microversion 3.18 on.
        """
        if backup.project_id is None:
            return self.is_admin
        return backup.project_id != self.project_id
