# SPDX-License-Identifier: Apache-2.0
"""The options of a sandbox."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TypedDict

from tests.sandbox.errors import SandboxError

NEWEST_MICROVERSION = (3, 71)


class Switches(TypedDict, total=False):
    """The options that `Sandbox.start` takes as arguments."""

    max_microversion: str | None
    backup_service: bool
    token_lifetime: int | None
    ceph: bool
    old_parent_rule: bool
    store: str | None


@dataclass(frozen=True)
class Options:
    """The options of `Sandbox.start`, passed to the servers as JSON."""

    max_microversion: str | None = None
    backup_service: bool = True
    token_lifetime: int | None = None
    ceph: bool = False
    old_parent_rule: bool = False
    store: str | None = None
    temporary: bool = False

    def __post_init__(self) -> None:
        if self.max_microversion is not None:
            _check_microversion(self.max_microversion)
        if self.token_lifetime is not None and self.token_lifetime < 1:
            raise SandboxError('The lifetime of a token must be 1 second or longer.')
        if self.store is not None and self.ceph:
            raise SandboxError('Only backups of the POSIX driver can be in another folder.')

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Options:
        return cls(**json.loads(text))


def _check_microversion(text: str) -> None:
    """Refuse a microversion that the servers cannot offer."""
    match = re.fullmatch(r'(\d+)\.(\d+)', text)
    if match is None or not (3, 0) <= (int(match[1]), int(match[2])) <= NEWEST_MICROVERSION:
        newest = '.'.join(map(str, NEWEST_MICROVERSION))
        raise SandboxError(f"Invalid microversion '{text}': use 3.0 to {newest}.")
