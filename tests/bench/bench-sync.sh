#!/bin/bash
# From a change in slapd to the routing snapshot that knows of it: p50 and p99 in milliseconds,
# from the moment ldapmodify is given the change to the subscriber's row. Then a first refresh of
# PEOPLE entries, to their last visible one. Printed, not asserted.
#   bench-sync.sh [CHANGES] [PEOPLE]      default 300 and 20000
set -u
changes=${1:-300} n_people=${2:-20000}
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
slapd_need || exit $?
trap 'sync_kill9 "$dir"; slapd_stop "$dir/slapd"; rm -rf "$dir"' EXIT

cp "$abs_top_srcdir/schema/example.ldif" "$dir/org.ldif"
seq "$n_people" | awk '{
	printf "\ndn: uid=p%d,ou=People,dc=example,dc=com\nobjectClass: inetOrgPerson\n", $1
	printf "uid: p%d\ncn: p%d\nsn: p%d\nmail: p%d@example.com\n", $1, $1, $1, $1 }' >>"$dir/org.ldif"
slapd_init "$dir/slapd" && slapd_load "$dir/slapd" "$dir/org.ldif" && slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
printf change-me >"$dir/password"
chmod 600 "$dir/password"
sync_conf "$dir" "directory \"corp\" {
	uri = {\"$SLAPD_URL\"}
	base = \"cn=Waypost,dc=example,dc=com\"
	recipients = {\"ou=People,dc=example,dc=com\"}
	bind = \"simple\"
	bind_dn = \"cn=waypost,ou=Services,dc=example,dc=com\"
	password_file = \"$dir/password\"
	cleartext = true
}"
begin=$(date +%s%N)
sync_start "$dir"
sync_wait "$dir" state live 300 || exit 1
end=$(date +%s%N)
pid=$(sync_pid "$dir")
echo "first refresh: $n_people people in $(((end - begin) / 1000000)) ms," \
	"CPU $(awk '{ print ($14 + $15) * 10 }' "/proc/$pid/stat") ms," \
	"resident $(awk '/VmRSS/ { print $2 }' "/proc/$pid/status") KiB"

python3 - "$dir/run/waypost-ldapsync.sock" "$SLAPD_LDAPI" "$changes" <<'PY'
import json, socket, subprocess, sys, time

path, url, changes = sys.argv[1], sys.argv[2], int(sys.argv[3])
news = socket.socket(socket.AF_UNIX)
news.settimeout(20)
news.connect(path)
news.sendall(b'{"v":1,"id":1,"verb":"subscribe","args":{}}\n')
rows = news.makefile()
json.loads(rows.readline())
modify = subprocess.Popen(["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", url], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL)
times = []
for i in range(changes):
    begin = time.monotonic()
    modify.stdin.write(b"dn: cn=HQ-Lyon,cn=Site Links,cn=Waypost,dc=example,dc=com\n"
                       b"changetype: modify\nreplace: waypostCost\nwaypostCost: %d\n\n" % (100 + i))
    modify.stdin.flush()
    rows.readline()
    times.append((time.monotonic() - begin) * 1000)
modify.stdin.close()
modify.wait()
times.sort()
print("change to snapshot, %d changes: p50 %.1f ms, p99 %.1f ms, longest %.1f ms" % (
    changes, times[len(times) // 2], times[int(len(times) * .99)], times[-1]))
PY
sync_stop "$dir"
