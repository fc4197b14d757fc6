#!/bin/bash
# waypost init: a new organisation in an empty slapd, until routes are answered and the daemons
# are live; an organisation that is there; on a terminal; what is refused, and that nothing is
# written then.
set -u
. "$(dirname "$0")/lib.sh"
. "$abs_top_srcdir/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/hub.sh"
. "$abs_top_srcdir/tests/lib/nsd.sh"
slapd_need && nsd_need || exit $?
dir=$(mktemp -d) || exit 1
trap 'nsd_stop; hub_stop "$dir/host" >/dev/null 2>&1; slapd_stop "$dir/org" >/dev/null 2>&1; rm -rf "$dir"' EXIT
typist=$abs_top_srcdir/tests/admin/typist.py
base=cn=Waypost,dc=example,dc=com

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=127.0.0.1 \
	-addext subjectAltName=IP:127.0.0.1 -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
slapd_init "$dir/org" --tls "$dir/ca.pem" "$dir/ca.key" "$dir/ca.pem" && slapd_start "$dir/org" || exit 1
slapd_env "$dir/org"
mkdir -p "$dir/host"
conf=$dir/host/waypost.conf
init=("$waypost" init --config "$conf")
count() { # objects of a class
	slapd_admin "$dir/org" ldapsearch -LLL -b dc=example,dc=com "(objectClass=$1)" 1.1 2>/dev/null | grep -c '^dn:'
}
absent() {
	if [ ! -e "$1" ]; then pass "$1 was not written"; else fail "$1 is there"; fi
}

# ---- nobody to ask, and too little said: one error names what is missing; nothing is written ----
expect 2 "${init[@]}"
says err "missing: --uri, --bind"
expect 2 "${init[@]}" --uri "$SLAPD_URL" --ca "$dir/ca.pem" --bind simple
says err "missing: --bind-dn, --password-file"
expect 2 "${init[@]}" --uri "$SLAPD_LDAPI" --bind magic
says err "gss-spnego"
expect 2 "${init[@]}" --uri "http://x"
says err "no address of a directory"
expect 2 "${init[@]}" --uri "" --bind external
says err "missing: --uri"
expect 2 "${init[@]}" --uri "$SLAPD_LDAPI" --domain example.com --bind external
says err "give one of them"
expect 2 "${init[@]}" --uri "file:///x.ldif"
says err "needs no init"
expect 2 "${init[@]}" --uri "$SLAPD_LDAPI" --profile novell
says err "no profile"
expect 3 "${init[@]}" --uri "$SLAPD_LDAPI" --base cn=Waypost,dc=elsewhere
says err "the server has: dc=example,dc=com"
expect 2 "${init[@]}" --uri "$SLAPD_LDAPI" --base "no dn"
expect 3 "${init[@]}" --uri "$SLAPD_LDAPI"
says err "there is no organisation $base"
says err "--create"
expect 2 "${init[@]}" --uri "$SLAPD_LDAPI" --create --server HUB1
says err "missing: --site"
expect 2 "${init[@]}" --uri "$SLAPD_LDAPI" --create --server HUB1 --site Berlin --subnet 10.0.0.0/99
says err "is no subnet"
expect 2 "${init[@]}" --uri "$SLAPD_LDAPI" --create --server HUB1 --site Berlin --listen everywhere
says err "nothing to listen at"
expect 7 "${init[@]}" --uri "ldap://127.0.0.1:1" --bind none
says err "Connection refused"
expect 7 "${init[@]}" --domain nowhere.invalid --bind none
says err "no SRV records"
expect 7 "${init[@]}" --uri "$SLAPD_URL" --ca /etc/hostname --bind none
says err "/etc/hostname: no certificate"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=other \
	-keyout "$dir/other.key" -out "$dir/other.pem" 2>/dev/null
