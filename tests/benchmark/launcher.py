# SPDX-License-Identifier: Apache-2.0
"""Runs a command and writes its resource usage to a file: `launcher.py ACCOUNT -- ...`.

Linux counts the memory of the process that forks towards the child's maximum. So nothing bigger
than the measured process may start it: this one runs isolated and imports next to nothing.
"""

import os
import sys
import time


def main() -> None:
    """Run the command; return its status, wall seconds, CPU seconds and KiB of memory."""
    account, _, *command = sys.argv[1:]
    begin = time.perf_counter()
    child = os.fork()
    if child == 0:
        try:
            os.execv(command[0], command)
        finally:
            os._exit(127)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begin
    cpu = usage.ru_utime + usage.ru_stime
    with open(account, 'w', encoding='ascii') as file:  # noqa: PTH123  # pathlib is big
        file.write(f'{os.waitstatus_to_exitcode(status)} {wall} {cpu} {usage.ru_maxrss}')


if __name__ == '__main__':
    main()
