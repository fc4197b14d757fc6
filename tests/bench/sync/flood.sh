#!/bin/bash
# A directory that changes all the time: what it does to memory and mail, and how it ends.
#   flood.sh [RATE [SECONDS [PEOPLE]]]    default 10000 changes a second, 60 s, 100000 people
# The changes come from flood_server.py, since slapd on the same cores cannot make that many. A
# message is given to the hub every 50 ms meanwhile. At the end a second replica is read anew, and
# both have to hold the same. Printed, not asserted, but for that.
set -u
rate=${1:-10000} seconds=${2:-60} people=${3:-100000}
dir=$(mktemp -d) || exit 1
: "${abs_top_srcdir:=$(cd "$(dirname "$0")/../../.." && pwd)}"
for lib in slapd hub org sync; do . "$abs_top_srcdir/tests/lib/$lib.sh"; done
slapd_need || exit $?
server=
sink=
trap 'hub_stop "$dir/hub"; sync_kill9 "$dir/again"; kill $server $sink; rm -rf "$dir"' EXIT

in=$(peer_free_port)
"$abs_top_builddir/smtp_sink" --lmtp --port-file "$dir/lmtp" >/dev/null 2>&1 &
sink=$!
wait_for 10 test -s "$dir/lmtp" || exit 1
org_ldif "$in" 1 "$(cat "$dir/lmtp")" 1 >"$dir/org.ldif"
mkfifo "$dir/orders"
python3 "$abs_top_srcdir/tests/bench/sync/flood_server.py" "$dir/org.ldif" "$people" \
	<"$dir/orders" >"$dir/served" &
server=$!
exec 9>"$dir/orders"
wait_for 20 test -s "$dir/served" || exit 1
printf change-me >"$dir/password"
chmod 600 "$dir/password"
section="directory \"corp\" {
	uri = {\"ldap://127.0.0.1:$(awk '/^port/ { print $2 }' "$dir/served")\"}
	base = \"$org_base\"
	recipients = {\"$org_people\"}
	bind = \"simple\"
	bind_dn = \"cn=waypost,ou=Services,dc=example,dc=com\"
	password_file = \"$dir/password\"
	cleartext = true
}"
hub_conf "$dir/hub" HUB1 "$section"
HUB_START_SECONDS=120 hub_start "$dir/hub" || exit 1
python3 "$abs_top_srcdir/tests/bench/sync/flood.py" "$(hub_child "$dir/hub" waypost-ldapsync)" "$in" \
	"$dir/served" "$dir/hub" "$dir/orders" "$rate" "$seconds" "$people" || exit 1

hub_stop "$dir/hub"
mkdir "$dir/again"
sync_conf "$dir/again" "$section"
sync_start "$dir/again"
sync_wait "$dir/again" state live 120 || exit 1
sync_stop "$dir/again"
for state in hub again; do
	"$abs_top_builddir/replica_show" --json "$dir/$state/state" | sort >"$dir/$state.json" || exit 1
done
echo "entries at the end: $(wc -l <"$dir/hub.json"), and in a full read: $(wc -l <"$dir/again.json")"
cmp "$dir/hub.json" "$dir/again.json" && echo "both are the same"
