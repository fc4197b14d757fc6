#!/bin/bash
# The directory doctor and init before a 389 Directory Server: an organisation made by another
# account than the one that reads and that sees nothing at first; each finding's commands are run,
# and the doctor is content.
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/doctor.sh"
. "$abs_top_srcdir/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/ds389.sh"
ds389_need || exit $?
dir=$(mktemp -d) || exit 1
trap 'ds389_kill9 "$dir/ds"; rm -rf "$dir"' EXIT
chmod 711 "$dir" # the server is another user
account=cn=waypost,ou=Services,dc=example,dc=com

ds389_init "$dir/ds" && ds389_start "$dir/ds" || exit 1
ds389_env "$dir/ds"
cat >"$dir/people.ldif" <<L
dn: dc=example,dc=com
objectClass: organization
objectClass: dcObject
dc: example
o: Example

dn: ou=People,dc=example,dc=com
objectClass: organizationalUnit
ou: People

dn: uid=ann,ou=People,dc=example,dc=com
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: Ann
mail: ann@example.com

dn: ou=Services,dc=example,dc=com
objectClass: organizationalUnit
ou: Services

dn: $account
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: waypost
userPassword: change-me
L
ds389_load "$dir/ds" "$dir/people.ldif" || exit 1
printf 'change-me\n' >"$dir/password"
printf 'admin\n' >"$dir/admin"
chmod 600 "$dir/password" "$dir/admin"

here="s|-W|-w admin|; s|^dsconf INSTANCE|dsconf -D 'cn=Directory Manager' -w admin $DS389_URL|; /^dsctl/d"

# ---- init ----
init=("$waypost" init --config "$dir/c" --uri "$DS389_URL" --cleartext --bind simple --bind-dn "$account"
	--password-file "$dir/password" --state "$dir/state" --run "$dir/run")
make=(--create --server HUB1 --fqdn hub1.example.com --site Berlin --accepted-domain example.com
	--recipients ou=People,dc=example,dc=com)
expect 3 "${init[@]}"
says err "there is no organisation cn=Waypost,dc=example,dc=com" # and not beside the changelog
expect 5 "${init[@]}" "${make[@]}"
[ "$(wc -l <"$dir/err")" = 2 ] && pass "an error and its remedy are two lines" || fail "$err"
says err "--admin-dn"
expect 0 "${init[@]}" "${make[@]}" --admin-dn "cn=Directory Manager" --admin-password-file "$dir/admin"
says out "13 entries were added" # what is above is there, though the account does not see it
expect 7 "${init[@]}" "${make[@]}" --admin-dn "cn=Directory Manager" --admin-password-file "$dir/admin" --force
says err "let it read, and try again"

# ---- the doctor ----
visit 6
found server ok 389-Directory
found schema ok "classes and attributes"
found base failed "the account may not see it"
found recipients warning "no entry that matches"
json 'sum("aci:" in row.get("commands", "") for row in v) == 1' # it cannot be added twice
follow base "$here"
visit 0
found base ok "1 site"
found recipients ok "ou=People"
found "this host" ok "it is cn=HUB1"
found sync ok "RFC 4533"
found limits ok "one search gives all"
found indexes note "cannot be seen"
json 'not any("entryUUID" in row["text"] for row in v)' # it has other ids
ldapsearch -x -LLL -H "$DS389_URL" -D "$account" -w change-me -b "$account" userPassword | grep -q '^userPassword' &&
	fail "the account may read passwords" || pass "passwords are not given away"

ds389_admin "$dir/ds" ldapmodify >/dev/null <<-L
dn: $account
changetype: modify
replace: nsSizeLimit
nsSizeLimit: 5
L
visit 6
found limits failed "after 5 entries"
follow limits "$here"
visit 0
found limits ok "one search gives all"

ds389_admin "$dir/ds" ldapmodify >/dev/null <<-'L'
dn: cn=Content Synchronization,cn=plugins,cn=config
changetype: modify
replace: nsslapd-pluginEnabled
nsslapd-pluginEnabled: off

dn: cn=Retro Changelog Plugin,cn=plugins,cn=config
changetype: modify
replace: nsslapd-pluginEnabled
nsslapd-pluginEnabled: off
-
delete: nsslapd-attribute
L
ds389_stop "$dir/ds"
ds389_start "$dir/ds" || exit 1
visit 6
found sync failed "does not offer content synchronisation"
if command -v dsconf >/dev/null; then
	follow sync "$here"
	ds389_stop "$dir/ds"
	ds389_start "$dir/ds" || exit 1
	visit 0
	found sync ok "can be followed"
fi
sed -i "s|bind_dn .*|bind_dn = \"cn=Directory Manager\"|; s|$dir/password|$dir/admin|" "$dir/c"
visit 0
found indexes note "no index on mailLocalAddress"
if command -v dsconf >/dev/null; then
	follow indexes "$here"
	visit 0
	found indexes ok "indexed"
fi
exit $failed
