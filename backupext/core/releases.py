# SPDX-License-Identifier: Apache-2.0
"""What does not work with older releases of OSC.

The releases were found by running the tests with each release line.
"""

from typing import NamedTuple


class Limit(NamedTuple):
    """Something that works only after a release of OSC."""

    what: str
    #: The last release without it: (10, 1) means every 10.1.
    until: tuple[int, int]
    #: What happens with these releases.
    instead: str

    def applies(self, osc: str) -> bool:
        """Return whether it does not work with a release of OSC, such as ``'6.0.1'``."""
        major, minor, *_ = osc.split('.')
        return (int(major), int(minor)) <= self.until


LIMIT_PER_PAGE = Limit(
    '``list --limit`` as the size of a page',
    (6, 2),
    'It is the total number, as with the built-in ``list`` of these releases, so scripts get no '
    'more rows than before. ``--max-items`` is the total number with every release.',
)

# Up to OSC 10.1, python-cinderclient checks the version before a command starts.
VERSION_2 = Limit(
    'The built-in commands with ``--os-volume-api-version 2``',
    (10, 1),
    'OSC refuses version 2, because python-cinderclient no longer supports it.',
)
NEWER_THAN_THE_CLIENT = Limit(
    '``--os-volume-api-version`` with a microversion that the installed python-cinderclient does '
    'not know',
    (10, 1),
    'OSC refuses it, and names the versions that python-cinderclient knows. Without the option, '
    'the plugin uses the newest version that it and the cloud know.',
)
VERSION_3_0 = Limit(
    '``--os-volume-api-version 3.0`` without a warning',
    (10, 1),
    'It works, but OSC warns on standard error that 3.0 is not a supported version.',
)

LIMITS = (LIMIT_PER_PAGE, VERSION_2, NEWER_THAN_THE_CLIENT, VERSION_3_0)
