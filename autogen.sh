#!/bin/sh
# Without an argument: generates configure. Further verbs are added by the set-up.
set -e
cd "$(dirname "$0")"
mkdir -p build-aux
exec autoreconf --install --force
