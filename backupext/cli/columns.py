# SPDX-License-Identifier: Apache-2.0
"""The tables that commands print, one column a line; and how values are written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from cliff.columns import FormattableColumn
from osc_lib.cli import format_columns

from backupext.core.text import visible

if TYPE_CHECKING:
    _TextColumn = FormattableColumn[str]
else:
    _TextColumn = FormattableColumn  # cliff before 4.9 has none that takes a type


class SafeText(_TextColumn):
    """Text with characters that a terminal would obey: escaped for people, raw for machines.

    It can be sorted among plain text: only some values of a column need it.
    """

    def human_readable(self) -> str:
        """Give what is safe to show on a terminal."""
        return visible(self._value)

    def __lt__(self, other: object) -> bool:
        return self._value < _raw(other)

    def __gt__(self, other: object) -> bool:
        return self._value > _raw(other)


def _raw(text: object) -> str:
    return text.machine_readable() if isinstance(text, SafeText) else str(text)


class PropertiesColumn(format_columns.DictColumn):
    """Properties as OSC's lists write them for people, made safe."""

    def human_readable(self) -> str:
        """Give ``key='value'``, several of them separated by commas."""
        return visible(super().human_readable())


class VolumeColumn(_TextColumn):
    """A volume: its name for people, where it has one, and its ID for machines."""

    def __init__(self, value: str, names: 'VolumeNames') -> None:
        super().__init__(value)
        self._names = names

    def human_readable(self) -> str:
        """Give the name; a volume without one, or of another project, or gone, has its ID."""
        return visible(self._names.get(self._value))


class VolumeNames:
    """The names of volumes, asked for only when one is shown.

    A few are read one by one, more of them a page of all volumes at a time.

    :param read_one: gives a volume's name, None where it has none or is not the project's.
    :param pages: names by ID, of all the project's volumes.
    """

    _FEW = 2

    def __init__(
        self,
        read_one: Callable[[str], str | None],
        pages: Iterator[Mapping[str, str | None]],
    ) -> None:
        self._read_one = read_one
        self._pages = pages
        self._known: dict[str, str | None] = {}

    def get(self, volume_id: str) -> str:
        """Give a volume's name, or its ID where it has none or is not the project's."""
        if volume_id not in self._known:
            self._learn(volume_id)
        return self._known.get(volume_id) or volume_id

    def column(self, volume_id: str | None) -> VolumeColumn | None:
        """Give what shows a volume: its name for people, its ID for machines."""
        return VolumeColumn(volume_id, self) if volume_id else None

    def _learn(self, volume_id: str) -> None:
        if len(self._known) < self._FEW:
            self._known[volume_id] = self._read_one(volume_id)
            return
        for page in self._pages:
            self._known.update(page)
            if volume_id in self._known:
                return
        self._known[volume_id] = None


def safe(value: Any) -> Any:
    """Wrap text that is not safe to show; almost none is, and a plain string costs less."""
    if isinstance(value, str) and not value.isprintable():
        return SafeText(value)
    return value


def _properties(value: dict[str, str] | None) -> PropertiesColumn:
    return PropertiesColumn(value or {})


def _reasons(value: Iterable[str]) -> Any:
    return safe(', '.join(value))


class Column(NamedTuple):
    """A column: its header, and which attribute of a thing it shows, and how.

    :param attribute: its name, or the path to it, such as ``backup.id``.
    :param show: makes what cliff's formatters take of the value.
    :param by_name: people see the name of the volume whose ID the value is.
    """

    header: str
    attribute: str
    show: Callable[[Any], Any] = safe
    by_name: bool = False


def _fields(*attributes: str) -> tuple[Column, ...]:
    """Name columns as the API names them, as OSC does where it shows one thing."""
    return tuple(Column(attribute, attribute) for attribute in attributes)


#: What ``list`` prints, in the order of OSC.
LIST = (
    Column('ID', 'id'),
    Column('Name', 'name'),
    Column('Description', 'description'),
    Column('Status', 'status'),
    Column('Size', 'size'),
    Column('Incremental', 'is_incremental'),
    Column('Created At', 'created_at'),
)
#: What ``list --long`` prints: OSC's own columns first.
LONG = (
    *LIST,
    Column('Availability Zone', 'availability_zone'),
    Column('Volume', 'volume_id', by_name=True),
    Column('Container', 'container'),
    Column('Project', 'project_id'),
    Column('User', 'user_id'),
    Column('Snapshot', 'snapshot_id'),
    Column('Data Timestamp', 'data_timestamp'),
    Column('Has Dependents', 'has_dependent_backups'),
    Column('Object Count', 'object_count'),
    Column('Properties', 'metadata', _properties),
    Column('Fail Reason', 'fail_reason'),
)
#: What ``show`` prints: all that there is, in alphabetical order.
SHOW = _fields(*sorted({*(column.attribute for column in LONG), 'encryption_key_id', 'updated_at'}))
#: What ``tree`` prints for machines.
TREE = (
    Column('ID', 'backup.id'),
    Column('Name', 'backup.name'),
    Column('Volume', 'backup.volume_id'),
    Column('Status', 'backup.status'),
    Column('Size', 'backup.size'),
    Column('Incremental', 'backup.is_incremental'),
    Column('Created At', 'backup.created_at'),
    Column('Parent', 'parent'),
    Column('Certain', 'is_certain'),
)
#: What ``prune`` prints: the plan.
PRUNE = (
    Column('Decision', 'action.value'),
    Column('ID', 'backup.id'),
    Column('Name', 'backup.name'),
    Column('Volume', 'backup.volume_id'),
    Column('Incremental', 'backup.is_incremental'),
    Column('Created At', 'backup.created_at'),
    Column('Reasons', 'reasons', _reasons),
)
#: What ``summary`` prints.
SUMMARY = (
    Column('Volume', 'volume_id', by_name=True),
    Column('Status', 'status'),
    Column('Kind', 'kind'),
    Column('Backups', 'count'),
    Column('Size', 'size'),
    Column('Oldest', 'oldest'),
    Column('Newest', 'newest'),
)
#: What ``create`` prints.
CREATED = _fields('id', 'name', 'volume_id')
#: What ``restore`` prints: the backup's ID, and the volume's ID and name.
RESTORED = _fields('id', 'volume_id', 'volume_name')
#: What ``record import`` prints.
IMPORTED = _fields('id', 'name')


def table(
    columns: Sequence[Column], things: Iterable[Any], names: VolumeNames | None = None
) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    """Give headers and rows, one row at a time as the formatter takes them.

    :param names: the names of volumes; without them people see IDs.
    """
    return tuple(column.header for column in columns), _rows(columns, things, names)


def _rows(
    columns: Sequence[Column], things: Iterable[Any], names: VolumeNames | None
) -> Iterator[tuple[Any, ...]]:
    cells = [
        (attrgetter(column.attribute), names.column if names and column.by_name else column.show)
        for column in columns
    ]
    for thing in things:
        yield tuple(show(read(thing)) for read, show in cells)


def fields(columns: Sequence[Column], thing: Any) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Give headers and values of one thing."""
    headers, rows = table(columns, [thing])
    return headers, next(rows)
