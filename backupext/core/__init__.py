# SPDX-License-Identifier: Apache-2.0
"""Pure logic: no network, clock, environment, logging or printing."""
