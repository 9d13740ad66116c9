# SPDX-License-Identifier: Apache-2.0
"""Why requests fail: what code decides by, instead of by words."""

from enum import Enum


class Cause(Enum):
    """Why a request failed, as far as the answer, or the lack of one, tells."""

    #: The identity service does not accept the credentials.
    CREDENTIALS = 'credentials'
    #: The user's roles or the access rules of the credential do not allow the request.
    NOT_ALLOWED = 'not allowed'
    NOT_FOUND = 'not found'
    #: No backup service runs, or none in the availability zone.
    NO_BACKUP_SERVICE = 'no backup service'
    #: A parent cannot be deleted while an incremental backup builds on it.
    HAS_DEPENDENTS = 'has dependents'
    #: There is nothing that an incremental backup could build on.
    NO_PARENT = 'no parent'
    #: The backup driver cannot force a deletion.
    FORCE_UNSUPPORTED = 'force unsupported'
    BACKUP_QUOTA = 'backup quota'
    #: A quota of something else, such as volumes.
    OTHER_QUOTA = 'other quota'
    #: Too many requests; it passes.
    RATE_LIMITED = 'rate limited'
    #: The server failed (500).
    SERVER_FAILED = 'server failed'
    #: The service, or the proxy's way to it, is down for the moment (502, 503, 504).
    UNAVAILABLE = 'unavailable'
    #: No connection, or one that broke.
    UNREACHABLE = 'unreachable'
    #: A connection, but no answer in time.
    NO_ANSWER = 'no answer'
    #: The server's certificate cannot be trusted.
    UNTRUSTED = 'untrusted'
    #: The service catalogue or the configuration leads to no Block Storage.
    NO_SERVICE = 'no service'
    #: What answered is not Block Storage.
    UNEXPECTED_ANSWER = 'unexpected answer'
    #: Anything else: the server's words say it.
    OTHER = 'other'

    @property
    def is_transient(self) -> bool:
        """Whether it may pass on its own."""
        return self.leaves_doubt or self is Cause.RATE_LIMITED

    @property
    def leaves_doubt(self) -> bool:
        """Whether a request that reached the server may have been carried out all the same."""
        return self in {
            Cause.SERVER_FAILED,
            Cause.UNAVAILABLE,
            Cause.UNREACHABLE,
            Cause.NO_ANSWER,
        }
