#!/bin/bash
# As test-sync-chaos.sh, with 389 Directory Server: kill -9 of either side or both, and a server that
# hangs, while people, folders with what is in them, groups and connectors change. What 389 forgets while a
# search begins comes some seconds later (test-sync-late.sh).
set -u
dir=$(mktemp -d /tmp/wpchaosXXXXXX) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/ds389.sh"
. "$abs_top_srcdir/tests/lib/chaos.sh"
ds389_need || exit $?
trap 'sync_kill9 "$dir"; ds389_cont "$dir/ds" 2>/dev/null; ds389_kill9 "$dir/ds"
	[ -n "${WP_KEEP:-}" ] || rm -rf "$dir"' EXIT
chmod 711 "$dir" # the server is another user
people=ou=People,dc=example,dc=com
base=cn=Waypost,dc=example,dc=com
chaos_begin 5

churn() {
	local n
	for ((n = 0; n < 5; n++)); do
		chaos_churn $n "$people" --topology "$base" --count 12 -- \
			ldapsearch -x -H "$DS389_URL" -D "cn=Directory Manager" -w admin \
			>"$dir/churn.ldif" 2>/dev/null
		ds389_admin "$dir/ds" ldapmodify -c -f "$dir/churn.ldif" >>"$dir/churn.log" 2>&1
	done
}
same() {
	"$abs_top_srcdir/tests/lib/compare.py" --show "$abs_top_builddir/replica_show" \
		--config "$dir/waypost.conf" --uuid nsUniqueId -- \
		ldapsearch -x -H "$DS389_URL" -D "cn=Directory Manager" -w admin
}

ds389_init "$dir/ds" && ds389_start "$dir/ds" || exit 1
ds389_env "$dir/ds"
ok "the example organisation is taken" ds389_load "$dir/ds" "$abs_top_srcdir/schema/example.ldif"
{
	for ((i = 0; i < 8; i++)); do
		printf 'dn: ou=f%s,%s\nchangetype: add\nobjectClass: organizationalUnit\nou: f%s\n\n' "$i" "$people" "$i"
	done
	for ((i = 0; i < 100; i++)); do
		printf 'dn: uid=p%s,ou=f%s,%s\nchangetype: add\nobjectClass: inetOrgPerson\nuid: p%s\ncn: p\nsn: p\nmail: p%s@example.com\n\n' \
			"$i" $((i % 8)) "$people" "$i" "$i"
	done
	cat <<-'EOT'
	dn: dc=example,dc=com
	changetype: modify
	add: aci
	aci: (targetattr!="userPassword")(version 3.0; acl "Services read"; allow (read, search, compare)
	 userdn="ldap:///cn=*,ou=Services,dc=example,dc=com";)
	EOT
} | ds389_admin "$dir/ds" ldapmodify >/dev/null || exit 1
sync_conf "$dir" "$(sync_corp "$dir" "$DS389_URL")"
sync_start "$dir"
ok "live" sync_wait "$dir" state live 30
ok "the replica is the directory" sync_until same
chaos_rounds ds389 "$dir/ds"
ok "stops in order" sync_stop "$dir"
exit $failed
