#!/bin/bash
# Waypost beside Postfix: see bench_relay.py, whose options it takes. Needs root, because a
# private Postfix does. Prints one table; exit status 77 where something is not installed.
#
#	abs_top_builddir=build tests/bench/bench-relay.sh [--runs N] [--messages N] [--check] …
set -u
: "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${abs_top_builddir:=$PWD}"
abs_top_builddir=$(cd "$abs_top_builddir" && pwd) || exit 1
export abs_top_builddir
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || { echo "skipped: not root"; exit 77; }
for tool in python3 postfix strace; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
for program in smtp_load smtp_sink; do
	[ -x "$abs_top_builddir/$program" ] || { echo "bench-relay: $abs_top_builddir/$program is not built"; exit 1; }
done
exec python3 "$abs_top_srcdir/tests/bench/bench_relay.py" "$@"
