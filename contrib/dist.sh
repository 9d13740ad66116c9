#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the sdist and the wheel of the commit that is checked out. Two builds give the same bytes.
#
# Usage: contrib/dist.sh PYTHON FOLDER
# PYTHON must have the packages of tests/packaging/requirements.txt. FOLDER receives the archives.
set -eu

python=$1
folder=$2
clone=build/checkout
archives=$clone/dist

# File modes and times must not depend on who builds, or when.
umask 022
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

# A clone has only what is committed.
rm -rf "$clone"
git clone --quiet . "$clone"
"$python" -m build --no-isolation --outdir "$archives" "$clone" >build/dist.log

mkdir -p "$folder"
cp "$archives"/*.whl "$folder"

# setuptools writes the time of the build into an sdist, so pack its files again.
name=$(basename "$archives"/*.tar.gz .tar.gz)
tar --extract --file "$archives/$name.tar.gz" --directory "$archives"
tar --create --file "$archives/$name.tar" --directory "$archives" --format=ustar \
	--sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner "$name"
gzip -9n <"$archives/$name.tar" >"$folder/$name.tar.gz"
rm -rf "$clone"
