#!/bin/bash
# What an administrator of a slapd can do to the agent: rights taken away in the middle, limits, a
# schema that is not loaded, a base that does not exist, other bases in the host file. Nothing is
# lost by it, and the status says what to do.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_kill9 "$dir/slapd"; rm -rf "$dir"' EXIT
suffix=dc=example,dc=com
people=ou=People,$suffix

modify() { slapd_admin "$dir/slapd" ldapmodify >/dev/null; }
in_step() { sync_in_step "$dir" "$dir/slapd"; }
says() { sync_field "$dir" last_error | grep -q -- "$1"; }
persons() { sync_show "$dir" | grep -c "^entry uid=p[0-9]*,"; }
has_persons() { [ "$(persons)" = "$1" ]; }
person() { # uid, container
	printf 'dn: uid=%s,%s\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nmail: %s@example.com\n\n' \
		"$1" "$2" "$1" "$1" "$1" "$1"
}
database() { # the database's access, or its limits
	modify <<-EOT
	dn: olcDatabase={1}mdb,cn=config
	changetype: modify
	replace: $1
	$(shift; printf '%s\n' "$@")
	EOT
}
rights() { # what comes before the right to read everything
	database olcAccess "$@" 'olcAccess: to attrs=userPassword by anonymous auth by * none' \
		"olcAccess: to * by dn.children=\"ou=Services,$suffix\" read by anonymous auth by * none"
}
# With a change that the agent does not see, or slapd says that all is as it was.
reconnect() {
	sync_stop "$dir"
	slapd_stop "$dir/slapd" && slapd_start "$dir/slapd" || return 1
	printf 'dn: uid=p0,%s\nchangetype: modify\nreplace: mail\nmail: %s@example.com\n\n' "$people" "$RANDOM" | modify
	sync_start "$dir"
}
conf() { # base, recipients
	sync_conf "$dir" "directory \"corp\" {
	uri = {\"$SLAPD_URL\"}
	base = \"$1\"
	recipients = {$2}
	bind = \"simple\"
	bind_dn = \"cn=waypost,ou=Services,$suffix\"
	password_file = \"$dir/password\"
	cleartext = true
}"
}

{
	cat "$abs_top_srcdir/schema/example.ldif"
	printf '\ndn: ou=More,%s\nobjectClass: organizationalUnit\nou: More\n\n' "$suffix"
	for ((i = 0; i < 30; i++)); do person "p$i" "$people"; done
	for ((i = 100; i < 130; i++)); do person "p$i" "ou=More,$suffix"; done
} >"$dir/org.ldif"
slapd_init "$dir/slapd" && slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
printf change-me >"$dir/password"
chmod 600 "$dir/password"

# A base that is misspelt: nothing is published, everything else being there.
conf "cn=Waypost,$suffix" "\"$people\", \"ou=Moer,$suffix\""
sync_start "$dir"
ok "a base that is not there: down" sync_wait "$dir" state down
ok "is named" sync_until says 'ou=moer'
ok "with the remedy" says 'recipients in the host file'
ok "nothing is published" not test -e "$dir/state/replica/current"

conf "cn=Waypost,$suffix" "\"$people\", \"ou=More,$suffix\""
kill -HUP "$(sync_pid "$dir")"
ok "several bases: live" sync_wait "$dir" state live
ok "in step" in_step
ok "with the people of both" has_persons 60

generation=$(sync_generation "$dir")
conf "cn=Waypost,$suffix" "\"$people\""
kill -HUP "$(sync_pid "$dir")"
ok "a base less: held, for it would drop half of the people" sync_wait "$dir" state held
ok "nothing is lost" has_persons 60
conf "cn=Waypost,$suffix" "\"$people\", \"ou=More,$suffix\", \"ou=Services,$suffix\""
kill -HUP "$(sync_pid "$dir")"
ok "a base more: live" sync_wait "$dir" state live
ok "in step" in_step
ok "the old cookie was not used" test "$generation" != "$(sync_generation "$dir")"

# Rights taken away while connected, and seen at the next connection.
ok "the people of a base may not be read any more" rights "olcAccess: to dn.children=\"ou=More,$suffix\" by * none"
ok "reconnect" reconnect
ok "held" sync_wait "$dir" state held 20
ok "nothing is lost" has_persons 60
ok "nothing at all may be read" rights "olcAccess: to dn.subtree=\"$suffix\" by anonymous auth by * none"
ok "reconnect" reconnect
ok "what to do is logged" sync_until grep -q 'or it may not be read (correct base' "$dir/log"
ok "nothing is lost" has_persons 60
ok "rights are back" rights
ok "live" sync_wait "$dir" state live 20
ok "in step" in_step

sync_stop "$dir"
rm -rf "$dir/state/replica"
ok "a limit of ten entries" database olcLimits "olcLimits: dn.children=\"ou=Services,$suffix\" size=10"
sync_start "$dir"
ok "down" sync_until says 'imit exceeded'
ok "says what to do" says olcLimits
ok "nothing is published" not test -e "$dir/state/replica/current"
ok "no limit" database olcLimits "olcLimits: dn.children=\"ou=Services,$suffix\" size=unlimited time=unlimited"
ok "live" sync_wait "$dir" state live 20
ok "in step" in_step
ok "stops in order" sync_stop "$dir"

# A server that does not know our schema: its people are read, and it is said what they lack.
slapd_kill9 "$dir/slapd"
rm -rf "$dir/slapd" "$dir/state/replica"
{
	printf 'dn: %s\nobjectClass: domain\ndc: example\n\n' "$suffix"
	printf 'dn: ou=Services,%s\nobjectClass: organizationalUnit\nou: Services\n\n' "$suffix"
	printf 'dn: cn=waypost,ou=Services,%s\nobjectClass: person\ncn: waypost\nsn: w\nuserPassword: change-me\n\n' "$suffix"
	printf 'dn: %s\nobjectClass: organizationalUnit\nou: People\n\n' "$people"
	for ((i = 0; i < 30; i++)); do person "p$i" "$people"; done
} >"$dir/org.ldif"
slapd_init "$dir/slapd" --foreign && slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
conf "$suffix" "\"$people\""
sync_start "$dir"
ok "without our schema: live" sync_wait "$dir" state live 20
ok "its people are there" has_persons 30
ok "it is said that there is no organisation" eval "sync_show '$dir' >/dev/null &&
	'$abs_top_builddir/waypost' --config '$dir/waypost.conf' topology check --json | grep -q no-organization"
ok "the schema is loaded" slapd_admin "$dir/slapd" ldapadd -f "$abs_top_srcdir/schema/waypost.ldif"
sed -n '/^dn: cn=Waypost,/,$p' "$abs_top_srcdir/schema/example.ldif" | slapd_admin "$dir/slapd" ldapadd -c >/dev/null 2>&1
# slapd took the question for what it knew then, so it has to be asked anew.
ok "everything is read anew" "$abs_top_builddir/waypost" --config "$dir/waypost.conf" sync resync
ok "what was added is there" sync_until sync_has "$dir" "^entry cn=HQ-HUB1,.* topology"
ok "stops in order" sync_stop "$dir"
exit $failed
