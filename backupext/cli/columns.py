# SPDX-License-Identifier: Apache-2.0
"""The columns that commands print, and how their values are formatted."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from cliff.columns import FormattableColumn
from osc_lib.cli import format_columns

from backupext.core.text import visible
from backupext.core.timespec import format_age, format_duration

if TYPE_CHECKING:
    _TextColumn = FormattableColumn[str]
    _NumberColumn = FormattableColumn[int]
    _NothingColumn = FormattableColumn[None]
    _AnyColumn = FormattableColumn[Any]
else:
    # Generic only from cliff 4.9 on.
    _TextColumn = _NumberColumn = _NothingColumn = _AnyColumn = FormattableColumn


class SafeText(_TextColumn):
    """Text with control characters: escaped for people, raw for machines.

    It can be compared with plain text, because only some values of a column need it.
    """

    def human_readable(self) -> str:
        """Return text that is safe to show on a terminal."""
        return visible(self._value)

    def __lt__(self, other: object) -> bool:
        return self._value < _raw(other)

    def __gt__(self, other: object) -> bool:
        return self._value > _raw(other)


def _raw(text: object) -> str:
    return text.machine_readable() if isinstance(text, SafeText) else str(text)


class PropertiesColumn(format_columns.DictColumn):
    """Properties in the format of OSC's lists, with control characters escaped for people."""

    def human_readable(self) -> str:
        """Return ``key='value'``, separated by commas."""
        return visible(super().human_readable())


class VolumeColumn(_TextColumn):
    """A volume: its name for people, and its ID for machines."""

    def __init__(self, value: str, names: 'VolumeNames') -> None:
        super().__init__(value)
        self._names = names

    def human_readable(self) -> str:
        """Return the name, or the ID if the name is empty or not known."""
        return visible(self._names.get(self._value))


class NamedColumn(_TextColumn):
    """A resource: its name for people, and its ID for machines."""

    def __init__(self, value: str, name: str | None) -> None:
        super().__init__(value)
        self._name = name

    def human_readable(self) -> str:
        """Return the name, or the ID if it has none."""
        return visible(self._name or self._value)


