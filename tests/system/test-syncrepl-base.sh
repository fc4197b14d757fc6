#!/bin/bash
# The base of the search moves away under a connected agent, and slapd ends the search:
# nobody is missing while it is away, and what comes under its name is held against what was there.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_stop "$dir/slapd"; rm -rf "$dir"' EXIT
org=o=Org,dc=example,dc=com
people=ou=People,$org
export SLAPD_DEBUG=stats

person() { printf 'dn: uid=%s,%s\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nmail: %s@example.com\n\n' "$1" "$people" "$1" "$1" "$1" "$1"; }
# All of the organisation below a folder that can be renamed, with N people.
organisation() {
	printf 'dn: %s\nobjectClass: organization\no: Org\n\n' "$org"
	sed -n '/^dn: cn=Waypost,/,$p' "$abs_top_srcdir/schema/example.ldif" | sed "s/dc=example,dc=com\$/$org/"
	echo
	for ((i = 0; i < $1; i++)); do person "p$i"; done
}
rename() { # DN, new RDN
	slapd_admin "$dir/slapd" ldapmodify >/dev/null <<-EOT
	dn: $1
	changetype: modrdn
	newrdn: $2
	deleteoldrdn: 1
	EOT
}
in_step() { sync_in_step "$dir" "$dir/slapd"; }
has_persons() { [ "$(sync_show "$dir" 2>/dev/null | grep -c '^entry uid=p[0-9]*,')" = "$1" ]; }

{ sed '/^dn: cn=Waypost,/,$d' "$abs_top_srcdir/schema/example.ldif"; organisation 40; } >"$dir/org.ldif"
slapd_init "$dir/slapd" && slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
sync_conf "$dir" "$(sync_corp "$dir" "$SLAPD_URL" | sed "/base =\|recipients =/s/dc=example,dc=com/$org/")"
sync_start "$dir"
ok "live" sync_wait "$dir" state live
ok "in step" in_step
ok "with its people" has_persons 40
generation=$(sync_generation "$dir")

# slapd looks at it with the next change, of whatever.
ok "the base is renamed" rename "$org" o=Away
slapd_admin "$dir/slapd" ldapmodify >/dev/null <<-EOT
dn: uid=p1,ou=People,o=Away,dc=example,dc=com
changetype: modify
replace: sn
sn: other
EOT
ok "slapd ended the search for that, with 4096" sync_until grep -q 'err=4096' "$dir/slapd/slapd.log"
ok "the agent is down" sync_wait "$dir" state down
ok "and says what it misses" eval "sync_field '$dir' last_error | grep -qi 'there is no .*o=org'"
ok "the replica is served" has_persons 40
ok "the base is back" rename "o=Away,dc=example,dc=com" o=Org
ok "live again" sync_wait "$dir" state live 20
ok "in step" in_step
ok "all of it was read anew" test "$generation" != "$(sync_generation "$dir")"

ok "it goes for good" rename "$org" o=Away
organisation 3 >"$dir/other.ldif"
ok "another takes its name" eval "slapd_admin '$dir/slapd' ldapadd -f '$dir/other.ldif' >/dev/null"
ok "with hardly anybody: held" sync_wait "$dir" state held 20
ok "nobody is missing" has_persons 40
ok "accepted" "$abs_top_builddir/waypost" --config "$dir/waypost.conf" sync accept --yes
ok "live" sync_wait "$dir" state live
ok "in step" in_step
ok "stops in order" sync_stop "$dir"
exit $failed
