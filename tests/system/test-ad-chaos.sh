#!/bin/bash
# As test-sync-chaos.sh, with Active Directory (Samba): kill -9 of either side or both, and a domain
# controller that hangs, while people, folders with what is in them, groups and sites change, and
# people and folders move out of the bases and back.
set -u
dir=$(mktemp -d /tmp/wpchaosXXXXXX) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/samba.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/chaos.sh"
samba_need || exit $?
trap 'sync_kill9 "$dir"; samba_cont "$dir/dc" 2>/dev/null; samba_kill9 "$dir/dc"
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"' EXIT
chaos_begin 7

churn() {
	local n
	for ((n = 0; n < 4; n++)); do
		chaos_churn $n "$people" --outside "$outside" --sites "$sites" --style ad --count 12 -- \
			ldapsearch "${admin[@]}" >"$dir/churn.ldif" 2>/dev/null
		ldapmodify "${admin[@]}" -c -f "$dir/churn.ldif" >>"$dir/churn.log" 2>&1
	done
}
compare() {
	"$abs_top_srcdir/tests/lib/ad_compare.py" --sites "$sites" "$@" "$abs_top_builddir/replica_show" \
		"$dir/state" '(|(mail=*)(proxyAddresses=*))' "$people" -- "${admin[@]}"
}
# Members that are gone may stay for a while: nobody else may have their name.
same() { compare --gone "$SAMBA_BASE"; }

samba_init "$dir/dc" && samba_user "$dir/dc" agent Agent.pw1 dirsync deleted &&
	samba_start "$dir/dc" || exit 1
samba_env "$dir/dc"
admin=(-x -H "$SAMBA_URL" -D "$SAMBA_ADMIN" -w "$SAMBA_PASSWORD")
people=OU=People,$SAMBA_BASE outside=OU=Elsewhere,$SAMBA_BASE sites=CN=Sites,$SAMBA_CONFIG
{
	for ou in "$people" "$outside" OU=f{0..7},"$people"; do
		printf 'dn: %s\nchangetype: add\nobjectClass: organizationalUnit\n\n' "$ou"
	done
	for ((i = 0; i < 100; i++)); do
		printf 'dn: CN=p%s,OU=f%s,%s\nchangetype: add\nobjectClass: contact\nmail: p%s@example.com\n\n' \
			"$i" $((i % 8)) "$people" "$i"
	done
	for site in HQ Lyon Oslo Bern; do
		printf 'dn: CN=%s,%s\nchangetype: add\nobjectClass: site\n\n' $site "$sites"
	done
} | ldapmodify "${admin[@]}" >/dev/null || exit 1

sync_conf "$dir" "$(sync_ad "$dir" "$people" "$SAMBA_URL" | sed 's/^}/	sweep_guard_percent = 90\n&/')"
sync_start "$dir"
ok "live" sync_wait "$dir" state live 30
ok "the replica is the directory" sync_until same
chaos_rounds samba "$dir/dc"
sync_kill9 "$dir"
sync_start "$dir"
ok "killed and started once more" sync_wait "$dir" state live 30
ok "groups have no members that are gone" sync_until compare
ok "stops in order" sync_stop "$dir"
exit $failed