expect 7 "${init[@]}" --uri "$SLAPD_URL" --ca "$dir/other.pem" --bind none
says err "openssl s_client -showcerts -connect 127.0.0.1:$SLAPD_PORT -starttls ldap"
expect 6 "${init[@]}" --uri "$SLAPD_URL" --ca "$dir/ca.pem" --bind simple --bind-dn cn=x,dc=example,dc=com --password-file "$dir/host"
expect 2 "$waypost" init --fly
# What the host file, the directory or the agent would refuse later is refused while nothing is written.
good=(--uri "$SLAPD_LDAPI" --create --server HUB1 --site Berlin)
refused() { # STATUS TEXT OPTION…
	local status=$1 text=$2
	shift 2
	expect "$status" "${init[@]}" "${good[@]}" "$@"
	says err "$text"
}
long=$(printf 'x%.0s' $(seq 65))
refused 2 "is no name of an object" --server "$long"
refused 2 "is no name of an object" --site "$long"
refused 2 "is no name of an object" --site $'a\xffb'
refused 2 "is no name of an object" --server $'a\nb'
refused 2 "is no host name" --fqdn "no host"
refused 2 "is no filter" --filter "(mail=*"
refused 6 "cannot have the title" --title "a/configuration"
refused 6 "there is no user nobody-there" --user nobody-there
refused 6 "without tls_key" --tls-cert "$dir/ca.pem"
refused 2 "signing in by external does not use it" --bind-dn cn=x,dc=example,dc=com
refused 2 "signing in by external does not use it" --password-file "$dir/password"
refused 2 "signing in by none does not use it" --bind none --keytab "$dir/keytab"
refused 2 "not whose password it is" --admin-password-file "$dir/password"
# No value is no answer; folders are named from here.
cd "$dir/host" || exit 1
expect 0 "${init[@]}" "${good[@]}" --filter "" --title "" --user "" --fqdn "" --profile "" --state state --run run --dry-run
cd - >/dev/null || exit 1
says out "state         = \"$dir/host/state\""
says out "run           = \"$dir/host/run\""
says out 'directory "main"'
absent "$conf"
[ "$(count '*')" = 0 ] && pass "the directory is empty still" || fail "something was written"

# ---- a new organisation ----
port=$(peer_free_port) lmtp=$(peer_free_port)
new=(--uri "$SLAPD_LDAPI" --create --server HUB1 --fqdn hub1.example.com --site Berlin
	--subnet 127.0.0.0/8 --accepted-domain example.com --mailbox-delivery "lmtp://127.0.0.1:$lmtp"
	--listen "127.0.0.1:$port" --send-connector --recipients ou=People,dc=example,dc=com
	--state "$dir/host/state" --run "$dir/host/run")
expect 0 "${init[@]}" "${new[@]}" --dry-run
says out "dn: cn=Berlin,cn=Sites,$base"
says out "#       bind          = \"external\""
absent "$conf"
[ "$(count '*')" = 0 ] && pass "a dry run adds nothing" || fail "a dry run wrote"
printf '%s\n' "$out" >"$dir/dry.ldif"
printf '%s' "$out" >"$dir/route.ldif"
cat >>"$dir/route.ldif" <<-'L'

dn: uid=ann,ou=People,dc=example,dc=com
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: Ann
mail: ann@example.com
L
expect 0 "$waypost" route --directory "$dir/route.ldif" --from HUB1 ann@example.com
says out "HUB1"
expect 0 "${init[@]}" "${new[@]}" --publish
says out "$conf is written for HUB1"
says out "The certificate of this host is published"
[ "$(stat -c %a "$conf")" = 640 ] && pass "the host file is 0640" || fail "the host file is $(stat -c %a "$conf")"
# What the dry run printed is what is there.
slapd_stop "$dir/org"
slapcat -F "$dir/org/config" -b dc=example,dc=com -o ldif-wrap=no 2>/dev/null | grep '^dn: ' | sort >"$dir/there"
slapd_start "$dir/org"
grep '^dn: ' "$dir/dry.ldif" | sort >"$dir/printed"
diff "$dir/there" "$dir/printed" >/dev/null && pass "the dry run said it" || fail "$(diff "$dir/there" "$dir/printed")"

