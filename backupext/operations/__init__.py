# SPDX-License-Identifier: Apache-2.0
"""What takes several calls: orchestration over the cloud and the pure logic."""
