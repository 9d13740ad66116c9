# SPDX-License-Identifier: Apache-2.0
"""A key manager without Barbican: each encrypted volume and backup has its own ID of one key.

With Cinder's own ``ConfKeyManager`` they all have the same ID, and the API does not show that one.
"""

from __future__ import annotations

import uuid
from typing import Any

from cinder.keymgr import conf_key_mgr


class FixedKeyManager(conf_key_mgr.ConfKeyManager):  # type: ignore[misc]  # Cinder comes without types
    """Returns the key in the configuration for every ID."""

    def create_key(self, context: Any, **_kwargs: Any) -> str:  # noqa: ARG002
        return str(uuid.uuid4())

    def store(self, context: Any, managed_object: Any, **_kwargs: Any) -> str:  # noqa: ARG002
        return str(uuid.uuid4())

    def get(self, context: Any, managed_object_id: str) -> Any:  # noqa: ARG002
        return self._get_key()

    def delete(self, context: Any, managed_object_id: str) -> None:
        """Keep the key: other volumes use it."""