slapd_admin "$dir/org" ldapadd >/dev/null <<-'L' || fail "no person"
dn: uid=ann,ou=People,dc=example,dc=com
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: Ann
mail: ann@example.com
L
expect 0 "$waypost" config check --config "$conf" --json
json 'not any(row["severity"] in ("warning", "failed") for row in v)'
expect 0 "$waypost" topology check --config "$conf" --directory "$SLAPD_LDAPI/dc=example,dc=com" --external --severity error
hub_start "$dir/host" && pass "the daemons are live" || fail "the daemons do not start: $(cat "$dir/host/err" "$dir/host/log" 2>/dev/null | tail -5)"
expect 0 "$waypost" --config "$conf" sync wait --for 20
expect 0 "$waypost" --config "$conf" route --json ann@example.com
json 'v["outcome"] == "mailbox" and v["server"] == "HUB1"'
python3 - "$port" <<-'P' && pass "it takes mail for ann" || fail "it does not take mail for ann"
import smtplib, sys
s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20)
s.ehlo("x.example")
assert s.mail("x@foreign.example")[0] == 250
assert s.rcpt("ann@example.com")[0] == 250
assert s.rcpt("nobody@example.com")[0] == 550
s.rset(); s.quit()
P
hub_stop "$dir/host"

# ---- an organisation that is there ----
expect 6 "${init[@]}" "${new[@]}"
says err "is there already"
says err "--force"
cp "$conf" "$dir/before"
expect 3 "${init[@]}" --uri "$SLAPD_LDAPI" --server HUB9 --force
says err "no server HUB9"
cmp -s "$conf" "$dir/before" && pass "the old host file stays" || fail "the old host file is gone"
expect 0 "${init[@]}" --uri "$SLAPD_LDAPI" --server hub1 --force --json
json 'v["found"]["sites"] == {"count": 1, "names": ["Berlin"]} and not v["created"] and not v["published"]'
json 'v["server"] == "HUB1" and v["found"]["recipients"]["count"] == 1 and v["base"] == "cn=Waypost,dc=example,dc=com"'
[ ! -e "$conf.new" ] && pass "nothing is left beside it" || fail "$conf.new is left"
printf 'wrong\n' >"$dir/wrong"
printf '%s\n' "$SLAPD_ROOTPW" >"$dir/password"
chmod 600 "$dir/wrong" "$dir/password"
tls=(--uri "$SLAPD_URL" --ca "$dir/ca.pem" --bind simple --bind-dn "$SLAPD_ROOTDN")
expect 5 "${init[@]}" --force "${tls[@]}" --password-file "$dir/wrong" --server HUB1
says err "Invalid credentials"
expect 0 "${init[@]}" --force "${tls[@]}" --password-file "$dir/password" --server HUB1 --quiet
is_silent out
grep -q 'starttls      = true' "$conf" && pass "StartTLS is used where it is offered" || fail "$(cat "$conf")"
expect 0 "$waypost" config check --config "$conf" --quiet
# A second server, of a new site, written by another account than the one that reads.
slapd_admin "$dir/org" ldapadd >/dev/null <<-'L' || fail "no account"
dn: ou=Services,dc=example,dc=com
objectClass: organizationalUnit
ou: Services

dn: cn=waypost,ou=Services,dc=example,dc=com
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: waypost
userPassword: reader
L
printf 'reader\n' >"$dir/reader"
chmod 600 "$dir/reader"
reader=(--uri "$SLAPD_URL" --ca "$dir/ca.pem" --bind simple --bind-dn "cn=waypost,ou=Services,dc=example,dc=com"
	--password-file "$dir/reader" --create --server HUB2 --fqdn hub2.example.com --site Paris)
