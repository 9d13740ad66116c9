# SPDX-License-Identifier: Apache-2.0
"""The pictures: commands, patterns to wait for, and alternative texts.

They are made in this order, in one cloud: what changes or deletes comes late.
"""

from dataclasses import dataclass

#: Placeholder for the ID of the volume ledger with a wrong last digit.
MISTYPED = 'MISTYPED'


@dataclass(frozen=True)
class Frame:
    """The screen when a pattern has appeared on it; without a pattern, at the end."""

    caption: str = ''
    pattern: str = ''


@dataclass(frozen=True)
class Shot:
    """A command. A line break in its arguments is typed as a backslash and a line break."""

    arguments: str
    caption: str = ''
    #: Run it with OSC alone, without the plugin.
    alone: bool = False
    #: The answer to the question of the command.
    answer: str = ''
    status: int = 0
    frames: tuple[Frame, ...] = (Frame(),)


@dataclass(frozen=True)
class Picture:
    """A terminal with one or more commands."""

    name: str
    #: The alternative text, which the documentation must repeat.
    alternative: str
    shots: tuple[Shot, ...]


PICTURES = (
    Picture(
        'tree',
        'The backups of three volumes as trees. The volume ledger has three chains that begin on'
        ' Sundays; in one of them the backup of a night is a branch of its own. The last backup of'
        ' mail has a question mark: its parent is not certain. One backup of wiki is in error.',
        (Shot('volume backup tree'),),
    ),
    Picture(
        'summary',
        'A table with a row for each volume, status and kind: how many backups, their size in GiB,'
        ' and the time of the newest. The volume scratch has none.',
        (
            Shot(
                'volume backup summary\n-c Volume -c Status -c Kind -c Backups -c Size -c Newest',
            ),
        ),
    ),
    Picture(
        'list-long',
        'Two lists. The first has the backups of all volumes since 15 November, with their status,'
        ' size, kind, whether others depend on them, and their properties. The second has the one'
        ' that is in error, with the reason.',
        (
            Shot(
                'volume backup list --long --since 2026-11-15\n'
                "-c Name -c Status -c Size -c Incremental -c 'Has Dependents' -c Properties",
            ),
            Shot(
                "volume backup list --long --status error -c Name -c Status -c 'Fail Reason'",
            ),
        ),
    ),
    Picture(
        'prune',
        'The plan of a prune that keeps three days and two weeks: a row for each backup of each'
        ' volume, with keep, delete or skip, and the reasons, such as daily 3, weekly 2, protected,'
        ' needed by a later backup, or not kept by any rule.',
        (
            Shot(
                'volume backup prune --all-volumes --keep-daily 3 --keep-weekly 2 --dry-run\n'
                '-c Decision -c Name -c Reasons',
            ),
        ),
    ),
    Picture(
        'create-wait',
        'A backup being created, as the terminal shows it after one second, after two seconds and'
        ' at the end: one line with its name, ID, status and time changes in place from creating to'
        ' available. Then the table with the ID and the name is printed.',
        (
            Shot(
                'volume backup create --wait --name wiki-11-23 wiki',
                frames=(
                    Frame('', r'creating +1s'),
                    Frame('the same line, a second later', r'creating +2s'),
                    Frame('and when the backup is available'),
                ),
            ),
        ),
    ),
    Picture(
        'unset',
        'OSC alone is asked to remove one of two properties: it fails with an answer of 404 and'
        ' removes nothing. The same command with the plugin says nothing, and show has the other'
        ' property only.',
        (
            Shot(
                'volume backup unset --property why mail-11-18',
                'OSC alone',
                alone=True,
                status=1,
            ),
            Shot('volume backup show mail-11-18 -c name -c metadata', alone=True),
            Shot('volume backup unset --property why mail-11-18', 'OSC with backupext'),
            Shot('volume backup show mail-11-18 -c name -c metadata'),
        ),
    ),
    Picture(
        'restore',
        'A backup is to be restored to a volume whose ID is mistyped. With the plugin the command'
        ' refuses, since no volume has this ID. OSC alone creates a new volume, whose name is the'
        ' mistyped ID.',
        (
            Shot(
                f'volume backup restore ledger-11-23 {MISTYPED}',
                'one digit of the ID is wrong: OSC with backupext',
                status=1,
            ),
            Shot(
                f'volume backup restore ledger-11-23 {MISTYPED}',
                'OSC alone creates a volume with this name',
                alone=True,
            ),
        ),
    ),
    Picture(
        'delete',
        'A full backup is not deleted, since an incremental one depends on it. With --cascade the'
        ' plan is shown: two incremental backups and the full one. The question is answered with'
        ' y, and each of the three is deleted.',
        (
            Shot('volume backup delete mail-11-01', status=1),
            Shot('volume backup delete --cascade --wait mail-11-01', answer='y\n'),
        ),
    ),
)
