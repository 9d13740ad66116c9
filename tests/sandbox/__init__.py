# SPDX-License-Identifier: Apache-2.0
"""A real Keystone and a real Cinder on loopback, for functional tests and demonstrations.

Only the standard library is needed on this side: the servers run under the Python of a virtual
environment of their own, so that their requirements never bind those of the plugin.
"""

from tests.sandbox.control import Sandbox
from tests.sandbox.errors import SandboxError

__all__ = ['Sandbox', 'SandboxError']
