# SPDX-License-Identifier: Apache-2.0
"""Why requests fail; code decides by these causes, not by words."""

from enum import Enum


class Cause(Enum):
    """Why a request failed, judged by the answer or by its absence."""

    #: The identity service does not accept the credentials.
    CREDENTIALS = 'credentials'
    #: The user's roles or the access rules of the credential do not allow the request.
    NOT_ALLOWED = 'not allowed'
    NOT_FOUND = 'not found'
    #: No backup service runs, or none in the availability zone.
    NO_BACKUP_SERVICE = 'no backup service'
    #: Incremental backups depend on the backup that was to be deleted.
    HAS_DEPENDENTS = 'has dependents'
    #: An incremental backup has no parent to build on.
    NO_PARENT = 'no parent'
    #: The backup driver cannot force a deletion.
    FORCE_UNSUPPORTED = 'force unsupported'
    BACKUP_QUOTA = 'backup quota'
    #: A quota of something else, such as volumes.
    OTHER_QUOTA = 'other quota'
    #: Too many requests in a short time.
    RATE_LIMITED = 'rate limited'
    #: The server failed (500).
    SERVER_FAILED = 'server failed'
    #: The service is down at the moment, or the proxy cannot reach it (502, 503, 504).
    UNAVAILABLE = 'unavailable'
    #: No connection, or a broken one.
    UNREACHABLE = 'unreachable'
    #: A connection, but no answer in time.
    NO_ANSWER = 'no answer'
    #: The server's certificate cannot be trusted.
    UNTRUSTED = 'untrusted'
    #: The service catalogue or the configuration leads to no Block Storage.
    NO_SERVICE = 'no service'
    #: What answered is not Block Storage.
    UNEXPECTED_ANSWER = 'unexpected answer'
    #: Anything else; the server's message explains it.
    OTHER = 'other'

    @property
    def is_transient(self) -> bool:
        """Whether a later try may succeed."""
        return self.leaves_doubt or self is Cause.RATE_LIMITED

    @property
    def leaves_doubt(self) -> bool:
        """Whether the server may have carried out a request that reached it."""
        return self in {
            Cause.SERVER_FAILED,
            Cause.UNAVAILABLE,
            Cause.UNREACHABLE,
            Cause.NO_ANSWER,
        }
