#!/bin/bash
# From a modify in slapd to the answer of a running hub that goes by it.
#   change.sh [CHANGES [PEOPLE]]    default 300 changes of each kind, 1000 people in the directory
# Printed, not asserted; what it prints is explained in doc/design/replica.md. Under `chrt -r 10` all of
# it goes before other work of the machine, which else decides p99.
set -u
changes=${1:-300} people=${2:-1000}
dir=$(mktemp -d) || exit 1
: "${abs_top_srcdir:=$(cd "$(dirname "$0")/../../.." && pwd)}"
for lib in slapd hub org; do . "$abs_top_srcdir/tests/lib/$lib.sh"; done
slapd_need || exit $?
trap 'hub_stop "$dir/hub"; slapd_stop "$dir/slapd"; rm -rf "$dir"' EXIT

in=$(peer_free_port)
{
	org_ldif "$in" 1 1 1
	seq 2 "$people" | awk -v people="$org_people" -v base="$org_base" '{
		printf "\ndn: uid=p%d,%s\nobjectClass: inetOrgPerson\nobjectClass: waypostRecipient\n", $1, people
		printf "uid: p%d\ncn: p%d\nsn: p%d\nmail: p%d@example.com\n", $1, $1, $1, $1
		printf "waypostHomeServer: cn=MBX1,cn=Servers,%s\n", base }'
} >"$dir/org.ldif"
slapd_init "$dir/slapd" --nosync --size $((people * 4096 + 1073741824)) &&
	slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
rm "$dir/org.ldif"
slapd_env "$dir/slapd"
hub_conf "$dir/hub" HUB1 "$(org_directory "$dir/slapd")"
HUB_START_SECONDS=300 hub_start "$dir/hub" || exit 1
python3 "$abs_top_srcdir/tests/bench/sync/change.py" "$SLAPD_LDAPI" "$org_base" "$org_people" "$in" \
	"$dir/hub/log" "$changes" "$people"
