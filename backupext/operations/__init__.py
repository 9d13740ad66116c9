# SPDX-License-Identifier: Apache-2.0
"""Tasks that take several requests, built on the cloud and the pure logic."""
