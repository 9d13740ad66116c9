# SPDX-License-Identifier: Apache-2.0
"""What a server's answer means: the only place that reads Cinder's words."""

import re
from typing import NamedTuple

from backupext.core.causes import Cause
from backupext.core.text import one_sentence


class Refusal(NamedTuple):
    """Why a request was refused, and what to do.

    :param reason: a clause without a full stop; empty if only the server's words explain it.
    :param advice: a sentence that says what to do next.
    """

    cause: Cause
    reason: str
    advice: str | None = None


_TRY_LATER = 'Try again later.'

_BY_STATUS = {
    401: Refusal(
        Cause.NOT_ALLOWED,
        'the service does not allow this request with these credentials',
        'If you use an application credential, check its access rules.',
    ),
    403: Refusal(Cause.NOT_ALLOWED, 'your roles in this project do not allow it'),
    404: Refusal(Cause.NOT_FOUND, ''),
    429: Refusal(Cause.RATE_LIMITED, 'too many requests', _TRY_LATER),
    500: Refusal(
        Cause.SERVER_FAILED,
        'the server failed',
        'Try again later. If it fails again, ask the operator of the cloud.',
    ),
    502: Refusal(Cause.UNAVAILABLE, 'the service is not available', _TRY_LATER),
    503: Refusal(Cause.UNAVAILABLE, 'the service is not available', _TRY_LATER),
    504: Refusal(Cause.UNAVAILABLE, 'the service did not answer in time', _TRY_LATER),
}

_NO_PARENT = Refusal(
    Cause.NO_PARENT,
    'the volume has no backup that an incremental backup can build on',
    'Create a full backup, or use --incremental with --allow-full.',
)

# Cinder's words; they take precedence over the status.
_BY_WORDS = {
    'Service cinder-backup could not be found': Refusal(
        Cause.NO_BACKUP_SERVICE,
        'no backup service is running, or none in its availability zone',
        'Ask the operator of the cloud.',
    ),
    'Incremental backups exist for this backup': Refusal(
        Cause.HAS_DEPENDENTS,
        'incremental backups depend on it',
        'Delete them first, newest first.',
    ),
    'No backups available to do an incremental backup': _NO_PARENT,
    # Cinder 21 and older, if the newest backup is not available.
    'The parent backup must be available for incremental backup': _NO_PARENT,
    'Operation not supported: force delete': Refusal(
        Cause.FORCE_UNSUPPORTED,
        'its backup driver cannot force a deletion',
        'Delete it without --force. If its status does not allow that, ask an administrator to '
        'set it to error first: openstack volume backup set --state error <backup>',
    ),
}

_TOO_LARGE = 413
# Cinder reports an exceeded quota with 413, in different words for each quota.
_QUOTAS = tuple(
    re.compile(words, re.IGNORECASE)
    for words in (
        r"for quota '(\w+)'",
        r'allowed ([\w ]+?) quota',
        r'Maximum number of (\w+) allowed',
        r'over quota on (\w+)',
        r'exceeded for resources: \W*(\w+)',
        r'(\w+)LimitExceeded',
        r'(\w+) quota exceeded',
    )
)
_RATE = re.compile(r'rate.?limit|too many requests', re.IGNORECASE)

_REASON = re.compile(r"""\[Errno -?\d+\] ([^'")>]+)""")
_URL = re.compile(r'https?://[^\s?]+[^\s?:.,]')


def connection(message: str) -> str:
    """Shorten keystoneauth's message about a connection to the endpoint and the reason.

    For a refused connection it has more than 300 characters, with the reason at the end.
    """
    url, reasons = _URL.search(message), _REASON.findall(message)
    if 'RemoteDisconnected' in message:
        reasons = ['the connection was closed without an answer']
    if not url or not reasons:
        return one_sentence(message)
    return f'{url[0]}: {one_sentence(reasons[-1])}'


def read(status: int, message: str, retry_after: float | None = None) -> Refusal:
    """Return what a refusal means, with the server's words in brackets.

    :param status: the HTTP status of the answer.
    :param message: the message in its body, or else the reason in its first line.
    :param retry_after: the number of seconds to wait, if the answer names one.
    """
    said = one_sentence(message)
    refusal = _meaning(status, said, retry_after)
    if not refusal.reason:
        return refusal._replace(reason=said or f'the server returned HTTP status {status}')
    if not said:
        return refusal
    return refusal._replace(reason=f'{refusal.reason} (the server said: {said})')


def _meaning(status: int, said: str, retry_after: float | None) -> Refusal:
    for words, refusal in _BY_WORDS.items():
        if words in said:
            return refusal
    if status == _TOO_LARGE:
        return _too_large(said, retry_after)
    return _BY_STATUS.get(status) or Refusal(Cause.OTHER, '')


def _too_large(said: str, retry_after: float | None) -> Refusal:
    """Return what 413 means: an exceeded quota, a rate limit, or a body too large for a proxy.

    With ``Retry-After: 0`` it is a quota of Cinder, with a larger number a rate limit.
    """
    for words in _QUOTAS:
        quota = words.search(said)
        if quota:
            return _over_quota(quota[1])
    if retry_after or _RATE.search(said):
        return _BY_STATUS[429]
    return Refusal(Cause.OTHER, '')


def _over_quota(name: str) -> Refusal:
    key = name.lower().replace(' ', '_')
    key = 'backups' if key == 'backup' else key
    reason = f"it would exceed the quota '{key}'"
    if not key.startswith('backup'):
        return Refusal(Cause.OTHER_QUOTA, reason)
    advice = 'Delete backups that you no longer need, or ask for a larger quota.'
    return Refusal(Cause.BACKUP_QUOTA, reason, advice)
