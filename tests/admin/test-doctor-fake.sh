#!/bin/bash
# The directory doctor before a scripted domain controller: what Samba does not do, or would take
# too long. Scripted: tests/lib/fake_ad.py.
set -u
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/doctor.sh"
. "$abs_top_srcdir/tests/lib/slapd.sh" # its clients read no ldap.conf
dir=$(mktemp -d) || exit 1
fake=$abs_top_srcdir/tests/lib/fake_ad.py
trap 'exec {input}>&-; wait; rm -rf "$dir"' EXIT
mkfifo "$dir/input"
"$fake" serve "$dir/sock" dc1 <"$dir/input" >"$dir/ports" 2>"$dir/log" &
exec {input}>"$dir/input"
wait_until 20 grep -q ready "$dir/ports" || exit 1
configuration=CN=Configuration,DC=fake,DC=test
tell() { "$fake" tell "$dir/sock" "$1" >"$dir/told" || fail "$(cat "$dir/told")"; }
habit() { tell "{\"do\": \"set\", \"dc\": \"dc1\", $1}"; }
printf 'secret\n' >"$dir/password"
chmod 600 "$dir/password"
cat >"$dir/c" <<L
server = "HUB1" state = "$dir/state" run = "$dir/run"
directory "o" { uri = {"$(sed -n 's,^dc1 ,ldap://127.0.0.1:,p' "$dir/ports")"} profile = "ad"
	bind = "simple" bind_dn = "waypost@fake.test" password_file = "$dir/password" cleartext = true }
L

# ---- clocks ----
visit 6
found server ok "Active Directory: dc1.fake.test"
found clock ok "s apart"
habit '"clock": 400'
visit 6
found clock warning "ahead of this host's, more than the 300 s that Kerberos allows" "time service"
habit '"clock": -120'
visit 6
found clock warning "behind this host's" "chrony"
habit '"clock": 0'

# ---- rights, and what it offers ----
found dirsync ok "$configuration: allowed"
habit '"dirsync_right": false'
visit 6
found dirsync note "OBJECT_SECURITY only" "dsacls \"$configuration\" /G \"waypost@fake.test:CA;Replicating Directory Changes\""
habit '"dirsync": false, "shows_deleted": false, "synchronized": false'
visit 6
found dirsync warning "polled by uSNChanged"
found "deleted objects" note "cannot be seen" "waypost@fake.test:LCRP"
found server failed "has not finished its first replication" "repadmin"

# ---- pages ----
found paging ok "the limits cannot be seen"
tell "{\"do\": \"add\", \"dn\": \"CN=Default Query Policy,CN=Query-Policies,CN=Directory Service,CN=Windows NT,CN=Services,$configuration\",
	\"attributes\": {\"objectClass\": [\"top\", \"queryPolicy\"], \"lDAPAdminLimits\": [\"MaxValRange=1500\", \"MaxPageSize=50\"]}}"
visit 6
found paging warning "MaxPageSize is 50" '"connect to server dc1.fake.test" quit "set maxpagesize to 1000"'
exit $failed
