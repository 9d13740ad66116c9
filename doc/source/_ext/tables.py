# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  # not a package: Sphinx finds it by its path
"""Tables that are generated from the code, so that they cannot say anything else."""

import re
from argparse import Action
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar
from unittest import mock

import clouds
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from backupext.cli import columns
from backupext.core import features, findings, metrics
from backupext.core import releases as limits
from tests import releases

Cells = Sequence[str]


def options() -> list[Cells]:
    """List the options and commands that require a microversion, the oldest first."""
    ordered = sorted(features.OPTIONS.values(), key=lambda feature: feature.since)
    return [
        ('Option or command', 'Since microversion'),
        *((f'``{option.name}``', str(option.since)) for option in ordered),
    ]


def shown() -> list[Cells]:
    """List the columns that need a microversion, the oldest first."""
    ordered = sorted(features.COLUMNS.values(), key=lambda feature: feature.since)
    return [
        ('Column', 'Since microversion', 'Shown to'),
        *((f'``{column.name}``', str(column.since), _audience(column.admin)) for column in ordered),
    ]


def every_column() -> list[Cells]:
    """List the columns as lists have them: in their order, and those of ``show`` after them."""
    listed = {column.attribute for column in columns.LONG}
    return [
        ('Field', 'Header in lists', 'In', 'Since microversion'),
        *(
            (f'``{column.attribute}``', column.header, _places(column), _since(column))
            for column in columns.LONG
        ),
        *(
            (f'``{column.attribute}``', '', '``show``', _since(column))
            for column in columns.SHOW
            if column.attribute not in listed
        ),
    ]


def kinds_of_findings() -> list[Cells]:
    """List what ``check`` can find, in the order of its summary."""
    return [
        ('Finding', 'Severity', 'Meaning', 'What to do'),
        *(
            (f'``{kind.name}``', kind.severity.name, _with_code(kind.meaning), kind.advice)
            for kind in findings.KINDS
        ),
    ]


def prometheus_metrics() -> list[Cells]:
    """List the metrics that ``check`` writes."""
    known = [(metric.name, metric.help) for metric in metrics.OF_VOLUMES]
    known += [(metric.name, metric.help) for metric in metrics.OF_THE_CHECK]
    return [('Metric', 'Meaning'), *((f'``{metrics.PREFIX}{name}``', text) for name, text in known)]


def release_lines() -> list[Cells]:
    """List the release lines of OSC that are tested, with the libraries of their time."""
    return [
        ('Release', *releases.PACKAGES),
        *((line.title, *line.versions.values()) for line in releases.lines()),
    ]


def release_limits() -> list[Cells]:
    """List what cannot be had with older releases of OSC."""
    return [
        ('What', 'Up to OSC', 'What happens instead'),
        *(
            (limit.what, '.'.join(str(number) for number in limit.until), limit.instead)
            for limit in limits.LIMITS
        ),
    ]


def lower_bounds() -> list[Cells]:
    """List the oldest version of each requirement, as they are tested together."""
    return [('Package', 'At least'), *releases.bounds().items()]


def _with_code(text: str) -> str:
    """Mark the options in a sentence."""
    return re.sub(r'(--[a-z-]+)', r'``\1``', text)


def _audience(admin: bool) -> str:  # noqa: FBT001  # a feature's value
    return 'administrators' if admin else 'everybody'


def _places(column: columns.Column) -> str:
    return f'``{"list" if column in columns.LIST else "list --long"}``, ``show``'


def _since(column: columns.Column) -> str:
    feature = features.COLUMNS.get(column.attribute)
    return str(feature.since) if feature else ''


class GeneratedTable(SphinxDirective):
    """``.. generated-table:: NAME``: a table whose rows a function of this module gives."""

    required_arguments = 1
    tables: ClassVar[dict[str, Callable[[], list[Cells]]]] = {
        'options': options,
        'shown': shown,
        'every-column': every_column,
        'cloud-releases': clouds.cloud_releases,
        'findings': kinds_of_findings,
        'metrics': prometheus_metrics,
        'release-lines': release_lines,
        'release-limits': release_limits,
        'lower-bounds': lower_bounds,
    }

    def run(self) -> list[nodes.Node]:
        """Write the table as reStructuredText, and have it read."""
        table = self.tables.get(self.arguments[0])
        if table is None:
            raise self.error(f'There is no generated table {self.arguments[0]!r}.')
        lines = ['.. list-table::', '   :header-rows: 1', '']
        for cells in table():
            bullets = ['*', *' ' * (len(cells) - 1)]
            lines += [f'   {bullet} - {cell}' for bullet, cell in zip(bullets, cells, strict=True)]
        parent = nodes.Element()
        self.state.nested_parse(StringList(lines, __name__), self.content_offset, parent)
        return list(parent.children)


class NewestMicroversion(SphinxDirective):
    """``.. newest-microversion::``: a paragraph that names the newest one that we know."""

    def run(self) -> list[nodes.Node]:
        """Give the paragraph."""
        text = f'The newest microversion that this release knows is {features.NEWEST}.'
        return [nodes.paragraph('', text)]


class CommandSynopsis(SphinxDirective):
    """``.. command-synopsis::``: a line for each command, with what it cannot do without."""

    def run(self) -> list[nodes.Node]:
        """Write the lines as reStructuredText, and have them read."""
        commands = entry_points(group='openstack.volume_backup.v3')
        lines = [f'| {_synopsis(each)}' for each in sorted(commands, key=lambda one: one.name)]
        parent = nodes.Element()
        self.state.nested_parse(StringList(lines, __name__), self.content_offset, parent)
        return list(parent.children)


def _synopsis(command: EntryPoint) -> str:
    parser = command.load()(mock.Mock(), None).get_parser('')
    # argparse gives no public way to these two.
    groups = [group for group in parser._mutually_exclusive_groups if group.required]  # noqa: SLF001
    arguments = parser._get_positional_actions()  # noqa: SLF001
    words = [
        f'**openstack {command.name.replace("_", " ")}** [*options*]',
        *(f'({" | ".join(map(_option, group._group_actions))})' for group in groups),  # noqa: SLF001
        *(_option(action) for action in parser._actions if _is_required(action)),  # noqa: SLF001
        *map(_argument, arguments),
    ]
    return ' '.join(words)


def _is_required(action: Action) -> bool:
    return action.required and bool(action.option_strings)


def _option(action: Action) -> str:
    value = f' *{action.dest.removesuffix("s")}*' if action.nargs != 0 else ''
    return f'**{action.option_strings[0]}**{value}'


def _argument(action: Action) -> str:
    name = f'*{str(action.metavar or action.dest).strip("<>")}*'
    forms = {'+': f'{name} [{name} ...]', '*': f'[{name} ...]', '?': f'[{name}]'}
    return forms.get(str(action.nargs), name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directives known to Sphinx."""
    app.add_directive('generated-table', GeneratedTable)
    app.add_directive('command-synopsis', CommandSynopsis)
    app.add_directive('newest-microversion', NewestMicroversion)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
