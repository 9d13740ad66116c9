# SPDX-License-Identifier: Apache-2.0
import ast
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.unit.project.inventory import PACKAGE, ROOT

#: The modules that each layer may import, besides itself and the exceptions.
ARROWS = {
    'commands': {'cli', 'operations', 'cloud', 'core'},
    'cli': {'core'},
    'operations': {'cloud', 'resource', 'local', 'parallel', 'core'},
    'cloud': {'resource', 'session', 'faults', 'access', 'core'},
    'session': {'faults', 'parallel', 'core'},
    'resource': {'faults', 'core'},
    'faults': {'core'},
    'access': {'core'},
    'local': {'core'},
    'parallel': set(),
    'core': set(),
    'errors': set(),
    'plugin': set(),
}
#: What a layer may import inside functions, or for types, only. The command line builds the cloud,
#: the patience and the schedule that operations are given, and its reporter implements the protocol
#: of theirs: it knows the types of that, and the operations know nothing of it.
LATE_ARROWS = {'errors': {'core'}, 'cli': {'cloud', 'operations'}}

#: Modules with access to the outside world, which pure logic must not import.
IMPURE = {'io', 'logging', 'os', 'pathlib', 'random', 'socket', 'subprocess', 'sys', 'time'}
IMPURE_CALLS = {'input', 'now', 'open', 'print', 'today', 'utcnow'}

VAGUE = {'common', 'helper', 'helpers', 'manager', 'misc', 'util', 'utils'}


class Import(NamedTuple):
    """A module that is imported, and whether that waits until a function runs."""

    module: str
    is_late: bool


def imports(node: ast.AST, *, is_late: bool = False) -> Iterator[Import]:
    """Yield the imports of a source; ``from a import b`` may import the module a.b."""
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, is_late) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = '.' * node.level + (node.module or '')
        yield from (Import(f'{base}.{alias.name}', is_late) for alias in node.names)
    else:
        waits = is_late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from imports(child, is_late=waits or _is_for_types(node))


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == 'TYPE_CHECKING'


def layer(module: str) -> str:
    """Return the layer of a module."""
    return module.split('.')[1]


def wrong_arrows(of: str, source: str) -> list[str]:
    """Return the imports of a module that its layer does not allow."""
    found = imports(ast.parse(source))
    return [
        one.module
        for one in found
        if one.module.startswith('.')
        or (one.module.startswith('backupext.') and layer(one.module) not in _allowed(of, one))
    ]


def _allowed(of: str, one: Import) -> set[str]:
    late = LATE_ARROWS.get(of, set()) if one.is_late else set()
    return ARROWS[of] | late | {of, 'errors'}


def foreign(source: str) -> set[str]:
    """Return the imported packages other than the standard library and the plugin."""
    packages = {one.module.split('.')[0] for one in imports(ast.parse(source))}
    return packages - sys.stdlib_module_names - {'backupext'}


def impurities(source: str) -> set[str]:
    """Return the impure calls and imports of a source."""
    tree = ast.parse(source)
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {call.attr if isinstance(call, ast.Attribute) else ast.unparse(call) for call in calls}
    packages = {one.module.split('.')[0] for one in imports(tree)}
    return (names & IMPURE_CALLS) | (packages & IMPURE)


def modules(name: str = '') -> list[Path]:
    """Return the modules of the plugin, or of one layer."""
    return [
        path
        for path in sorted(PACKAGE.rglob('*.py'))
        if path.parent != PACKAGE or path.stem != '__init__'
        if name in {'', _layer_of(path)}
    ]


def _layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix('.py')


