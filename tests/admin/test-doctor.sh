#!/bin/bash
# The directory doctor: a slapd in many broken states, each named with its fix; and where the fix
# is commands, they are run, and the doctor is content.
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/doctor.sh"
. "$abs_top_srcdir/tests/lib/slapd.sh"
slapd_need || exit $?
dir=$(mktemp -d) || exit 1
helper=
trap 'slapd_stop "$dir/org" >/dev/null 2>&1; [ -z "$helper" ] || kill "$helper"; rm -rf "$dir"' EXIT
account="cn=waypost,ou=Services,dc=example,dc=com"

# ---- certificates: one authority, and what a server may show ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Test authority" \
	-keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Rogue authority" \
	-keyout "$dir/rogue.key" -out "$dir/rogue.pem" 2>/dev/null
certificate() { # NAME AUTHORITY DAYS SUBJECT-ALT-NAME
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=ldap1.example.com" \
		-keyout "$dir/$1.key" -out "$dir/$1.csr" 2>/dev/null
	printf 'subjectAltName=%s\n' "$4" >"$dir/$1.ext"
	openssl x509 -req -in "$dir/$1.csr" -CA "$dir/$2.pem" -CAkey "$dir/$2.key" -CAcreateserial -days "$3" \
		-extfile "$dir/$1.ext" -out "$dir/$1.pem" 2>/dev/null
}
certificate good ca 365 IP:127.0.0.1
certificate soon ca 10 IP:127.0.0.1
certificate expired ca -1 IP:127.0.0.1
certificate elsewhere ca 365 DNS:ldap1.example.com,DNS:ldap2.example.com
certificate stranger rogue 365 IP:127.0.0.1
show() { # the certificate of the server from now on
	cp "$dir/$1.pem" "$dir/server.pem"
	cp "$dir/$1.key" "$dir/server.key"
	slapd_stop "$dir/org"
	slapd_start "$dir/org" || exit 1
}

# ---- the patient ----
cp "$dir/good.pem" "$dir/server.pem"
cp "$dir/good.key" "$dir/server.key"
slapd_init "$dir/org" --tls "$dir/server.pem" "$dir/server.key" "$dir/ca.pem" &&
	slapd_load "$dir/org" "$example" && slapd_start "$dir/org" || exit 1
slapd_env "$dir/org"
printf 'change-me\n' >"$dir/password"
printf 'wrong\n' >"$dir/wrong"
chmod 600 "$dir/password" "$dir/wrong"

simple="bind = \"simple\" bind_dn = \"$account\" password_file = \"$dir/password\""
tls="starttls = true tls_ca = \"$dir/ca.pem\""
below="base = \"cn=Waypost,dc=example,dc=com\" recipients = {\"ou=People,dc=example,dc=com\"}"
config() { # URIS SETTINGS
	cat >"$dir/c" <<-L
	server = "HQ-HUB1" state = "$dir/state" run = "$dir/run"
	directory "o" { uri = {$1} $2 }
	L
}
none_failed() { json 'all(row["severity"] != "failed" for row in v)'; }
here="s|ldapi:///|$SLAPD_LDAPI|; s|-Y EXTERNAL|-Q -Y EXTERNAL|"
configure() {
	slapd_admin "$dir/org" ldapmodify >"$dir/configure.log" 2>&1 || fail "configuring: $(cat "$dir/configure.log")"
}

# ---- well ----
config "\"$SLAPD_URL\"" "$below $simple $tls"
visit 0
none_failed
json 'not any(row["check"] == "name" for row in v)'
found connection ok "takes connections"
found tls ok "TLSv1.3"
found bind ok "$account"
found "bind methods" ok "SCRAM-SHA-256"
found identity ok "dn:$account"
found base ok "3 sites"
found base ok "6 servers"
found recipients ok "ou=People"
found "this host" warning "not published" "publish-certificate"
found sync ok "RFC 4533"
found limits ok "one search gives all"
found schema ok "classes and attributes"
found indexes note "cannot be seen" "olcDbIndex"
found "sweep guard" ok "20 %"
found 'directory "o"' warning "it can be read"
found "clear text" note "without TLS" "olcSecurity"
follow "clear text" "$here"
visit 0
found "clear text" ok "refused"
expect 0 "$waypost" --config "$dir/c" config check
says out 'Directory "o"'
says out "fix:  "
says out " 0 failed"
says out "SCRAM-SHA-256" # a word is never divided
case $out in *SCRAM-[[:space:]]*) fail "a name is divided" ;; *) pass "names are whole" ;; esac
: >"$dir/answers"
out=$("$abs_top_srcdir/tests/admin/typist.py" "$dir/answers" "$waypost" --config "$dir/c" config check)
says out $'  \033[32mok\033[0m        host file         '"$dir/c"
expect 0 "$waypost" --config "$dir/c" config check --quiet
is_silent out

