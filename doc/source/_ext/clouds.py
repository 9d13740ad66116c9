# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  # not a package: Sphinx finds it by its path
"""What the Block Storage of each OpenStack release offers.

The figures are those of ``cinder/api/openstack/api_version_request.py`` in each release's branch
or last tag. What an option or a column needs stands in ``backupext.core.features``.
"""

from backupext.core.features import COLUMNS, OPTIONS, Feature, Microversion

RELEASES = (
    ('Mitaka', '3.0'),
    ('Newton', '3.15'),
    ('Ocata', '3.27'),
    ('Pike', '3.43'),
    ('Queens', '3.50'),
    ('Rocky', '3.55'),
    ('Stein, Train', '3.59'),
    ('Ussuri', '3.60'),
    ('Victoria', '3.62'),
    ('Wallaby', '3.64'),
    ('Xena', '3.66'),
    ('Yoga', '3.68'),
    ('Zed, 2023.1, 2023.2', '3.70'),
    ('2024.1 to 2026.1', '3.71'),
)


def cloud_releases() -> list[tuple[str, str, str]]:
    """List the releases of OpenStack, with what is new to the plugin in each."""
    rows = [('OpenStack', 'Newest microversion', 'What works from here on')]
    before = None
    for title, text in RELEASES:
        newest = Microversion.parse(text)
        rows.append((title, text, _gained(before, newest)))
        before = newest
    return rows


def _gained(before: Microversion | None, newest: Microversion) -> str:
    if before is None:
        return 'everything that is not named below'
    options = [one for one in OPTIONS.values() if before < one.since <= newest]
    columns = [one for one in COLUMNS.values() if before < one.since <= newest]
    named = [f'``{one.name}``' for one in options] + [_column(one) for one in columns]
    return ', '.join(named) or 'as before'


def _column(feature: Feature) -> str:
    return f'the field ``{feature.name}``'
