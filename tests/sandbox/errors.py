# SPDX-License-Identifier: Apache-2.0
"""What the sandbox raises, in a module that everything may import."""


class SandboxError(Exception):
    """A sandbox could not be installed, started or found; the message says why."""