class VolumeNames:
    """The names of volumes, read only when one is shown.

    The first few are read one by one. After that, whole pages of the volume list are read.

    :param read_one: returns the name of a volume; None if it has no name or is not in the project.
    :param pages: names by ID, of all volumes in the project.
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
        """Return the name of a volume, or its ID if it has no name or is not in the project."""
        if volume_id not in self._known:
            self._learn(volume_id)
        return self._known.get(volume_id) or volume_id

    def column(self, volume_id: str | None) -> VolumeColumn | None:
        """Return a cell that shows a volume: its name for people, its ID for machines."""
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
    """Wrap text that has control characters; a plain string costs less, so others stay plain."""
    if isinstance(value, str) and not value.isprintable():
        return SafeText(value)
    return value


class DurationColumn(_NumberColumn):
    """A duration: such as ``2m05s`` for people, and whole seconds for machines."""

    def human_readable(self) -> str:
        """Return hours, minutes and seconds."""
        return format_duration(self._value)


class BlankColumn(_NothingColumn):
    """A missing value: nothing for people, and null for machines."""

    def human_readable(self) -> str:
        """Return an empty cell."""
        return ''


def _duration(seconds: float | None) -> Any:
    return BlankColumn(None) if seconds is None else DurationColumn(int(seconds))


def _or_blank(value: Any) -> Any:
    return BlankColumn(None) if value is None else safe(value)


def _properties(value: dict[str, str] | None) -> PropertiesColumn:
    return PropertiesColumn(value or {})


def _reasons(value: Iterable[str]) -> Any:
    return safe(', '.join(value))


class AgeColumn(_AnyColumn):
    """A duration: in large units for people, in seconds for machines."""

    def human_readable(self) -> str:
        """Return a duration such as ``3d4h``."""
        return format_age(self._value)

    def machine_readable(self) -> int:
        """Return whole seconds."""
        return int(self._value.total_seconds())


class ListColumn(format_columns.ListColumn):
    """A list, with control characters escaped for people."""

    def human_readable(self) -> str:
        """Return the items, separated by commas."""
        return visible(', '.join(self._value))


def _age(value: timedelta | None) -> AgeColumn | None:
    return None if value is None else AgeColumn(value)


def _named(value: Any) -> Any:
    """Return a cell that shows a backup or a volume."""
    return NamedColumn(value.id, value.name) if value else BlankColumn(None)


class Column(NamedTuple):
    """A column: its header, the attribute that it shows, and the format.

    :param attribute: the name of the attribute, or its path, such as ``backup.id``.
    :param show: converts the value for cliff's formatters.
    :param by_name: the value is the ID of a volume, shown to people as the volume's name.
    """

    header: str
    attribute: str
    show: Callable[[Any], Any] = safe
    by_name: bool = False


def _fields(*attributes: str) -> tuple[Column, ...]:
    """Return columns with the names of the API, as OSC has them for a single resource."""
    return tuple(Column(attribute, attribute) for attribute in attributes)


#: Columns of ``list``, in the order of the built-in command.
LIST = (
    Column('ID', 'id'),
    Column('Name', 'name'),
    Column('Description', 'description'),
    Column('Status', 'status'),
    Column('Size', 'size'),
    Column('Incremental', 'is_incremental'),
    Column('Created At', 'created_at'),
)
#: Columns of ``list --long``; those of the built-in command come first.
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
#: Fields of ``show``: every attribute, in alphabetical order.
SHOW = _fields(*sorted({*(column.attribute for column in LONG), 'encryption_key_id', 'updated_at'}))
#: Columns of ``tree`` for machines.
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
#: Columns of ``prune``, which shows its plan.
PRUNE = (
    Column('Decision', 'action.value'),
    Column('ID', 'backup.id'),
    Column('Name', 'backup.name'),
    Column('Volume', 'backup.volume_id'),
    Column('Incremental', 'backup.is_incremental'),
    Column('Created At', 'backup.created_at'),
    Column('Reasons', 'reasons', _reasons),
)
#: Columns of ``rotate``.
ROTATION = (
    Column('Volume', 'volume', _named),
    Column('Result', 'result.value'),
    Column('Kind', 'kind', _or_blank),
    Column('Reason', 'reason'),
    Column('Backup', 'backup', _named),
    Column('Duration', 'seconds', _duration),
    Column('Deleted', 'deleted'),
    Column('Error', 'error'),
)
#: Columns of ``rotate --dry-run``.
ROTATION_PLAN = (
    Column('Volume', 'step.volume', _named),
    Column('Action', 'step.action.value'),
    Column('Kind', 'kind', _or_blank),
    Column('Reason', 'step.reason'),
    Column('Backup', 'backup_name', _or_blank),
    Column('Delete', 'deleted'),
)
#: Columns of ``recover``.
RECOVER = (
    Column('Device', 'device'),
    Column('Volume', 'volume', _named),
    Column('Backup', 'backup', _named),
    Column('Data Timestamp', 'data_timestamp'),
    Column('New Volume', 'new_volume', _named),
    Column('Status', 'status'),
)
#: Columns of ``summary``.
SUMMARY = (
    Column('Volume', 'volume_id', by_name=True),
    Column('Status', 'status'),
    Column('Kind', 'kind'),
    Column('Backups', 'count'),
    Column('Size', 'size'),
    Column('Oldest', 'oldest'),
    Column('Newest', 'newest'),
)
#: Columns of ``check``.
CHECK = (
    Column('ID', 'id'),
    Column('Name', 'name'),
    Column('Project', 'project_id'),
    Column('State', 'state'),
    Column('Findings', 'kinds', ListColumn),
    Column('Newest Backup', 'newest_id'),
    Column('Data Timestamp', 'newest_at'),
    Column('Age', 'age', _age),
    Column('Restorable', 'is_restorable'),
    Column('Chain', 'chain'),
    Column('Backups', 'statuses', _properties),
    Column('Details', 'sentences', ListColumn),
)
#: Columns of ``verify``.
VERIFIED = (
    Column('Volume', 'volume', by_name=True),
    Column('Backup', 'backup'),
    Column('Result', 'result.value'),
    Column('Duration', 'seconds', _duration),
    Column('Error', 'error'),
)
#: Columns of ``verify --keep``.
VERIFIED_AND_KEPT = (*VERIFIED, Column('New Volume', 'kept'))
#: Fields of ``create``.
CREATED = _fields('id', 'name', 'volume_id')
#: Fields of ``restore``: the ID of the backup, and the ID and name of the volume.
RESTORED = _fields('id', 'volume_id', 'volume_name')
#: Fields of ``record import``.
IMPORTED = _fields('id', 'name')

#: Fields of ``record export --output-file``.
EXPORTED = _fields('file', 'records', 'exported', 'kept', 'removed')
#: Columns of ``record import --input-file``, which shows its plan.
IMPORT = (
    Column('Decision', 'action.value'),
    Column('ID', 'record.id'),
    Column('Name', 'record.name'),
    Column('Volume', 'record.volume_id'),
    Column('Size', 'record.size'),
    Column('Created At', 'record.created_at'),
    Column('Parent', 'record.parent_id'),
    Column('Reason', 'reason'),
)


def table(
    columns: Sequence[Column], things: Iterable[Any], names: VolumeNames | None = None
) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    """Return headers and rows; each row is built when the formatter reads it.

    :param names: the names of volumes; without them, people see IDs.
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
    """Return the headers and values of one resource."""
    headers, rows = table(columns, [thing])
    return headers, next(rows)
