#!/bin/bash
# A real slapd takes both OpenLDAP forms of the schema, the example organisations and every
# golden topology, and refuses what the schema forbids.
set -u
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
slapd_need || exit $?
schema=$abs_top_srcdir/schema
dir=$(mktemp -d) || exit 1
trap 'slapd_stop "$dir/org"; rm -rf "$dir"' EXIT
failed=0

ok() { # what, command…
	local what=$1
	shift
	if "$@" >"$dir/out" 2>&1; then
		echo "ok $what"
	else
		echo "not ok $what"
		cat "$dir/out"
		failed=1
	fi
}

# The definitions in the cn=config of DIR in one spelling, one a line, in order of their text.
definitions() {
	local arc=1.2.840.113556.1.8000.2554.5636.59217.9166.19045.44030.7614363.9177184
	slapcat -n 0 -F "$1" -o ldif-wrap=no -H 'ldap:///cn=schema,cn=config??one?(cn=*waypost)' |
		sed -n 's/^olc\(AttributeTypes\|ObjectClasses\): {[0-9]*}//p' | tr -s ' ' |
		sed "s/waypostClass:/$arc.1./; s/waypostAttribute:/$arc.2./; s/( \([A-Za-z]*\) )/\1/g" | sort
}

slapd_conf_form_loads() {
	local file
	mkdir "$dir/conf.d"
	for file in core cosine inetorgperson; do
		echo "include /etc/ldap/schema/$file.schema"
	done >"$dir/slapd.conf"
	echo "include $schema/waypost.schema" >>"$dir/slapd.conf"
	slaptest -Q -n 0 -f "$dir/slapd.conf" -F "$dir/conf.d"
}

both_forms_define_the_same() {
	definitions "$dir/conf.d" >"$dir/a"
	definitions "$dir/org/config" >"$dir/b"
	[ "$(wc -l <"$dir/a")" -gt 100 ] && diff "$dir/a" "$dir/b"
}

edge_example_loads() {
	slapd_init "$dir/edge" && slapd_load "$dir/edge" "$schema/example-edge.ldif"
}

# Golden topologies name no folders; a dry run of slapadd asks for none and checks every entry.
golden_topologies_load() {
	local file count=0
	for file in "$abs_top_srcdir"/tests/topology/golden/*.ldif; do
		sed '/^version:/d; /^#/d; 1,/^dn:/{/^$/d}' "$file" >"$dir/golden.ldif"
		slapadd -u -F "$dir/org/config" -n 1 -l "$dir/golden.ldif" ||
			{ echo "in $file"; return 1; }
		count=$((count + 1))
	done
	[ "$count" -gt 50 ]
}

change() { # LDIF text with | for line ends
	tr '|' '\n' <<<"$1" | slapd_admin "$dir/org" ldapmodify
}

accepted() {
	ok "accepted: $1" change "$2"
}

refused() { # what, result code, LDIF
	local status
	change "$3" >"$dir/out" 2>&1
	status=$?
	if [ $status = "$2" ]; then
		echo "ok refused: $1"
	else
		echo "not ok refused: $1: result $status instead of $2"
		cat "$dir/out"
		failed=1
	fi
}

ok "cn=config form" slapd_init "$dir/org"
ok "slapd.conf form" slapd_conf_form_loads
ok "both forms define the same" both_forms_define_the_same
ok "example.ldif" slapd_load "$dir/org" "$schema/example.ldif"
ok "example-edge.ldif" edge_example_loads
ok "golden topologies" golden_topologies_load
ok "start" slapd_start "$dir/org"

base=cn=Waypost,dc=example,dc=com
site="dn: cn=HQ,cn=Sites,$base|changetype: modify|replace"
link="dn: cn=HQ-Lyon,cn=Site Links,$base|changetype: modify|replace"
server="dn: cn=HQ-HUB1,cn=Servers,$base|changetype: modify|replace"
edge="dn: cn=EDGE1,cn=Edge Subscriptions,$base|changetype: modify|replace"
syntax=21 constraint=19 unknown=17 class=65

accepted "a cost" "$link: waypostCost|waypostCost: 25"
accepted "several roles" "$server: waypostRole|waypostRole: hub|waypostRole: mailbox"
accepted "a time" "$edge: waypostSubscribedAt|waypostSubscribedAt: 20260102030405Z"
accepted "a large size" "$link: waypostMaxMessageSize|waypostMaxMessageSize: 9223372036854775807"
refused "a boolean that is none" $syntax "$site: waypostHubSite|waypostHubSite: yes"
refused "a number that is none" $syntax "$link: waypostCost|waypostCost: ten"
refused "a site that is no DN" $syntax "$server: waypostSiteDN|waypostSiteDN: HQ"
refused "a host name beyond ASCII" $syntax "$server: waypostFqdn|waypostFqdn:: aMO2c3Q="
refused "a time that is none" $syntax "$edge: waypostSubscribedAt|waypostSubscribedAt: yesterday"
refused "two costs" $constraint "$link: waypostCost|waypostCost: 1|waypostCost: 2"
refused "an attribute nobody defined" $unknown "$site: waypostNothing|waypostNothing: 1"
refused "an attribute of another class" $class "$site: waypostCost|waypostCost: 1"
refused "a site without a name" $class \
	"dn: waypostHubSite=TRUE,cn=Sites,$base|changetype: add|objectClass: waypostSite|waypostHubSite: TRUE"
exit $failed
