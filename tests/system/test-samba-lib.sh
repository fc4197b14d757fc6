#!/bin/bash
# The library that starts a private Samba domain controller does what its head says: the tests
# of Active Directory rely on it.
set -u
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/samba.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
samba_need || exit $?
dir=$(mktemp -d) || exit 1
trap 'samba_stop "$dir/one"; rm -rf "$dir"' EXIT

as() { # name, password, command and arguments
	"$3" -x -H "$SAMBA_URL" -D "$1@$SAMBA_REALM" -w "$2" "${@:4}"
}
reads_domain() {
	as "$1" "$2" ldapsearch "${@:3}" -LLL -b "$SAMBA_BASE" -s base '(objectClass=*)' dn | grep -q ^dn:
}
sees_deleted() {
	as "$1" "$2" ldapsearch -LLL -b "CN=Deleted Objects,$SAMBA_BASE" -E '!1.2.840.113556.1.4.417' \
		'(isDeleted=TRUE)' dn | grep -q '^dn: CN=was here'
}
# DirSync control: flags 0, no limit, no cookie.
may_dirsync() {
	as "$1" "$2" ldapsearch -LLL -b "$3" -E '!1.2.840.113556.1.4.841=::MAgCAQACAQAEAA==' \
		'(objectClass=domainDNS)' name
}
in_schema() {
	samba_admin "$dir/one" ldapsearch -LLL -b "CN=Schema,$SAMBA_CONFIG" '(lDAPDisplayName=waypostTest)' dn |
		grep -q ^dn:
}

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=dc1 -addext \
	subjectAltName=DNS:dc1.ad.example.com -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null || exit 1

ok "laid out with TLS" samba_init "$dir/one" --tls "$dir/cert.pem" "$dir/key.pem" "$dir/cert.pem"
samba_env "$dir/one"
ok "laid out once only" not samba_init "$dir/one"
ok "a user" samba_user "$dir/one" plain Plain.pw1
ok "a user who may replicate" samba_user "$dir/one" agent Agent.pw1 dirsync deleted
cat >"$dir/schema.ldif" <<'EOT'
dn: CN=Waypost-Test,CN=Schema,CN=Configuration,@BASE@
objectClass: attributeSchema
cn: Waypost-Test
attributeID: 1.2.840.113556.1.8000.2554.1.1.1.1.1.1.1.1
attributeSyntax: 2.5.5.12
oMSyntax: 64
isSingleValued: FALSE
lDAPDisplayName: waypostTest
EOT
ok "the schema grows" samba_schema "$dir/one" "$dir/schema.ldif"
ok "a bad schema is refused" not samba_schema "$dir/one" "$abs_top_srcdir/README.md/none"
ok "started" samba_start "$dir/one"
first=$(samba_pid "$dir/one")
ok "started twice is started once" samba_start "$dir/one"
ok "the same process" test "$first" = "$(samba_pid "$dir/one")"
ok "no schema while it runs" not samba_schema "$dir/one" "$dir/schema.ldif"
ok "the schema is there" in_schema
ok "the user reads" reads_domain plain Plain.pw1
ok "also over TLS" reads_domain plain Plain.pw1 -ZZ -o "TLS_CACERT=$dir/cert.pem" -o TLS_REQSAN=never -o TLS_REQCERT=allow
ok "a wrong password does not" not reads_domain plain wrong
ok "the agent may replicate the domain" may_dirsync agent Agent.pw1 "$SAMBA_BASE"
ok "and the configuration" may_dirsync agent Agent.pw1 "$SAMBA_CONFIG"
ok "the other may not" not may_dirsync plain Plain.pw1 "$SAMBA_BASE"
ok "a contact comes and goes" samba_admin "$dir/one" ldapmodify <<EOT
dn: CN=was here,CN=Users,$SAMBA_BASE
changetype: add
objectClass: contact

dn: CN=was here,CN=Users,$SAMBA_BASE
changetype: delete
EOT
ok "the agent sees deleted objects" sees_deleted agent Agent.pw1
ok "the other does not" not sees_deleted plain Plain.pw1
ok "a keytab" samba_keytab "$dir/one" agent "$dir/agent.keytab"
ok "has keys" test -s "$dir/agent.keytab"
ok "killed" samba_kill9 "$dir/one"
ok "gone" not samba_pid "$dir/one"
ok "started again" samba_start "$dir/one"
ok "with its data" reads_domain plain Plain.pw1
ok "paused" samba_pause "$dir/one"
ok "does not answer" not timeout 1 ldapsearch -x -H "$SAMBA_URL" -b '' -s base
ok "stopped while paused" samba_stop "$dir/one"
ok "gone again" not samba_pid "$dir/one"
exit $failed
