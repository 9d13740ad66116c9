# SPDX-License-Identifier: Apache-2.0
"""Tests of the real ``openstack`` against a real Keystone and a real Cinder."""
