#!/bin/bash
# RFC 4533 against a real slapd: the first refresh, live changes, renames, resuming, reconnecting.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_stop "$dir/slapd"; rm -rf "$dir"' EXIT
people=ou=People,dc=example,dc=com

modify() { slapd_admin "$dir/slapd" ldapmodify >/dev/null; }
number() { sync_field "$dir" snapshot; }
above() { [ "$(number)" -gt "$1" ]; }
same_as() { [ "$(number)" = "$1" ]; }
logged() { grep -q "$1" "$dir/log"; }
# Every DN that the directory has below the bases is in the replica, and no other.
in_step() {
	diff <(slapd_admin "$dir/slapd" ldapsearch -LLL -o ldif-wrap=no -b "$1" '(objectClass=*)' dn |
		sed -n 's/^dn: //p' | sort) \
		<(sync_show "$dir" | sed -n "s/^entry \\(.*$1\\).*/\\1/p" | sort)
}
add_person() {
	modify <<-EOT
	dn: uid=$1,$people
	changetype: add
	objectClass: inetOrgPerson
	uid: $1
	cn: $1
	sn: $1
	mail: $1@example.com
	EOT
}

slapd_init "$dir/slapd" && slapd_load "$dir/slapd" "$abs_top_srcdir/schema/example.ldif" &&
	slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
sync_conf "$dir" "$(sync_corp "$dir" "$SLAPD_URL")"
sync_start "$dir"
ok "live after the first refresh" sync_wait "$dir" state live
ok "people are in step" in_step "$people"
ok "the topology is in step" in_step cn=Waypost,dc=example,dc=com

n=$(number)
ok "an entry is added" add_person new1
ok "and live" sync_until sync_has "$dir" "^entry uid=new1,$people recipient"
ok "without a snapshot" same_as "$n"

modify <<EOT
dn: cn=HQ-Lyon,cn=Site Links,cn=Waypost,dc=example,dc=com
changetype: modify
replace: waypostCost
waypostCost: 55
EOT
ok "a changed cost makes a snapshot" sync_until above "$n"

ok "an entry is renamed" modify <<EOT
dn: uid=new1,$people
changetype: modrdn
newrdn: uid=new2
deleteoldrdn: 1
EOT
ok "and live" sync_until in_step "$people"

ok "a container is made and a person in it" modify <<EOT
dn: ou=A,$people
changetype: add
objectClass: organizationalUnit
ou: A

dn: uid=inside,ou=A,$people
changetype: add
objectClass: inetOrgPerson
uid: inside
cn: inside
sn: inside
mail: inside@example.com
EOT
ok "the container is renamed" modify <<EOT
dn: ou=A,$people
changetype: modrdn
newrdn: ou=B
deleteoldrdn: 1
EOT
ok "its children follow without a word from slapd" sync_until sync_has "$dir" "^entry uid=inside,ou=B,$people recipient"
ok "people are in step" sync_until in_step "$people"

ok "an entry is deleted and made anew under its name" modify <<EOT
dn: uid=inside,ou=B,$people
changetype: delete

dn: uid=inside,ou=B,$people
changetype: add
objectClass: inetOrgPerson
uid: inside
cn: inside
sn: inside
mail: again@example.com
EOT
ok "an entry is deleted" modify <<EOT
dn: uid=inside,ou=B,$people
changetype: delete
EOT
ok "people are in step" sync_until in_step "$people"

# The directory goes away.
slapd_stop "$dir/slapd"
ok "the status says that it is down" sync_wait "$dir" state down
ok "the replica is served" sync_show "$dir"
slapd_start "$dir/slapd"
ok "back without a restart" sync_wait "$dir" state live 20
ok "an entry is added" add_person back1
ok "and live" sync_until sync_has "$dir" "uid=back1"

# While the agent is away.
ok "stops in order" sync_stop "$dir"
entries=$(sync_show "$dir" | grep -c ^entry)
add_person away1
modify <<EOT
dn: uid=back1,$people
changetype: delete
EOT
generation=$(readlink "$dir/state/replica/current")
sync_start "$dir"
ok "it goes on from the cookie" sync_until sync_has "$dir" "uid=away1"
ok "and learns of the deletion" sync_until in_step "$people"
ok "in the same generation: no full refresh" test "$generation" = "$(readlink "$dir/state/replica/current")"
ok "as many entries" test "$entries" = "$(sync_show "$dir" | grep -c ^entry)"

# The cookie is bound to what was asked.
sync_stop "$dir"
sed -i 's/^	recipients.*/&\n	filter = "(mail=*)"/' "$dir/waypost.conf"
sync_start "$dir"
ok "another filter: live" sync_wait "$dir" state live
ok "by a full refresh into a new generation" test "$generation" != "$(readlink "$dir/state/replica/current")"
ok "people are in step" sync_until in_step "$people"
ok "the old generation is gone" not test -e "$dir/state/replica/$generation"

# A malformed entry stops nothing.
n=$(number)
ok "a link to nowhere" modify <<EOT
dn: cn=Bad,cn=Site Links,cn=Waypost,dc=example,dc=com
changetype: add
objectClass: waypostSiteLink
cn: Bad
waypostLinkedSite: cn=Nowhere,cn=Sites,cn=Waypost,dc=example,dc=com
waypostCost: 0
EOT
ok "is a new snapshot with diagnostics" sync_until above "$n"
ok "and live" sync_is "$dir" state live

# A wrong password says so, and the right one is taken without a restart.
slapd_stop "$dir/slapd"
sync_wait "$dir" state down >/dev/null
printf wrong >"$dir/password"
slapd_start "$dir/slapd"
ok "a wrong password is named" sync_until logged 'Invalid credentials'
printf change-me >"$dir/password"
ok "the right one is taken" sync_wait "$dir" state live 20
chmod 644 "$dir/password"
slapd_stop "$dir/slapd"
sync_wait "$dir" state down >/dev/null
slapd_start "$dir/slapd"
ok "a password that others can read is refused" sync_until logged 'password.*read'
ok "stops in order" sync_stop "$dir"
ok "the replica is whole" sync_show "$dir"
exit $failed