config "\"$SLAPD_URL\"" "$below $simple $tls"
sed -i "s|run = \"[^\"]*|&$(printf '/%.0s' $(seq 100))|" "$dir/c"
visit 6
found "run folder" failed "too long a path" "at most 85 octets"
config "\"$SLAPD_URL\"" "$below $simple $tls"

# ---- its certificate ----
show expired
visit 6
found tls failed "has expired on" "olcTLSCertificateFile"
json 'not any(row["check"] == "bind" for row in v)'
found "not looked at" note "bind, server"
show soon
visit 0
found tls warning "expires in 9 days" "new certificate"
show elsewhere
visit 6
found tls failed "not for 127.0.0.1 but for ldap1.example.com, ldap2.example.com" "as its certificate does: ldap1.example.com;"
show stranger
visit 6
found tls failed "does not have the authority CN=Rogue authority" "openssl s_client"
config "\"$SLAPD_URL\"" "$below $simple starttls = true"
visit 6
found tls failed "tls_ca is not set" "name that with tls_ca"
show good

# ---- who signs in ----
config "\"$SLAPD_URL\"" "$below bind = \"simple\" bind_dn = \"$account\" password_file = \"$dir/wrong\" $tls"
visit 6
found bind failed "Invalid credentials" "password_file"
found schema ok "classes"
config "\"$SLAPD_LDAPI\"" "$below bind = \"scram-sha-256\" bind_dn = \"x\" password_file = \"$dir/password\""
visit 6
json 'any(row["check"] == "bind" and not row["ok"] for row in v)'
config "\"$SLAPD_URL\"" "$below"
visit 6
found tls warning "in clear" "starttls = true"
found base failed "cn=Waypost,dc=example,dc=com" "by anonymous read by * break"
config "\"$SLAPD_LDAPI\"" "$below bind = \"external\""
visit 0
found bind ok "external"
found identity ok "cn=admin"

# ---- what it may read ----
config "\"$SLAPD_URL\"" "$below $simple $tls"
configure <<-'L'
dn: olcDatabase={1}mdb,cn=config
changetype: modify
delete: olcAccess
olcAccess: {1}
L
visit 6
found base failed "cn=Waypost" "olcAccess: {1}to * by dn.exact=\"$account\" read by * break"
found "not looked at" note "sync, limits"
follow base "$here"
visit 0
none_failed
if ldapsearch -x -LLL -H "$SLAPD_LDAPI" -D "$account" -w change-me -b "$account" userPassword | grep -q '^userPassword'; then
	fail "the account may read passwords"
else
	pass "passwords are not given away"
fi
config "\"$SLAPD_URL\"" "base = \"cn=Nothing,dc=example,dc=com\" recipients = {\"ou=Nobody,dc=example,dc=com\"} $simple $tls"
visit 6
found base failed "cn=Nothing,dc=example,dc=com is not there"
found recipients failed "ou=Nobody,dc=example,dc=com is not there"
config "\"$SLAPD_URL\"" "base = \"ou=People,dc=example,dc=com\" recipients = {\"ou=Services,dc=example,dc=com\"} $simple $tls"
visit 6
found base failed "is no waypostOrganization" "init --create"
found recipients warning "no entry that matches"
config "\"$SLAPD_URL\"" "$below $simple $tls"
sed -i 's/HQ-HUB1/HQ-HUB9/' "$dir/c"
visit 6
found "this host" failed "no server HQ-HUB9" "init --create --force --config $dir/c --server HQ-HUB9"
sed -i 's/HQ-HUB9/HQ-MBX1/' "$dir/c"
visit 6
found "this host" failed "neither hub nor edge" "waypostRole: hub"
follow "this host" "s|-D DN -W|-D '$SLAPD_ROOTDN' -w $SLAPD_ROOTPW -ZZ -o TLS_CACERT=$dir/ca.pem|"
config "\"$SLAPD_URL\"" "$below $simple $tls filter = \"(mail=*\""
visit 6
found recipients failed "Bad search filter" "correct filter in the host file"
json 'not any("olcAccess" in row.get("commands", "") for row in v)'
config '"file:///nowhere/org.ldif"' ""
visit 6
found file failed "No such file" "correct uri"

