# SPDX-License-Identifier: Apache-2.0
"""The one table of columns: attribute, header, where it is shown; and how values are written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from cliff.columns import FormattableColumn

from backupext.core.models import Backup
from backupext.core.text import visible


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


#: In the order of the lists; ``show`` has its fields in alphabetical order.
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
    Column('data_timestamp', 'Data Timestamp', Where.SHOW),
    Column('encryption_key_id', 'Encryption Key ID', Where.SHOW),
    Column('fail_reason', 'Fail Reason', Where.SHOW),
    Column('has_dependent_backups', 'Has Dependent Backups', Where.SHOW),
    Column('metadata', 'Properties', Where.SHOW),
    Column('object_count', 'Object Count', Where.SHOW),
    Column('project_id', 'Project', Where.SHOW),
    Column('snapshot_id', 'Snapshot', Where.SHOW),
    Column('updated_at', 'Updated At', Where.SHOW),
    Column('user_id', 'User', Where.SHOW),
)

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


class VolumeColumn(_TextColumn):
    """A volume: its name for people, where it has one, and its ID for machines."""

    def __init__(self, value: str, names: 'VolumeNames') -> None:
        super().__init__(value)
        self._names = names

    def human_readable(self) -> str:
        """Give the name; a volume without one, or of another project, or gone, has its ID."""
        return visible(self._names.get(self._value))


class VolumeNames:
    """The names of volumes, read page by page as far as somebody asks for them."""

    def __init__(self, pages: Iterator[Mapping[str, str | None]]) -> None:
        self._pages = pages
        self._known: dict[str, str | None] = {}

    def get(self, volume_id: str) -> str:
        """Give a volume's name, or its ID where it has none or is not among those listed."""
        while volume_id not in self._known:
            page = next(self._pages, None)
            if page is None:
                break
            self._known.update(page)
        return self._known.get(volume_id) or volume_id


def listed(*, long: bool) -> tuple[Column, ...]:
    """Choose the columns of a list, in their order."""
    wanted = {Where.LIST, Where.LONG} if long else {Where.LIST}
    return tuple(column for column in COLUMNS if column.where in wanted)


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
    read: dict[str, Callable[[Any], Any]] = {'volume_id': lambda id_: VolumeColumn(id_, names)}
    readers = [(column.attribute, read.get(column.attribute, safe)) for column in columns]
    for backup in backups:
        yield tuple(reader(getattr(backup, attribute)) for attribute, reader in readers)


def safe(value: Any) -> Any:
    """Wrap text that is not safe to show; almost none is, and a plain string costs less."""
    if isinstance(value, str) and not value.isprintable():
        return SafeText(value)
    return value
