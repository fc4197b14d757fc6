#!/bin/bash
# The directory doctor and init before a Samba domain controller: what accounts of different
# rights may, the schema that is not there, and that nothing is written without it.
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/doctor.sh"
. "$abs_top_srcdir/tests/lib/samba.sh"
samba_need || exit $?
dir=$(mktemp -d) || exit 1
agent=
trap '[ -z "$agent" ] || kill $agent 2>/dev/null; samba_stop "$dir/dc" >/dev/null 2>&1; rm -rf "$dir"' EXIT

openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=dc1.ad.example.com -keyout "$dir/dc.key" \
	-addext "subjectAltName=DNS:dc1.ad.example.com" -out "$dir/dc.pem" 2>/dev/null
samba_init "$dir/dc" --tls "$dir/dc.pem" "$dir/dc.key" "$dir/dc.pem" && samba_start "$dir/dc" || exit 1
samba_env "$dir/dc"
samba_user "$dir/dc" plain Plain.pass1 && samba_user "$dir/dc" reader Reader.pass1 dirsync deleted || exit 1
printf 'Plain.pass1\n' >"$dir/plain"
printf 'Reader.pass1\n' >"$dir/reader"
printf '%s\n' "$SAMBA_PASSWORD" >"$dir/admin"
chmod 600 "$dir/plain" "$dir/reader" "$dir/admin"

config() { # ACCOUNT SETTINGS
	cat >"$dir/c" <<-L
	server = "HUB1" state = "$dir/state" run = "$dir/run"
	directory "o" { uri = {"$SAMBA_URL"} profile = "ad" base = "CN=Waypost,CN=Services,$SAMBA_CONFIG"
		recipients = {"$SAMBA_BASE"} bind = "simple" bind_dn = "$1@$SAMBA_REALM"
		password_file = "$dir/$1" $2 }
	L
}

# ---- the certificate is for the name, the host file has the address ----
config reader "starttls = true tls_ca = \"$dir/dc.pem\""
visit 6
found tls failed "is not for $SAMBA_ADDRESS but for dc1.ad.example.com"

# ---- what an account may ----
config reader "cleartext = true"
visit 6
found server ok "Samba"
found server ok "$SAMBA_BASE"
found clock ok "s apart"
found "bind methods" ok "GSS-SPNEGO"
found dirsync ok "$SAMBA_BASE: allowed"
found dirsync ok "$SAMBA_CONFIG: allowed"
found "deleted objects" ok "can be seen"
found notification ok "at once"
found paging ok "MaxPageSize 1000"
found schema failed "is not loaded"
found base failed "is not there"
json 'any("waypost-ad.ldif" in row.get("commands", "") for row in v)'
json 'not any(row["check"] in ("sync", "limits") for row in v)'
config plain "cleartext = true"
visit 6
found dirsync note "$SAMBA_BASE: allowed with OBJECT_SECURITY only"
found "deleted objects" note "cannot be seen"
json 'any("Replicating Directory Changes" in row.get("remedy", "") for row in v)'
# The commands name the account, and are all that it needs.
follow dirsync "s|dsacl set|dsacl set -s $SAMBA_CONF|"
visit 6
found dirsync ok "$SAMBA_BASE: allowed"
found dirsync ok "$SAMBA_CONFIG: allowed"
samba_revoke "$dir/dc" plain

# ---- Kerberos: the account of a keytab ----
samba_keytab "$dir/dc" reader "$dir/keytab" && chmod 600 "$dir/keytab" || fail "no keytab"
export KRB5_CONFIG=$SAMBA_KRB5
sed -i "s|bind = \"simple\".*|bind = \"gssapi\" bind_dn = \"reader\" keytab = \"$dir/keytab\"|; s|password_file.*cleartext = true||" "$dir/c"
visit 6
found tls ok "Kerberos protects"
found bind ok "gssapi as reader@$SAMBA_REALM, sealed"
found dirsync ok "$SAMBA_BASE: allowed"

# ---- init ----
init=("$waypost" init --config "$dir/new.conf" --uri "$SAMBA_URL" --cleartext --bind simple
	--bind-dn "reader@$SAMBA_REALM" --password-file "$dir/reader")
expect 3 "${init[@]}"
says out "Default-First-Site-Name"
says out "DEFAULTIPSITELINK"
says err "there is no organisation CN=Waypost,CN=Services,$SAMBA_CONFIG"
expect 7 "${init[@]}" --create --server HUB1 --fqdn hub1.ad.example.com
says err "the schema of Waypost is not loaded"
says err "waypost-ad.ldif"
if [ -e "$dir/new.conf" ]; then fail "a host file was written"; else pass "no host file was written"; fi

# ---- the commands that were printed load it, and an organisation is made ----
samba_stop "$dir/dc"
sed -n '/^sed /,/done$/p' "$dir/err" |
	sed "s|/var/lib/samba/private|$dir/dc/private|; s|/tmp/waypost-ad|$dir/waypost-ad|g; s|--option=|--configfile='$SAMBA_CONF' --option=|; s| schema/waypost-ad| $abs_top_srcdir/schema/waypost-ad|" >"$dir/load.sh"
(cd "$dir" && bash -e load.sh) >"$dir/load.log" 2>&1 && ! grep ERR "$dir/load.log" && pass "the schema loads as it is said" ||
	fail "the schema: $(cat "$dir/load.sh" "$dir/load.log" | tail -20)"
samba_start "$dir/dc" || exit 1
expect 3 "${init[@]}" --create --server HUB1 --fqdn hub1.ad.example.com --site Nowhere
says err "there is no site Nowhere"
make=(--create --server HUB1 --fqdn hub1.ad.example.com --accepted-domain ad.example.com --listen 127.0.0.1:2525
	--mailbox-delivery lmtp://127.0.0.1:2424 --state "$dir/state" --run "$dir/run")
expect 5 "${init[@]}" "${make[@]}"
says err "--admin-dn"
expect 0 "${init[@]}" "${make[@]}" --admin-dn "$SAMBA_ADMIN" --admin-password-file "$dir/admin" --publish
grep -q 'profile       = "ad"' "$dir/new.conf" && pass "the profile is ad" || fail "$(cat "$dir/new.conf")"
samba_admin "$dir/dc" ldapadd >/dev/null <<-L || fail "no contact"
dn: CN=Ann,CN=Users,$SAMBA_BASE
objectClass: contact
mail: ann@ad.example.com
L
expect 0 timeout 60 "$waypost" --config "$dir/new.conf" config check --json
found schema ok "classes and attributes"
found base ok "1 site"
found "this host" ok "CN=HUB1,CN=Servers,CN=Waypost,CN=Services,$SAMBA_CONFIG"
found "this host" ok "is published"
found recipients ok "$SAMBA_BASE can be read"
"$abs_top_builddir/waypost-ldapsync" --config "$dir/new.conf" 2>"$dir/log" &
agent=$!
expect 0 "$waypost" --config "$dir/new.conf" sync wait --for 30
expect 0 "$waypost" --config "$dir/new.conf" route --json ann@ad.example.com
json 'v["outcome"] == "mailbox" and v["server"] == "HUB1"'
kill $agent
wait $agent
exit $failed
