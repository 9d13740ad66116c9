# SPDX-License-Identifier: Apache-2.0
"""What a refusal of the cloud means, and what to do about it."""

import re

from backupext.core.text import one_sentence

_BY_STATUS = {
    401: 'the cloud does not accept these credentials',
    403: 'your roles in this project do not allow it',
    413: 'it would exceed the quota; delete backups that are not needed, or ask for a larger quota',
    429: 'the cloud asks for fewer requests; try again later',
    500: 'the server failed; try again later, or ask the operator of the cloud',
    502: 'the service is not available; try again later',
    503: 'the service is not available; try again later',
    504: 'the service did not answer in time; try again later',
}

# Cinder's words, and what to do. They stand for the status where both say something.
_BY_MESSAGE = {
    'Service cinder-backup could not be found': (
        'no backup service is running for it, or none in its availability zone; ask the operator '
        'of the cloud'
    ),
    'Incremental backups exist for this backup': (
        'incremental backups depend on it; delete them first, the newest first'
    ),
    'No backups available to do an incremental backup': (
        'the volume has no backup to build on; create a full one first'
    ),
}

_REASON = re.compile(r"""\[Errno -?\d+\] ([^'")>]+)""")
_URL = re.compile(r'https?://[^\s?]+[^\s?:.,]')


def connection(message: str) -> str:
    """Shorten keystoneauth's account of a lost connection to the endpoint and the reason.

    urllib3's words for a refused connection take more than 300 characters and end in the reason.
    """
    url, reasons = _URL.search(message), _REASON.findall(message)
    if 'RemoteDisconnected' in message:
        reasons = ['the connection was closed without an answer']
    if not url or not reasons:
        return one_sentence(message)
    return f'{url[0]}: {one_sentence(reasons[-1])}'


def explain(status: int, message: str) -> str:
    """Join what the status or the message means with what the server said.

    :param status: the HTTP status of the answer.
    :param message: the message in its body, or its reason where there is none.
    :returns: a clause without a full stop.
    """
    said = one_sentence(message)
    meaning = _meaning(status, said)
    if not meaning:
        return said
    return f'{meaning} (the server said: {said})' if said else meaning


def _meaning(status: int, said: str) -> str | None:
    for words, meaning in _BY_MESSAGE.items():
        if words in said:
            return meaning
    return _BY_STATUS.get(status)
