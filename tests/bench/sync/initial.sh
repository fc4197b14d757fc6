#!/bin/bash
# A first synchronisation beside everybody else who can read the same server, in one run.
#   initial.sh [PEOPLE [ROUNDS [CONSUMERS]]]    default 100000, 3, and 1: a second slapd as consumer (0: none)
# Best of ROUNDS each; what it prints is explained in doc/design/replica.md. Printed, not asserted.
set -u
people=${1:-100000} rounds=${2:-3} consumers=${3:-1}
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_stop "$dir/consumer"; slapd_stop "$dir/slapd"; rm -rf "$dir"' EXIT
suffix=dc=example,dc=com
size=$((people * 4096 + 1073741824))

"$abs_top_builddir/waypost" topology generate --sites 100 --recipients "$people" --groups 0 >"$dir/org.ldif" &&
	slapd_init "$dir/slapd" --nosync --size $size && slapd_load "$dir/slapd" "$dir/org.ldif" &&
	slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
printf change-me >"$dir/password"
chmod 600 "$dir/password"
sync_conf "$dir" "directory \"corp\" {
	uri = {\"$SLAPD_URL\"}
	base = \"cn=Waypost,$suffix\"
	recipients = {\"ou=People,$suffix\", \"ou=Groups,$suffix\"}
	bind = \"simple\"
	bind_dn = \"cn=waypost,ou=Services,$suffix\"
	password_file = \"$dir/password\"
	cleartext = true
}"
sed -i s/debug/info/ "$dir/waypost.conf"
rm "$dir/org.ldif"

# The consumer is told everything the first server holds, and makes nothing durable either.
consumer_start() {
	local url=$SLAPD_URL
	rm -rf "$dir/consumer"
	slapd_init "$dir/consumer" --nosync --size $size && slapd_start "$dir/consumer" &&
		slapd_admin "$dir/consumer" ldapmodify >/dev/null <<-EOT
		dn: olcDatabase={1}mdb,cn=config
		changetype: modify
		add: olcSyncrepl
		olcSyncrepl: rid=001 provider=$url type=refreshAndPersist retry="5 +" bindmethod=simple
		  binddn="cn=waypost,ou=Services,$suffix" credentials=change-me searchbase="$suffix"
		EOT
}
export -f consumer_start slapd_init slapd_config slapd_start slapd_admin slapd_env peer_free_port slapd_fail slapd_pid peer_pid
export dir suffix size abs_top_srcdir abs_top_builddir SLAPD_URL
python3 "$abs_top_srcdir/tests/bench/sync/initial.py" "$dir" "$SLAPD_URL" "$suffix" "$people" \
	"$rounds" "$consumers" "$(slapd_pid "$dir/slapd")"
