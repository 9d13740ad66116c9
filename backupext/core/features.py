# SPDX-License-Identifier: Apache-2.0
"""Which option and column requires which microversion of Block Storage; what a cloud offers.

The numbers are from Cinder's API history, and were tested with a running Cinder.
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
        """Parse a microversion such as ``'3.43'``.

        :raises ValueError: the text is not a microversion.
        """
        major, minor = text.split('.')
        return cls(int(major), int(minor))

    def __str__(self) -> str:
        return f'{self.major}.{self.minor}'


#: The newest microversion that this plugin knows and requests.
NEWEST = Microversion(3, 71)


class Feature(NamedTuple):
    """An option or a column that requires a microversion of Block Storage.

    :param admin: only administrators have it.
    :param purpose: why it is required, if that is not obvious.
    """

    name: str
    since: Microversion
    admin: bool = False
    purpose: str = ''


def _table(features: Iterable[Feature]) -> dict[str, Feature]:
    return {feature.name: feature for feature in features}


#: Options, by command and option; the command alone if all of it requires a microversion.
OPTIONS = _table(
    [
        Feature('set --name', Microversion(3, 9)),
        Feature('set --description', Microversion(3, 9)),
        Feature('check --label', Microversion(3, 43)),
        Feature('check --property', Microversion(3, 43)),
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
        Feature('rotate', Microversion(3, 43), purpose='to label backups'),
        Feature(
            'recover',
            Microversion(3, 47),
            purpose='to create volumes from backups',
        ),
        Feature('record export --property', Microversion(3, 43)),
        Feature('record import --property', Microversion(3, 43)),
        Feature(
            'verify',
            Microversion(3, 47),
            purpose='to create volumes from backups',
        ),
        Feature('restore --type', Microversion(3, 47)),
        Feature('restore --availability-zone', Microversion(3, 47)),
        Feature('restore --size', Microversion(3, 47)),
    ]
)

#: Columns, by the attribute of a backup that they show.
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


def read_offer(message: str) -> Range | None:
    """Parse what a cloud offers from its refusal (406); None if it is not there."""
    found = _OFFER.search(message)
    if not found:
        return None
    return Range(Microversion.parse(found[1]), Microversion.parse(found[2]))


_REFUSED_PIN = re.compile(
    r'microversion .* of (\S+) was requested, .* minimum of (\d+\.\d+) and a maximum of '
    r'(\d+\.\d+)'
)
_TWO_PINS = re.compile(r'default_microversion of (\S+) was given')


def read_refused_pin(message: str, setting: str | None = None) -> str | None:
    """Shorten the SDK's refusal of a pinned version; None if it is about something else.

    :param setting: the setting in clouds.yaml that pins, if any. No option overrides it.
    """
    found = _REFUSED_PIN.search(message)
    if found:
        offer = Range(Microversion.parse(found[2]), Microversion.parse(found[3]))
        way_out = _way_out(offer, setting)
        return f'{_pinned(found[1], setting)}, but this cloud offers {offer}: {way_out}'
    twice = _TWO_PINS.search(message)
    if twice and setting:
        return (
            f'{_pinned(twice[1], setting)}, which --os-volume-api-version cannot override: '
            f'remove one of them'
        )
    return None


def _pinned(version: object, setting: str | None) -> str:
    if setting:
        return f'{setting} in clouds.yaml requests Block Storage microversion {version}'
    return f'Block Storage microversion {version} was requested'


def _way_out(offer: Range, setting: str | None) -> str:
    if setting:
        return f'set it to {offer.maximum} or older, or remove it to use the newest'
    return (
        f'use --os-volume-api-version {offer.maximum}, or leave the version out to use the newest'
    )


def choose_version(offer: Range) -> Microversion | None:
    """Return the newest microversion that the cloud and this plugin know; None if there is none."""
    best = min(offer.maximum, NEWEST)
    return best if best >= offer.minimum else None


def find_objection(
    feature: Feature, pin: Microversion | None, offer: Range | None, setting: str | None = None
) -> str | None:
    """Return why a feature is not available and what to do, without a full stop.

    :param pin: the microversion that the user chose, if any.
    :param offer: what the cloud offers, if that is known.
    :param setting: the setting in clouds.yaml that pins, if any.
    :returns: None if nothing is known to prevent it.
    """
    what = feature.name.rpartition(' ')[2]
    needs = f'{what} requires Block Storage {feature.since}'
    if feature.purpose:
        needs += f' {feature.purpose}'
    if offer and offer.maximum < feature.since:
        return f'{needs}, but this cloud is too old: it offers {offer}'
    if pin and pin < feature.since:
        if setting:
            return (
                f'{needs}, but {setting} in clouds.yaml requests {pin}: set it to {feature.since} '
                'or newer, or remove it to use the newest'
            )
        return (
            f'{needs}, but {pin} was requested: use --os-volume-api-version {feature.since}, or '
            'leave the version out to use the newest'
        )
    return None