expect 5 "$waypost" init --config "$dir/host/second.conf" "${reader[@]}"
says err "--admin-dn"
absent "$dir/host/second.conf"
expect 0 "$waypost" init --config "$dir/host/second.conf" "${reader[@]}" --admin-dn "$SLAPD_ROOTDN" \
	--admin-password-file "$dir/password"
[ "$(count waypostServer)" = 2 ] && [ "$(count waypostSite)" = 2 ] && pass "a second server and site" ||
	fail "$(count waypostServer) servers, $(count waypostSite) sites"
grep -q "$SLAPD_ROOTPW\|reader\$" "$dir/host/second.conf" && fail "a password is in the host file" || pass "no password is in the host file"

# By its domain: SRV records, asked from a name server of our own.
nsd_init "$dir/dns"
nsd_start "$dir/dns" "_ldap._tcp SRV 0 0 1 localhost.\n_ldap._tcp SRV 10 0 $SLAPD_PORT localhost.\n" || fail "no name server"
domain=("$waypost" init --config "$dir/domain.conf" --domain example.test --resolver "127.0.0.1:$nsd_port" --cleartext
	--bind simple --bind-dn "$SLAPD_ROOTDN" --password-file "$dir/password" --server HUB1)
expect 0 "${domain[@]}"
grep -q '{"srv:example.test"}' "$dir/domain.conf" && pass "the host file has the domain" || fail "$(cat "$dir/domain.conf")"
expect 6 "$waypost" config check --config "$dir/domain.conf" --json
json 'any(r["check"] == "srv records" and f"localhost:1, localhost:'"$SLAPD_PORT"'" in r["text"] for r in v)'
json 'any(r["check"] == "connection" and not r["ok"] and r["server"] == "ldap://localhost:1" for r in v)'
json 'any(r["check"] == "sync" and r["ok"] for r in v)'
nsd_start "$dir/dns" ""
expect 7 "${domain[@]}" --force
says err "no SRV records _ldap._tcp.example.test"
expect 2 "${domain[@]}" --force --resolver nobody

if [ "$(id -u)" = 0 ]; then
	expect 3 "$waypost" init --config "$dir/none/u.conf" --uri "$SLAPD_LDAPI" --server HUB9
	absent "$dir/none"
	expect 0 "$waypost" init --config "$dir/u.conf" --uri "$SLAPD_LDAPI" --server HUB1 --user nobody
	[ "$(stat -c '%U %g %a' "$dir/u.conf")" = "root $(id -g nobody) 640" ] && pass "the daemons' user may read it" ||
		fail "$(stat -c '%U %g %a' "$dir/u.conf")"
	expect 6 "$waypost" init --config "$dir/v.conf" --uri "$SLAPD_LDAPI" --server HUB1 --user no-such-user
	absent "$dir/v.conf"
fi

# ---- on a terminal ----
answers() { printf '%s\t%s\n' "$@" >"$dir/answers"; }
talk() { # STATUS ARGUMENTS…
	local want=$1 got
	shift
	"$typist" "$dir/answers" "$waypost" init "$@" >"$dir/out" 2>&1
	got=$?
	out=$(cat "$dir/out")
	[ $got = "$want" ] && pass "status $want on a terminal: $*" || fail "status $got, not $want: $out"
}
third=$dir/third/waypost.conf
answers "Domain or address" "ldap://127.0.0.1:1" "Domain or address" "$SLAPD_URL" \
	"File with the certificate" /etc/hostname "File with the certificate" "$dir/ca.pem" \
	"How this host signs in" magic "How this host signs in" simple "Its account" "$SLAPD_ROOTDN" \
	"Its password" mistyped "How this host signs in" "" "Its account" "$SLAPD_ROOTDN" \
	"Its password" "$SLAPD_ROOTPW" "DN above people" "" "This host is the server" HUB3 \
	"Make it?" y "Its site" Paris "Its IP address" "" "The subnet" "" "Where it delivers" "" \
	"Add them?" perhaps "Add them?" y "Account that may write" "" "Publish this host" y