# ---- limits, content synchronisation, indexes, schema ----
config "\"$SLAPD_URL\"" "$below $simple $tls"
configure <<-L
dn: olcDatabase={1}mdb,cn=config
changetype: modify
replace: olcLimits
olcLimits: dn.exact="$account" size=5
L
visit 6
found limits failed "ends a search after 5 entries" "size=unlimited"
follow limits "$here"
slapd_stop "$dir/org" # what is added in front counts behind until then
slapd_start "$dir/org" || exit 1
visit 0
found limits ok "one search gives all"

configure <<-L
dn: olcDatabase={1}mdb,cn=config
changetype: modify
replace: olcDbIndex
olcDbIndex: objectClass,entryUUID,cn,mail eq
L
config "\"$SLAPD_LDAPI\"" "$below bind = \"external\""
visit 0
found indexes warning "no index on entryCSN" "olcDbIndex: entryCSN eq"
found indexes warning "no index on entryCSN" "-H $SLAPD_LDAPI "
follow indexes "$here"
visit 0
found indexes note "no index on mailLocalAddress of the filter"
follow indexes "$here"
visit 0
found indexes ok "is indexed"

slapd_stop "$dir/org"
find "$dir/org/config" -name 'olcOverlay*syncprov*' -delete
slapd_start "$dir/org" || exit 1
visit 6
found sync failed "is refused" "olcOverlay: syncprov"
out=${out//olcModuleLoad: syncprov/olcModuleLoad: accesslog} # syncprov is loaded already
follow sync "$here"
visit 0
found sync ok "can be followed"

slapd_admin "$dir/org" ldapdelete -r cn=Waypost,dc=example,dc=com || fail "the organisation cannot be deleted"
slapd_stop "$dir/org"
find "$dir/org/config" -name '*}waypost.ldif' -delete
slapd_start "$dir/org" || exit 1
visit 6
found schema failed "is not loaded" "ldapadd -Y EXTERNAL"
says out waypost.ldif

# ---- servers that are not there ----
config "\"ldap://127.0.0.1:1\", \"$SLAPD_URL\"" "$below $simple $tls"
visit 6
found connection failed "Connection refused" "nobody listens there"
found connection ok "takes connections"
json 'any(row["check"] == "bind" and row["ok"] for row in v)'
config '"ldaps://nowhere.invalid"' "$below tls_ca = \"$dir/ca.pem\""
visit 6
found name failed "nowhere.invalid" "DNS"
# A name server that says nothing, where another /etc/resolv.conf can be had.
if unshare -m true 2>/dev/null; then
	address=127.$((1 + ($$ >> 16))).$(($$ >> 8 & 255)).$(($$ & 255))
	python3 - "$address" "$dir/silent" <<-'P' &
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind((sys.argv[1], 53))
	open(sys.argv[2], "w").close()
	while True:
	    s.recv(1000)
	P
	helper=$!
	wait_until 10 test -e "$dir/silent" || fail "no name server"
	echo "nameserver $address" >"$dir/resolv.conf"
	expect 6 unshare -m sh -c 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' sh "$dir/resolv.conf" \
		timeout 60 "$waypost" --config "$dir/c" config check --json
	found name failed "nowhere.invalid: the resolver does not answer" "/etc/resolv.conf"
	found "not looked at" note "connection"
	kill $helper
	helper=
fi
config '"srv:nowhere.invalid"' "$below"
visit 6
found "srv records" failed "_ldap._tcp.nowhere.invalid" "host -t SRV"
config "\"ldapi://%2Fnowhere%2Fldapi\"" "$below bind = \"external\""
visit 6
found connection failed "No such file" "no such socket"

# ---- servers that hang: each costs seconds, and the next is looked at ----
python3 - "$dir/port" <<-'P' &
import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(64)
open(sys.argv[1], "w").write(str(s.getsockname()[1]))
kept = []
while True:
    kept.append(s.accept())
P
helper=$!
wait_until 10 test -s "$dir/port" || fail "no port"
hung=$(cat "$dir/port")
config "\"ldaps://127.0.0.1:$hung\", \"ldap://127.0.0.1:$hung\"" "$below $simple $tls"
visit 6
json 'sum(row["check"] == "tls" and "nothing came back" in row["text"] for row in v) == 2'
config "\"ldap://127.0.0.1:$hung\"" "$below"
visit 6
found bind failed "Timed out" "does not answer"

# ---- a server that has no TLS; a guard that guards nothing ----
slapd_stop "$dir/org"
sed -i '/^olcTLS/d' "$dir/org/config/cn=config.ldif"
slapd_start "$dir/org" || exit 1
config "\"$SLAPD_URL\"" "$below $simple $tls sweep_guard_percent = 90"
visit 6
found tls failed "StartTLS is refused" "ldaps://"
found "sweep guard" warning "90 %" "leave it out"
exit $failed
