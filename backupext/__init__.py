# SPDX-License-Identifier: Apache-2.0
"""Volume backups for python-openstackclient: ``openstack volume backup ...``."""
