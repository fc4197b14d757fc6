#!/bin/bash
# Key pair and its publication: made once, written into a real slapd, rolled over.
set -u
. "$(dirname "$0")/lib.sh"
. "$abs_top_srcdir/tests/lib/slapd.sh"
slapd_need || exit $?
dir=$(mktemp -d) || exit 1
trap 'slapd_stop "$dir/org" >/dev/null 2>&1; rm -rf "$dir"' EXIT
server="cn=HQ-HUB1,cn=Servers,cn=Waypost,dc=example,dc=com"

config() { # uri
	cat >"$dir/c" <<-L
	server = "HQ-HUB1" state = "$dir/state" run = "$dir/run"
	directory "o" { uri = {"$1"} base = "cn=Waypost,dc=example,dc=com" }
	L
}

# ---- the pair ----
config "file://$example"
expect 0 "$waypost" --config "$dir/c" config certificate --json
json 'v["made"] and v["dn"] == "cn=HQ-HUB1,cn=Servers,cn=Waypost,dc=example,dc=com"'
expect 0 "$waypost" --config "$dir/c" config certificate --json
json 'not v["made"]'
expect 0 "$waypost" --config "$dir/c" config certificate
hash=$(echo "$out" | head -1)
want=sha256:$(openssl x509 -in "$dir/state/tls/server.crt" -outform DER | sha256sum | cut -d' ' -f1)
[ "$hash" = "$want" ] && pass "the hash is that of the DER form" || fail "$hash is not $want"
[ "$(stat -c %a "$dir/state/tls/server.key")" = 600 ] && pass "the key is private" || fail "the key is open"
echo "$out" | tail -n +3 >"$dir/publish.ldif"

# ---- by LDIF ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
	-addext subjectAltName=IP:127.0.0.1 -keyout "$dir/ca.key" -out "$dir/ca.crt" 2>/dev/null
slapd_init "$dir/org" --tls "$dir/ca.crt" "$dir/ca.key" "$dir/ca.crt" && slapd_load "$dir/org" "$example" && slapd_start "$dir/org" || exit 1
slapd_env "$dir/org"
published() {
	slapd_admin "$dir/org" ldapsearch -LLL -o ldif-wrap=no -b "$server" -s base waypostCertificateHash |
		sed -n 's/^waypostCertificateHash: //p' | sort
}
certificates() {
	slapd_admin "$dir/org" ldapsearch -LLL -o ldif-wrap=no -b "$server" -s base waypostCertificate |
		grep -c '^waypostCertificate'
}
slapd_admin "$dir/org" ldapmodify -f "$dir/publish.ldif" >/dev/null && [ "$(published)" = "$hash" ] &&
	pass "slapd takes the LDIF" || fail "slapd refuses the LDIF: $(cat "$dir/publish.ldif")"

# ---- by the command ----
config "$SLAPD_URL"
printf '%s\n' "$SLAPD_ROOTPW" >"$dir/password"
chmod 600 "$dir/password"
publish=("$waypost" --config "$dir/c" server publish-certificate)
expect 2 "${publish[@]}" -D "$SLAPD_ROOTDN" -y "$dir/password"
says err "in clear"
config "$SLAPD_LDAPI"
expect 0 "${publish[@]}" -D "$SLAPD_ROOTDN" -y "$dir/password"
says out "published already"
expect 2 "${publish[@]}" -D "$SLAPD_ROOTDN"
says err "needs a password"
printf 'wrong\n' >"$dir/wrong"
chmod 600 "$dir/wrong"
expect 5 "${publish[@]}" -D "$SLAPD_ROOTDN" -y "$dir/wrong"
chmod 644 "$dir/wrong"
expect 6 "${publish[@]}" -D "$SLAPD_ROOTDN" -y "$dir/wrong"

renew() {
	rm "$dir/state/tls/server.crt" "$dir/state/tls/server.key"
	expect 0 "$waypost" --config "$dir/c" config certificate
	hash=$(echo "$out" | head -1)
}
first=$hash
renew
expect 0 "${publish[@]}" -D "$SLAPD_ROOTDN" -y "$dir/password" --dry-run
says out "add: waypostCertificateHash"
[ "$(published)" = "$first" ] && pass "a dry run changes nothing" || fail "a dry run wrote"
expect 5 "${publish[@]}"
[ "$(published)" = "$first" ] && pass "a stranger changes nothing" || fail "a stranger wrote"
expect 0 "${publish[@]}" -D "$SLAPD_ROOTDN" -y "$dir/password" --json
json 'v["changed"] and not v["dry_run"]'
[ "$(published)" = "$(printf '%s\n' "$first" "$hash" | sort)" ] && [ "$(certificates)" = 2 ] &&
	pass "the other one is kept" || fail "published: $(published)"
second=$hash
renew
expect 2 "${publish[@]}" -D "$SLAPD_ROOTDN" -y "$dir/password"
says err "--drop HASH"
expect 3 "${publish[@]}" -D "$SLAPD_ROOTDN" -y "$dir/password" --drop sha256:00
expect 0 "${publish[@]}" -D "$SLAPD_ROOTDN" -y "$dir/password" --drop "$first"
[ "$(published)" = "$(printf '%s\n' "$second" "$hash" | sort)" ] && [ "$(certificates)" = 2 ] &&
	pass "the one named is dropped" || fail "published: $(published)"
expect 0 "${publish[@]}" -D "$SLAPD_ROOTDN" -y "$dir/password" --only
[ "$(published)" = "$hash" ] && [ "$(certificates)" = 1 ] && pass "only ours is left" || fail "published: $(published)"

# ---- the same directory read by LDAP and as a file ----
slapd_admin "$dir/org" ldapsearch -LLL -b dc=example,dc=com >"$dir/org.ldif"
ask=(--from HQ-HUB1 --json --explain louis@example.com u@foreign.example nobody@example.com)
printf 'tls_ca = "%s" starttls = true\n' "$dir/ca.crt" >"$dir/tls"
sed -i "s|base = |$(tr '\n' ' ' <"$dir/tls") base = |" "$dir/c"
read_by_ldap=("$waypost" --config "$dir/c" route --directory "$SLAPD_URL/dc=example,dc=com")
expect 5 "$waypost" route --directory "$SLAPD_URL/dc=example,dc=com" "${ask[@]}"
expect 2 "$waypost" route --directory "$SLAPD_URL" "${ask[@]}"
says err "which part"
expect 7 "$waypost" route --directory "ldap://127.0.0.1:1/dc=example,dc=com" "${ask[@]}"
expect 0 "${read_by_ldap[@]}" -D "$SLAPD_ROOTDN" -y "$dir/password" "${ask[@]}"
by_ldap=$out
expect 0 "$waypost" route --directory "$dir/org.ldif" "${ask[@]}"
[ "$by_ldap" = "$out" ] && pass "both give the same answers" || fail "$by_ldap is not $out"

slapd_stop "$dir/org"
expect 7 "$waypost" --config "$dir/c" server publish-certificate
exit $failed
