# SPDX-License-Identifier: Apache-2.0
"""Who the user is: the project and the roles that the token is for."""

from typing import Any, NamedTuple

from backupext.core.models import Backup


class Access(NamedTuple):
    """What a user may see and change, as far as the token tells."""

    project_id: str | None = None
    project_name: str | None = None
    is_admin: bool = False

    @classmethod
    def of(cls, token: Any) -> 'Access':
        """Read keystoneauth's account of a token; None where there is none."""
        if not token:
            return cls()
        return cls(token.project_id, token.project_name, 'admin' in token.role_names)

    def is_own(self, project: str) -> bool:
        """Tell whether a name or an ID is that of the token's project."""
        return project in {self.project_id, self.project_name}

    def may_be_foreign(self, backup: Backup) -> bool:
        """Tell whether a backup may belong to another project than the token is for.

        Only administrators find such a one, and see whose it is (from 3.18 on).
        """
        if backup.project_id is None:
            return self.is_admin
        return backup.project_id != self.project_id
