#!/bin/sh
# Makes ./configure from configure.ac; needs autoconf, autoconf-archive, automake and pkg-config.
set -e
cd "$(dirname "$0")"
mkdir -p build-aux
exec autoreconf --install --warnings=all
