# SPDX-License-Identifier: Apache-2.0
"""Tests of contrib: build, install, use and remove the packages of distributions.

They run in chroots below .venvs/debian, so that the host gets nothing but the program that makes
chroots. Root is needed for these.
"""
