#!/bin/bash
# kill -9 of slapd and of the agent at random moments, and servers that hang, while everything in
# the directory changes: people, folders with what is in them, groups, connectors. Afterwards the
# replica is held against the directory entry by entry (compare.py). Rounds and seed: chaos.sh.
# WP_SESSIONLOG=0|1: slapd without a session log, with one.
set -u
dir=$(mktemp -d /tmp/wpchaosXXXXXX) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/chaos.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_cont "$dir/slapd" 2>/dev/null; slapd_stop "$dir/slapd"
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"' EXIT
people=ou=People,dc=example,dc=com
base=cn=Waypost,dc=example,dc=com
chaos_begin 8

person() { # number, folder
	printf 'dn: uid=p%s,%s\nobjectClass: inetOrgPerson\nuid: p%s\ncn: p%s\nsn: p%s\nmail: p%s@example.com\n\n' \
		"$1" "$2" "$1" "$1" "$1" "$1"
}
churn() {
	local n
	for ((n = 0; n < 6; n++)); do
		chaos_churn $n "$people" --topology "$base" --count 15 -- \
			ldapsearch -Q -Y EXTERNAL -H "$SLAPD_LDAPI" >"$dir/churn.ldif" 2>/dev/null
		slapd_admin "$dir/slapd" ldapmodify -c -f "$dir/churn.ldif" >/dev/null 2>&1
	done
}
same() { sync_compare "$dir" "$dir/slapd"; }

{
	cat "$abs_top_srcdir/schema/example.ldif"
	echo
	for ((i = 0; i < 8; i++)); do
		printf 'dn: ou=f%s,%s\nobjectClass: organizationalUnit\nou: f%s\n\n' "$i" "$people" "$i"
	done
	for ((i = 0; i < 400; i++)); do person "$i" "ou=f$((i % 8)),$people"; done
} >"$dir/org.ldif"
# Present phases by themselves, or sets of deletions from a session log.
sessionlog=${WP_SESSIONLOG:-$((RANDOM % 2))}
[ "$sessionlog" = 0 ] || echo "# with a session log"
# shellcheck disable=SC2046
slapd_init "$dir/slapd" $([ "$sessionlog" = 0 ] || echo --sessionlog 500) &&
	slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
sync_conf "$dir" "$(sync_corp "$dir" "$SLAPD_URL")"
sync_start "$dir"
ok "live" sync_wait "$dir" state live 30
ok "the replica is the directory" sync_until same

chaos_rounds slapd "$dir/slapd"
ok "stops in order" sync_stop "$dir"
exit $failed