talk 0 --config "$third" --fqdn hub3.example.com --state "$dir/third/state" --run "$dir/third/run"
says out "Connection refused"
says out "Invalid credentials"
says out "cn=HUB3,cn=Servers,$base"
case $out in *"$SLAPD_ROOTPW
"* | *mistyped*) fail "the password was shown" ;; *) pass "the password was not shown" ;; esac
case $out in *"never asked"*) fail "not all was asked: $out" ;; *) pass "all was asked" ;; esac
secret=$dir/third/directory.password
[ "$(stat -c %a "$secret")" = 600 ] && [ "$(cat "$secret")" = "$SLAPD_ROOTPW" ] && pass "the password is in a file of its own" ||
	fail "$secret: $(stat -c %a "$secret")"
expect 0 "$waypost" config check --config "$third" --json
json 'any(row["check"] == "this host" and "is published" in row["text"] for row in v)'

# What is no good is asked again, and nothing that was answered before is lost.
fifth=$dir/fifth/waypost.conf
answers "How this host signs in" simple "Its account" waypost "Its password" reader "How this host" simple \
	"Its account" "cn=waypost,ou=Services,dc=example,dc=com" "Its password" "" "How this host" simple \
	"[cn=waypost,ou=Services,dc=example,dc=com]" "" "Its password" reader \
	"DN above people" people "is no DN" "" "This host is the server" HUB5 "Make it?" y "Its site" Paris \
	"Its IP address" 10.300.1.1 "is no address" 10.1.1.1 "The subnet" 10.0.0.0/99 "is no subnet" "" \
	"Where it delivers" smtp "is no way to mailboxes" "" "Add them?" y "Account that may write" "" \
	"Account that may write" "$SLAPD_ROOTDN" "Its password" mistyped "Account that may write" "$SLAPD_ROOTDN" \
	"Its password" "$SLAPD_ROOTPW" "Publish this host" n
talk 0 --config "$fifth" --uri "$SLAPD_URL" --ca "$dir/ca.pem" --fqdn hub5.example.com
says out "give the account's DN"
says out "no password was typed"
says out "Insufficient access"
case $out in *"never asked"*) fail "not all was asked: $out" ;; *) pass "all was asked" ;; esac
# Ctrl-C while a password is typed ends it, and the terminal is as it was.
answers "How this host signs in" simple "Its account" x "Its password" ^C
talk 254 --config "$dir/sixth.conf" --uri "$SLAPD_URL" --ca "$dir/ca.pem"
answers "How this host signs in" simple "Its account" x "Its password" ^D
talk 2 --config "$dir/sixth.conf" --uri "$SLAPD_URL" --ca "$dir/ca.pem"
says out "missing: --password-file"
absent "$dir/sixth.conf"

answers "DN above people" "" "This host is the server" HUB4 "Make it?" n
talk 3 --config "$dir/fourth.conf" --uri "$SLAPD_LDAPI" --bind external
absent "$dir/fourth.conf"
answers "DN above people" "" "This host is the server" ^C
talk 254 --config "$dir/fourth.conf" --uri "$SLAPD_LDAPI" --bind external
absent "$dir/fourth.conf"
answers "Domain or address" ^D
talk 2 --config "$dir/fourth.conf"
says out "missing: --uri"
absent "$dir/fourth.conf"
[ "$(count waypostServer)" = 4 ] && pass "nothing more was added" || fail "$(count waypostServer) servers"

# ---- no schema: how it is loaded ----
slapd_admin "$dir/org" ldapdelete -r "$base" || fail "the organisation cannot be deleted"
slapd_stop "$dir/org"
find "$dir/org/config" -name '*}waypost.ldif' -delete
slapd_start "$dir/org" || exit 1
expect 7 "$waypost" init --config "$dir/fourth.conf" "${new[@]}"
says err "load it: ldapadd -Y EXTERNAL -H $SLAPD_LDAPI -f "
says err waypost.ldif
absent "$dir/fourth.conf"
exit $failed
