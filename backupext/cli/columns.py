# SPDX-License-Identifier: Apache-2.0
"""The one table of columns: attribute, header, where it is shown; and how values are written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from cliff.columns import FormattableColumn
from osc_lib.cli import format_columns

from backupext.core.models import Backup
from backupext.core.text import visible

if TYPE_CHECKING:
    from backupext.core.retention import Decision
    from backupext.core.summary import Line
    from backupext.core.tree import Node


class Where(Enum):
    """Which lists have a column; ``show`` has every one."""

    LIST = 'list'
    LONG = 'list --long'
    SHOW = 'show'


class Column(NamedTuple):
    """A column: the attribute of a backup, its header in lists, and which lists have it."""

    attribute: str
    header: str
    where: Where


#: In the order of the lists: OSC's own first, then what ``--long`` adds to them. ``show`` has its
#: fields in alphabetical order.
COLUMNS = (
    Column('id', 'ID', Where.LIST),
    Column('name', 'Name', Where.LIST),
    Column('description', 'Description', Where.LIST),
    Column('status', 'Status', Where.LIST),
    Column('size', 'Size', Where.LIST),
    Column('is_incremental', 'Incremental', Where.LIST),
    Column('created_at', 'Created At', Where.LIST),
    Column('availability_zone', 'Availability Zone', Where.LONG),
    Column('volume_id', 'Volume', Where.LONG),
    Column('container', 'Container', Where.LONG),
    Column('project_id', 'Project', Where.LONG),
    Column('user_id', 'User', Where.LONG),
    Column('snapshot_id', 'Snapshot', Where.LONG),
    Column('data_timestamp', 'Data Timestamp', Where.LONG),
    Column('has_dependent_backups', 'Has Dependents', Where.LONG),
    Column('object_count', 'Object Count', Where.LONG),
    Column('metadata', 'Properties', Where.LONG),
    Column('fail_reason', 'Fail Reason', Where.LONG),
    Column('encryption_key_id', 'Encryption Key ID', Where.SHOW),
    Column('updated_at', 'Updated At', Where.SHOW),
)

#: What ``tree`` prints for machines.
TREE = ('ID', 'Name', 'Volume', 'Status', 'Size', 'Incremental', 'Created At', 'Parent', 'Certain')
#: What ``prune`` prints: the plan.
PRUNE = ('Decision', 'ID', 'Name', 'Volume', 'Incremental', 'Created At', 'Reasons')
#: What ``summary`` prints.
SUMMARY = ('Volume', 'Status', 'Kind', 'Backups', 'Size', 'Oldest', 'Newest')
#: What ``create`` prints.
CREATED = ('id', 'name', 'volume_id')
#: What ``restore`` prints: the backup's ID, and the volume's ID and name.
RESTORED = ('id', 'volume_id', 'volume_name')
#: What ``record import`` prints.
IMPORTED = ('id', 'name')


if TYPE_CHECKING:
    _TextColumn = FormattableColumn[str]
else:
    _TextColumn = FormattableColumn  # cliff before 4.9 has none that takes a type


# FormattableColumn has no slots; its order is str's here.
class SafeText(str, _TextColumn):  # type: ignore[misc]  # noqa: SLOT000
    """Text with characters that a terminal would obey: escaped for people, raw for machines.

    It is a string too, so that a column of which only some values need it can be sorted.
    """

    def human_readable(self) -> str:
        """Give what is safe to show on a terminal."""
        return visible(str.__str__(self))

    def machine_readable(self) -> str:
        """Give the text as it came."""
        return str.__str__(self)


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

    def _learn(self, volume_id: str) -> None:
        if len(self._known) < self._FEW:
            self._known[volume_id] = self._read_one(volume_id)
            return
        for page in self._pages:
            self._known.update(page)
            if volume_id in self._known:
                return
        self._known[volume_id] = None


def listed(*, long: bool, has: Callable[[str], bool] = lambda _: True) -> tuple[Column, ...]:
    """Choose the columns of a list, in their order.

    :param has: tells whether the microversion and the user's role have an attribute.
    """
    wanted = {Where.LIST, Where.LONG} if long else {Where.LIST}
    return tuple(column for column in COLUMNS if column.where in wanted and has(column.attribute))


def shown() -> tuple[str, ...]:
    """Name every attribute, in the order in which ``show`` prints them."""
    return tuple(sorted(column.attribute for column in COLUMNS))


def row(backup: Any, attributes: Iterable[str]) -> tuple[Any, ...]:
    """Read attributes as a row for cliff's formatters, text made safe."""
    return tuple(safe(getattr(backup, attribute)) for attribute in attributes)


def rows(
    backups: Iterable[Backup], columns: Sequence[Column], names: VolumeNames
) -> Iterator[tuple[Any, ...]]:
    """Turn backups into rows of a list, one at a time as the formatter takes them."""
    read: dict[str, Callable[[Any], Any]] = {
        'volume_id': lambda id_: VolumeColumn(id_, names),
        'metadata': lambda properties: PropertiesColumn(properties or {}),
    }
    readers = [(column.attribute, read.get(column.attribute, safe)) for column in columns]
    for backup in backups:
        yield tuple(reader(getattr(backup, attribute)) for attribute, reader in readers)


def summary_row(line: 'Line', names: VolumeNames) -> tuple[Any, ...]:
    """Turn a line of a summary into a row."""
    volume = VolumeColumn(line.volume_id, names) if line.volume_id else None
    return (volume, line.status, line.kind, line.count, line.size, line.oldest, line.newest)


def tree_row(node: 'Node') -> tuple[Any, ...]:
    """Turn a backup and what it builds on into a row."""
    fields = ('id', 'name', 'volume_id', 'status', 'size', 'is_incremental', 'created_at')
    return (*row(node.backup, fields), node.parent, node.is_certain)


def decision_row(decision: 'Decision') -> tuple[Any, ...]:
    """Turn what becomes of a backup into a row."""
    fields = ('id', 'name', 'volume_id', 'is_incremental', 'created_at')
    reasons = safe(', '.join(decision.reasons))
    return (decision.action.value, *row(decision.backup, fields), reasons)


def safe(value: Any) -> Any:
    """Wrap text that is not safe to show; almost none is, and a plain string costs less."""
    if isinstance(value, str) and not value.isprintable():
        return SafeText(value)
    return value
