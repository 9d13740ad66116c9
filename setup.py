# SPDX-License-Identifier: Apache-2.0
"""The shim by which pip and packagers build with pbr."""

import setuptools

setuptools.setup(setup_requires=['pbr>=5.10.0'], pbr=True)
