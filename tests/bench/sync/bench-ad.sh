#!/bin/bash
# A first refresh of PEOPLE contacts from a Samba domain controller; then from the modify of a link's
# cost to the snapshot that knows of it: p50 and p99 in milliseconds, from the moment ldapmodify is
# given the change. Printed, not asserted.
#   bench-ad.sh [CHANGES [PEOPLE]]     default 300 and 5000
set -u
changes=${1:-300} n_people=${2:-5000}
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../../.." && pwd)}/tests/lib/samba.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
samba_need || exit $?
trap 'sync_kill9 "$dir"; samba_stop "$dir/dc"; rm -rf "$dir"' EXIT

samba_init "$dir/dc" && samba_user "$dir/dc" agent Agent.pw1 dirsync deleted && samba_start "$dir/dc" || exit 1
samba_env "$dir/dc"
people=OU=People,$SAMBA_BASE
{
	printf 'dn: %s\nobjectClass: organizationalUnit\n\n' "$people"
	for ((i = 0; i < n_people; i++)); do
		printf 'dn: CN=p%s,%s\nobjectClass: contact\nmail: p%s@example.com\n\n' $i "$people" $i
	done
} | samba_admin "$dir/dc" ldapadd >/dev/null || exit 1
sync_conf "$dir" "$(sync_ad "$dir" "$people" "$SAMBA_URL")"
begin=$(date +%s%N)
sync_start "$dir"
sync_wait "$dir" state live 300 || exit 1
end=$(date +%s%N)
echo "first refresh: $n_people contacts in $(((end - begin) / 1000000)) ms"

python3 - "$dir/run/waypost-ldapsync.sock" "$changes" "$SAMBA_CONFIG" \
	ldapmodify -x -H "$SAMBA_URL" -D "$SAMBA_ADMIN" -w "$SAMBA_PASSWORD" <<'PY'
import json, socket, subprocess, sys, time

path, changes, config, *command = sys.argv[1:]
link = "CN=DEFAULTIPSITELINK,CN=IP,CN=Inter-Site Transports,CN=Sites," + config
news = socket.socket(socket.AF_UNIX)
news.settimeout(40)
news.connect(path)
news.sendall(b'{"v":1,"id":1,"verb":"subscribe","args":{}}\n')
rows = news.makefile()
json.loads(rows.readline())
modify = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

times = []
for i in range(int(changes)):
    begin = time.monotonic()
    modify.stdin.write(b"dn: %s\nchangetype: modify\nreplace: cost\ncost: %d\n\n" % (link.encode(), 101 + i))
    modify.stdin.flush()
    rows.readline()
    times.append((time.monotonic() - begin) * 1000)
    time.sleep(0.02)
times.sort()
print("change to snapshot, %d changes: p50 %.1f ms, p99 %.1f ms, longest %.1f ms" % (
    len(times), times[len(times) // 2], times[int(len(times) * .99)], times[-1]))
modify.stdin.close()
modify.wait()
PY
sync_stop "$dir"
