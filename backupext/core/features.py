# SPDX-License-Identifier: Apache-2.0
"""What needs which microversion of Block Storage: the one table, and what a cloud allows.

The figures are those of Cinder's API history, tried against a running Cinder.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple


class Microversion(NamedTuple):
    """A microversion, compared as numbers: 3.9 is older than 3.18."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> 'Microversion':
        """Read ``'3.43'``.

        :raises ValueError: it is no microversion.
        """
        major, minor = text.split('.')
        return cls(int(major), int(minor))

    def __str__(self) -> str:
        return f'{self.major}.{self.minor}'


#: The newest microversion that this plugin knows, and so the highest that it asks for.
NEWEST = Microversion(3, 71)


class Feature(NamedTuple):
    """An option or a column that Block Storage has only from a microversion on.

    :param purpose: what it is needed for, where that does not show.
    """

    name: str
    since: Microversion
    admin: bool = False
    purpose: str = ''


def _table(features: Iterable[Feature]) -> dict[str, Feature]:
    return {feature.name: feature for feature in features}


#: Options, by command and option; the command alone where all of it needs a microversion.
OPTIONS = _table(
    [
        Feature('set --name', Microversion(3, 9)),
        Feature('set --description', Microversion(3, 9)),
        Feature('create --property', Microversion(3, 43)),
        Feature('set --property', Microversion(3, 43)),
        Feature('set --no-property', Microversion(3, 43)),
        Feature('unset --property', Microversion(3, 43)),
        Feature('create --availability-zone', Microversion(3, 51)),
        Feature('list --property', Microversion(3, 43)),
        Feature(
            'prune',
            Microversion(3, 43),
            purpose='to see the properties that protect backups',
        ),
        Feature('restore --type', Microversion(3, 47)),
        Feature('restore --availability-zone', Microversion(3, 47)),
    ]
)

#: Columns, by the attribute that they show.
COLUMNS = _table(
    [
        Feature('project_id', Microversion(3, 18), admin=True),
        Feature('metadata', Microversion(3, 43)),
        Feature('user_id', Microversion(3, 56), admin=True),
        Feature('encryption_key_id', Microversion(3, 64)),
    ]
)


class Range(NamedTuple):
    """The microversions that a cloud offers, both ends included."""

    minimum: Microversion
    maximum: Microversion

    def __str__(self) -> str:
        return f'{self.minimum} to {self.maximum}'


_OFFER = re.compile(r'[Mm]inimum is (\d+\.\d+) and maximum is (\d+\.\d+)')


def offered_in(message: str) -> Range | None:
    """Read what a cloud offers from its refusal (406) of a microversion, if it says so."""
    found = _OFFER.search(message)
    if not found:
        return None
    return Range(Microversion.parse(found[1]), Microversion.parse(found[2]))


_REFUSED_PIN = re.compile(
    r'microversion .* of (\d+\.\d+) was requested, .* minimum of (\d+\.\d+) and a maximum of '
    r'(\d+\.\d+)'
)


def pin_objection(message: str) -> str | None:
    """Shorten the SDK's refusal of a pin that the cloud does not have; None if it is no such."""
    found = _REFUSED_PIN.search(message)
    if not found:
        return None
    offer = Range(Microversion.parse(found[2]), Microversion.parse(found[3]))
    return (
        f'Block Storage microversion {found[1]} was asked for, but this cloud offers {offer}: '
        f'use --os-volume-api-version {offer.maximum}, or leave the version out to get the newest'
    )


def highest_common(offer: Range) -> Microversion | None:
    """Choose the newest microversion that the cloud and this plugin know; None if there is none."""
    best = min(offer.maximum, NEWEST)
    return best if best >= offer.minimum else None


def objection(feature: Feature, pin: Microversion | None, offer: Range | None) -> str | None:
    """Say why a feature cannot be had, in a sentence that names what stands in its way.

    :param pin: the microversion that the user chose, if any.
    :param offer: what the cloud is known to offer, if that is known.
    :returns: None where nothing is known to stand in its way.
    """
    what = feature.name.partition(' ')[2] or feature.name
    needs = f'{what} needs Block Storage microversion {feature.since} or newer'
    if feature.purpose:
        needs += f' {feature.purpose}'
    if offer and offer.maximum < feature.since:
        return f'{needs}, but this cloud is too old: it offers {offer}'
    if pin and pin < feature.since:
        return (
            f'{needs}, but {pin} was asked for: use --os-volume-api-version {feature.since}, or '
            f'leave the version out to get the newest'
        )
    return None
