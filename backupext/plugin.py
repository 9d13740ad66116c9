# SPDX-License-Identifier: Apache-2.0
"""What python-openstackclient loads: constants and hooks, standard library only.

OSC loads the command groups of ``openstack.cli.extension`` modules after its own, and in cliff's
command table the last one loaded wins. A separate module that shares OSC's version option therefore
replaces the built-in commands, whatever the order of installation. Entry points in the built-in
group ``openstack.volume.v3`` would not: the file system's order would decide.
"""

import argparse
import logging
from typing import Any

API_NAME = 'volume_backup'
API_VERSION_OPTION = 'os_volume_api_version'
DEFAULT_API_VERSION = '3'


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add nothing: OSC has ``--os-volume-api-version``."""
    return parser


def check_api_version(_version: str) -> bool:
    """Accept every version: OSC's volume module checks the version that both share."""
    return True


def make_client(instance: Any) -> Any:
    """Return the SDK's Block Storage proxy, as OSC's volume module does from 10.2 on."""
    return instance.sdk_connection.block_storage


def _is_wanted(record: logging.LogRecord) -> bool:
    """Return whether to log a line: all but cliff's warning that this plugin replaces commands.

    From 4.13 on cliff logs a warning for each command that a later group replaces. osc-lib pins
    the logger ``cliff`` at ERROR, except where clouds.yaml has a ``logging:`` section.
    """
    message = record.getMessage()
    return not ('duplicate implementations' in message and 'backupext.commands.' in message)


logging.getLogger('cliff.commandmanager').addFilter(_is_wanted)
