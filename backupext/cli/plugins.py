# SPDX-License-Identifier: Apache-2.0
"""Commands that a monitoring system runs, as it runs the plugins of Nagios."""

import argparse
import contextlib
import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from backupext import errors
from backupext.cli import base

if TYPE_CHECKING:
    from backupext.cloud import Cloud

#: The exit status of a plugin that could not check anything.
UNKNOWN = 3


class MonitoringPlugin(base.Lister):
    """A command whose exit status is that of a monitoring plugin: every failure is UNKNOWN.

    Its output is one line on stdout then, and no traceback. Without output options, a result is
    text for a monitoring system; with them, it is a list as of other commands.
    """

    #: OSC authenticates before it runs a command, and ends with 1 if that fails, which a monitoring
    #: system reads as WARNING. This command authenticates itself.
    auth_required = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return a parser that ends with UNKNOWN, and whose ``-f`` has no default."""
        from backupext.cli import workarounds

        parser = super().get_parser(prog_name)
        workarounds.default_to_no_format(parser, 'text for a monitoring system')
        # argparse ends with 2, which a monitoring system reads as CRITICAL.
        parser.error = functools.partial(self._misused, parser)  # type: ignore[method-assign]
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; whatever fails, a defect of the plugin included, is UNKNOWN."""
        try:
            return super().run(parsed_args)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001  # OSC would end with 1
            failure = errors.BackupError(f'{type(error).__name__}: {error}')
            failure.__cause__ = error  # for --debug
            return self.fail(failure)

    def fail(self, error: errors.BackupError) -> int:
        """Print why nothing could be checked."""
        if self.app.options.debug:
            self.app.LOG.error('%s', error, exc_info=error)
        self._print_unknown(str(error))
        return UNKNOWN

    def _misused(self, parser: argparse.ArgumentParser, message: str) -> NoReturn:
        """Print the usage on stderr and the mistake on stdout, and end."""
        with contextlib.suppress(AttributeError):  # stderr is closed
            parser.print_usage(self.app.stderr)
        self._print_unknown(message)
        parser.exit(UNKNOWN)

    def _print_unknown(self, reason: str) -> None:
        from backupext.cli import plugin_output

        self._print(plugin_output.unknown(reason))

    def _print(self, line: str) -> None:
        """Print a line in any encoding; monitoring systems often run commands in a plain one."""
        from backupext.cli import drawing

        if self.app.stdout is not None:
            self.app.stdout.write(f'{drawing.encodable(line, self.app.stdout.encoding)}\n')

    @functools.cached_property
    def cloud(self) -> 'Cloud':
        """Block Storage as the user sees it; the first use authenticates."""
        self._log_in()
        return super().cloud

    def _log_in(self) -> None:
        """Authenticate in the way of the installed OSC.

        :raises BackupError: the identity service cannot be reached or refuses, or settings are
            missing.
        """
        from backupext.core.text import one_sentence

        self.auth_required = True
        try:
            self.app.prepare_to_run_command(self)
        except Exception as error:
            raise errors.BackupError(f'Cannot log in: {one_sentence(str(error))}.') from error

    def perform(self, parsed_args: argparse.Namespace) -> int:
        """Run the action, print its result, and return its severity as the exit status."""
        options = (parsed_args.formatter, parsed_args.columns, parsed_args.sort_columns)
        self._is_text = not any(options)
        parsed_args.formatter = parsed_args.formatter or self.formatter_default
        super().perform(parsed_args)
        return self.severity()

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Iterable[Any]
    ) -> int:
        """Print the text, or a list if output options ask for one."""
        if not self._is_text:
            return int(super().produce_output(parsed_args, column_names, data))
        for line in self.text():
            self._print(line)
        return 0

    def severity(self) -> int:
        """Return the exit status for the result: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
        raise NotImplementedError

    def text(self) -> Iterable[str]:
        """Return the lines of the text; the first is a summary."""
        raise NotImplementedError
