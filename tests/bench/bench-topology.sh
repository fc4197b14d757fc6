#!/bin/sh
# What routing costs, counted in instructions (callgrind), which no other load on the machine
# changes: for each size of organisation what a load, a view, the paths and a change take, and how
# much that is for one object. In the build folder, or with abs_top_builddir set:
#
#   bench-topology.sh [SITES …]     (default 100 1000 10000)
set -eu
program=${abs_top_builddir:-$PWD}/bench_topology
[ -x "$program" ] || { echo "bench-topology.sh: no $program; remedy: make check TESTS=" >&2; exit 2; }
[ $# -gt 0 ] || set -- 100 1000 10000
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# count WHAT FUNCTION SITES: instructions of one call of FUNCTION.
count() {
	BENCH_ONLY=$1 valgrind --tool=callgrind --callgrind-out-file="$out" --toggle-collect="$2" \
		"$program" "$3" >/dev/null 2>&1
	sed -n 's/^summary: //p' "$out"
}

printf '%8s %-28s %14s %10s\n' sites what instructions 'per object'
for sites; do
	objects=$((sites * 9))
	[ "$sites" -le 10000 ] || objects=$((sites * 8 + 10000))
	while read -r what function; do
		n=$(count "$what" "$function" "$sites")
		printf '%8s %-28s %14s %10s\n' "$sites" "$what ($function)" "$n" $((n / objects))
	done <<-EOT
	load snapshot_build
	view viewpoint_new
	paths paths_compute
	change snapshot_builder_mend
	EOT
done