class LayerTest(unittest.TestCase):
    def test_every_module_belongs_to_a_layer(self) -> None:
        self.assertEqual({_layer_of(path) for path in modules()}, set(ARROWS))

    def test_every_import_follows_an_arrow(self) -> None:
        for path in modules():
            with self.subTest(path.relative_to(ROOT)):
                self.assertEqual(wrong_arrows(_layer_of(path), path.read_text('utf-8')), [])

    def test_core_imports_the_standard_library_only(self) -> None:
        for path in modules('core') + modules('errors'):
            with self.subTest(path.relative_to(ROOT)):
                self.assertEqual(foreign(path.read_text('utf-8')), set())

    def test_core_only_computes(self) -> None:
        for path in modules('core'):
            with self.subTest(path.relative_to(ROOT)):
                self.assertEqual(impurities(path.read_text('utf-8')), set())

    def test_plugin_module_imports_the_standard_library_only(self) -> None:
        source = (PACKAGE / 'plugin.py').read_text('utf-8')
        self.assertEqual(foreign(source), set())
        self.assertNotIn('backupext', {one.module.split('.')[0] for one in _all(source)})

    def test_no_module_has_a_vague_name(self) -> None:
        names = {part for path in modules() for part in path.relative_to(PACKAGE).parts}
        self.assertEqual({name.removesuffix('.py') for name in names} & VAGUE, set())

    def test_every_file_begins_with_its_licence(self) -> None:
        for path in [*PACKAGE.rglob('*.py'), *(ROOT / 'tests').rglob('*.py')]:
            with self.subTest(path.relative_to(ROOT)):
                first = path.read_text('utf-8').partition('\n')[0]
                self.assertEqual(first, '# SPDX-License-Identifier: Apache-2.0')


def _all(source: str) -> list[Import]:
    return list(imports(ast.parse(source)))


class RuleTest(unittest.TestCase):
    """The rules notice violations."""

    def test_import_against_an_arrow_is_noticed(self) -> None:
        for of, source in (
            ('core', 'from backupext import cloud'),
            ('core', 'from backupext.cloud import Cloud'),
            ('core', 'import backupext.cli.base'),
            ('cloud', 'from backupext.operations import restore'),
            ('session', 'from backupext import resource'),
            ('faults', 'from backupext.cloud import Cloud'),
            ('access', 'from backupext import session'),
            ('resource', 'from backupext import session'),
            ('operations', 'from backupext.cli import columns'),
            ('operations', 'def late():\n    from backupext.cli import columns'),
            ('cli', 'from backupext.cloud import Cloud'),
            ('cli', 'if True:\n    from backupext.cloud import Cloud'),
            ('operations', 'from backupext.cli.reporter import Reporter'),
            ('cli', 'from backupext.operations.patience import Clock'),
            ('cli', 'def late():\n    from backupext.commands import wait'),
            ('core', 'from . import models'),
        ):
            with self.subTest(source, of=of):
                self.assertEqual(len(wrong_arrows(of, source)), 1)

    def test_import_along_an_arrow_is_accepted(self) -> None:
        for of, source in (
            ('core', 'from backupext import errors'),
            ('core', 'from backupext.core import models'),
            ('cloud', 'from backupext import errors, resource'),
            ('cli', 'def late():\n    from backupext.cloud import Cloud'),
            ('cli', 'if TYPE_CHECKING:\n    from backupext.cloud import Cloud'),
            ('cli', 'from backupext.cli import plans'),
            ('cli', 'if TYPE_CHECKING:\n    from backupext.operations.schedule import Schedule'),
            ('cli', 'def late():\n    from backupext.operations.patience import Clock'),
        ):
            with self.subTest(source, of=of):
                self.assertEqual(wrong_arrows(of, source), [])

    def test_impure_logic_is_noticed(self) -> None:
        for source, found in (
            ('import logging', 'logging'),
            ('from os import environ', 'os'),
            ('def late():\n    import time', 'time'),
            ('datetime.now(timezone.utc)', 'now'),
            ('print(1)', 'print'),
        ):
            with self.subTest(source):
                self.assertEqual(impurities(source), {found})

    def test_foreign_package_is_noticed(self) -> None:
        self.assertEqual(foreign('import re\nfrom keystoneauth1 import x'), {'keystoneauth1'})
