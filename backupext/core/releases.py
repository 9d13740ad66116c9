# SPDX-License-Identifier: Apache-2.0
"""What does not work with older releases of OSC.

The releases were found by running the tests with each release line.
"""

from typing import NamedTuple


class Limit(NamedTuple):
    """Something that works only after a release of OSC."""

    what: str
    #: The last release without it: (10, 1) is every 10.1.
    until: tuple[int, int]
    #: What happens there.
    instead: str

    def applies(self, osc: str) -> bool:
        """Return whether it does not work with a release of OSC, such as ``'6.0.1'``."""
        major, minor, *_ = osc.split('.')
        return (int(major), int(minor)) <= self.until


LIMIT_PER_PAGE = Limit(
    '``list --limit`` as the size of a page',
    (6, 2),
    'It is the number in total, as with the built-in ``list`` of that release: scripts get no more '
    'than before. ``--max-items`` is the number in total everywhere.',
)

# Up to OSC 10.1 python-cinderclient has its say before a command starts.
VERSION_2 = Limit(
    'The built-in commands with ``--os-volume-api-version 2``',
    (10, 1),
    'OSC refuses version 2: python-cinderclient has dropped it.',
)
NEWER_THAN_THE_CLIENT = Limit(
    '``--os-volume-api-version`` with a microversion that the installed python-cinderclient does '
    'not know',
    (10, 1),
    'OSC refuses it, and names what python-cinderclient knows. Left out, the newest that the '
    'cloud and the plugin know is used all the same.',
)
VERSION_3_0 = Limit(
    '``--os-volume-api-version 3.0`` without a warning',
    (10, 1),
    'It works, and OSC says on standard error that 3.0 is not in the versions that it supports.',
)

LIMITS = (LIMIT_PER_PAGE, VERSION_2, NEWER_THAN_THE_CLIENT, VERSION_3_0)
