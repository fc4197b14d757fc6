#!/bin/bash
# Kerberos within TLS is tied to that TLS: before a server that takes nothing else (tests/lib/tied_ldap.py,
# with a slapd behind it), by every kind of certificate; with a man in the middle, who has a certificate
# of the same authority; and before servers that break off or cheat in the conversation.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/krb5.sh"
. "$abs_top_srcdir/tests/lib/certs.sh"
slapd_need || exit $?
krb5_need || exit $?
/usr/bin/python3 -c 'import gssapi' 2>/dev/null || { echo "skipped: no python3-gssapi"; exit 77; }
trap 'sync_kill9 "$dir"; stop_peers; slapd_stop "$dir/slapd"; krb5_stop "$dir/krb5"; rm -rf "$dir"' EXIT

logged() { grep -q -- "$1" "$dir/log"; }
remedy() { sync_status "$dir" | grep -q -- "\"remedy\": \"[^\"]*$1"; }
front_says() { tail -n 1 "$dir/front.log" | grep -q -- "$1"; }
begin() { # PORT SETTINGS
	sync_stop "$dir"
	rm -rf "$dir/state" "$dir/log"
	: >"$dir/front.log"
	sync_conf "$dir" "directory \"corp\" {
		uri = {\"ldaps://localhost:$1\"}
		base = \"cn=Waypost,dc=example,dc=com\"
		recipients = {\"ou=People,dc=example,dc=com\"}
		tls_ca = \"$dir/trusted.pem\"
		keytab = \"$dir/waypost.keytab\"
		$2
	}"
	sync_start "$dir"
}
# peer NAME KIND CERTIFICATE ARGUMENTS…: sets port
peer() {
	"$abs_top_srcdir/tests/lib/tied_ldap.py" "$2" "$dir/$3.pem" "$dir/$3.key" "${@:4}" >"$dir/$1.out" 2>"$dir/$1.err" </dev/null &
	echo $! >"$dir/$1.peer"
	sync_until grep -q '^port' "$dir/$1.out" || cat "$dir/$1.err"
	port=$(sed -n 's/^port //p' "$dir/$1.out")
}
front() { # NAME CERTIFICATE HASH
	peer "$1" front "$2" "$3" "$dir" "$SLAPD_PORT" cn=waypost,ou=Services,dc=example,dc=com change-me
}
stop_peers() {
	local file pid
	for file in "$dir"/*.peer; do
		pid=$(peer_pid "$file" tied_ldap.py) && kill "$pid" && wait "$pid" 2>/dev/null
	done
	rm -f "$dir"/*.peer
}

# ---- a realm, a directory, and certificates by every kind of signature ----
krb5_init "$dir/krb5" && krb5_add "$dir/krb5" ldap/localhost "$dir/ldap.keytab" &&
	krb5_add "$dir/krb5" waypost "$dir/waypost.keytab" && krb5_start "$dir/krb5" || exit 1
krb5_env "$dir/krb5"
slapd_init "$dir/slapd" && slapd_load "$dir/slapd" "$abs_top_srcdir/schema/example.ldif" || exit 1
slapd_env "$dir/slapd"
export KRB5_KTNAME="$dir/ldap.keytab"
slapd_start "$dir/slapd" || exit 1
authority() { # NAME KEY-OPTIONS…
	openssl req -x509 -nodes -days 2 -subj "/CN=$1" -keyout "$dir/$1.key" -out "$dir/$1.pem" "${@:2}" 2>/dev/null
	cat "$dir/$1.pem" >>"$dir/trusted.pem"
}
certificate() { # NAME AUTHORITY OPTIONS…
	openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$dir/$1.key" -out "$dir/csr" 2>/dev/null &&
		openssl x509 -req -in "$dir/csr" -CA "$dir/$2.pem" -CAkey "$dir/$2.key" -CAcreateserial -days 2 \
			-extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) -out "$dir/$1.pem" "${@:3}" 2>/dev/null
}
authority rsa -newkey rsa:2048
authority ec -newkey ec -pkeyopt ec_paramgen_curve:P-384
authority ed -newkey ed25519
certificate usual rsa -sha256
certificate weak rsa -sha1
certificate ecdsa ec -sha384
certificate pss rsa -sha512 -sigopt rsa_padding_mode:pss
certificate edwards ed
certificate middle rsa -sha256
# This system refuses certificates by SHA-1 unless it is told otherwise.
cat >"$dir/weak.cnf" <<EOT
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = lenient
[lenient]
CipherString = DEFAULT:@SECLEVEL=0
EOT

# ---- the right channel ----
front usual usual sha256
usual=$port
for mechanism in gssapi gss-spnego; do
	begin "$usual" "bind = \"$mechanism\""
	ok "$mechanism: live" sync_wait "$dir" state live 20
	ok "the server has seen that it is tied" front_says "accepted: waypost@EXAMPLE.COM by ${mechanism^^}"
	ok "and the log says so" logged "bind: $mechanism as waypost@EXAMPLE.COM, channel binding; TLS: TLSv1"
done
ok "the doctor as well" eval "'$abs_top_builddir/waypost' --config '$dir/waypost.conf' config check | grep 'gss-spnego as waypost@EXAMPLE.COM, channel binding'"
untied() {
	(unset LDAPNOINIT && LDAPTLS_REQCERT=never KRB5_CLIENT_KTNAME=$dir/waypost.keytab KRB5CCNAME=MEMORY: \
		ldapsearch -Q -Y GSSAPI -N -H "ldaps://localhost:$usual" -b '' -s base)
}
ok "a client that does not tie itself" not untied
ok "is refused for that" front_says "refused: no channel"
for row in weak:sha256 ecdsa:sha384 pss:sha512; do
	export OPENSSL_CONF=$dir/weak.cnf
	front "${row%:*}" "${row%:*}" "${row#*:}"
	begin "$port" 'bind = "gssapi"'
	unset OPENSSL_CONF
	ok "a certificate $row: live" sync_wait "$dir" state live 20
	ok "tied" front_says "accepted"
done
front edwards edwards sha256
begin "$port" 'bind = "gssapi"'
ok "a certificate whose signature has no hash: down" sync_wait "$dir" state down 20
ok "nothing was told of the channel" front_says "refused: no channel"
ok "the remedy is said" sync_until remedy 'signed by RSA or ECDSA'

# ---- a man in the middle ----
peer middle relay middle localhost "$usual"
for mechanism in gssapi gss-spnego; do
	begin "$port" "bind = \"$mechanism\""
	ok "$mechanism, TLS ended in between: down" sync_wait "$dir" state down 20
	ok "the server sees another channel" front_says "refused: another channel"
	ok "it is said what that means" sync_until remedy 'the server sees another TLS than this host'
done
ok "the doctor fails" not "$abs_top_builddir/waypost" --config "$dir/waypost.conf" config check
peer open relay usual localhost "$usual"
begin "$port" 'bind = "gssapi"'
ok "with the server's own certificate and key it is the same channel" sync_wait "$dir" state live 20

# ---- servers that make no sense ----
begin "$usual" 'bind = "gssapi"'
ok "live" sync_wait "$dir" state live 20
cheated() { # HABIT MECHANISM WORDS
	echo "$1" >"$dir/habit"
	begin "$usual" "bind = \"$2\""
	ok "$1, $2: down" sync_wait "$dir" state down 20
	ok "in so many words" sync_until logged "$3"
	ok "and stops" sync_stop "$dir"
}
for mechanism in gssapi gss-spnego; do
	cheated liar $mechanism 'signs us in without having proved who it is'
	cheated garbage $mechanism 'Kerberos: '
	cheated endless $mechanism 'goes on when all is said'
done
cheated early gssapi 'signs us in before the security layer was agreed upon'
cheated insist gssapi 'insists on a layer of Kerberos within TLS'
cheated silent gssapi 'GSSAPI: bind: Timed out'
echo silent >"$dir/habit"
begin "$usual" 'bind = "gssapi"'
sync_until test -s "$dir/log"
sleep 1
ok "it stops in order in the middle of a bind" sync_stop "$dir"
rm "$dir/habit"
begin "$usual" 'bind = "gssapi"'
ok "live when the server is well" sync_wait "$dir" state live 20
ok "the servers of the test are well" not grep -q Traceback "$dir"/*.err
exit $failed
