# SPDX-License-Identifier: Apache-2.0
"""What python-openstackclient loads: constants and hooks, standard library only.

OSC loads the command groups of ``openstack.cli.extension`` modules after its own, and cliff's
command table is last-loaded-wins. An own module that shares OSC's version option therefore takes
over its commands whatever the order of installation; entry points in OSC's own group
``openstack.volume.v3`` would not (the winner would be what the file system lists last).
"""

import argparse
import logging
from typing import Any

API_NAME = 'volume_backup'
API_VERSION_OPTION = 'os_volume_api_version'
DEFAULT_API_VERSION = '3'


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add nothing: ``--os-volume-api-version`` is OSC's own."""
    return parser


def check_api_version(_version: str) -> bool:
    """Accept what OSC accepts: its own volume module judges the version they share."""
    return True


def make_client(instance: Any) -> Any:
    """Give the SDK's Block Storage proxy, as OSC's own volume module does from 10.2 on."""
    return instance.sdk_connection.block_storage


def _is_wanted(record: logging.LogRecord) -> bool:
    """Tell whether a line of cliff's may be logged: all but that our commands replace OSC's.

    From 4.13 on cliff logs a warning for each command that a later group replaces. osc-lib pins
    the logger ``cliff`` at ERROR, except where clouds.yaml has a ``logging:`` section.
    """
    message = record.getMessage()
    return not ('duplicate implementations' in message and 'backupext.commands.' in message)


logging.getLogger('cliff.commandmanager').addFilter(_is_wanted)
