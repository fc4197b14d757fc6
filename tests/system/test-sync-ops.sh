#!/bin/bash
# Operating the agent with two directories: status of each, a refresh held, refused and accepted
# (also over kill -9), reading anew, the stream of changes.
set -u
dir=$(mktemp -d) || exit 1
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/sync.sh"
. "$abs_top_srcdir/tests/lib/proxy.sh"
slapd_need || exit $?
watcher=
trap '[ -z "$watcher" ] || kill -9 "$watcher"; sync_kill9 "$dir"; slapd_stop "$dir/slapd"; rm -rf "$dir"' EXIT
people=ou=People,dc=example,dc=com

modify() { slapd_admin "$dir/slapd" ldapmodify >/dev/null; }
waypost() { "$abs_top_builddir/waypost" --config "$dir/waypost.conf" "$@"; }
# What Python says of the status v and the sources s by title.
status() {
	waypost sync status --json | python3 -c 'import json, sys
v = json.load(sys.stdin)
s = {x["source"]: x for x in v["sources"]}
sys.exit(not eval("(" + sys.argv[1] + ")"))' "$1"
}
becomes() { sync_until status "$1" || { waypost sync status; return 1; }; }
exits() { # STATUS COMMAND…
	local want=$1
	shift
	"$@"
	[ $? = "$want" ]
}
says() { # TEXT COMMAND…
	local text=$1
	shift
	"$@" 2>&1 | grep -qF -- "$text"
}
# The file's directory with N people.
write_file() {
	local i
	{
		printf 'dn: ou=More,dc=more\nobjectClass: organizationalUnit\nou: More\n\n'
		for ((i = 0; i < $1; i++)); do
			printf 'dn: uid=more%d,ou=More,dc=more\nobjectClass: inetOrgPerson\nuid: more%d\nmail: more%d@example.com\n\n' $i $i $i
		done
	} >"$dir/more.new"
	mv "$dir/more.new" "$dir/more.ldif"
}
add_people() {
	local i
	for ((i = 0; i < $1; i++)); do
		printf 'dn: uid=ops%d,%s\nchangetype: add\nobjectClass: inetOrgPerson\nuid: ops%d\ncn: o\nsn: o\nmail: ops%d@example.com\n\n' $i $people $i $i
	done | modify
}
remove_people() {
	local i
	for ((i = 0; i < $1; i++)); do
		printf 'dn: uid=ops%d,%s\nchangetype: delete\n\n' $i $people
	done | modify
}
has_person() { sync_has "$dir" "^entry uid=$1,"; }
number() { sync_field "$dir" snapshot; }
above() { [ "$(number)" -gt "$1" ]; }
cost() {
	modify <<-EOT
	dn: cn=HQ-Lyon,cn=Site Links,cn=Waypost,dc=example,dc=com
	changetype: modify
	replace: waypostCost
	waypostCost: $1
	EOT
}

# ---- the status of each source ----
slapd_init "$dir/slapd" && slapd_load "$dir/slapd" "$abs_top_srcdir/schema/example.ldif" &&
	slapd_start "$dir/slapd" || exit 1
slapd_env "$dir/slapd"
add_people 60
write_file 40
sync_conf "$dir" "$(sync_corp "$dir" "$SLAPD_URL")
directory \"more\" { uri = {\"file://$dir/more.ldif\"} }"
ok "without a daemon: 4" exits 4 waypost sync resync
ok "without a daemon: 4" exits 4 waypost sync refuse
sync_start "$dir"
ok "both are live" sync_wait "$dir" state live
ok "each has its entries" status 's["more"]["recipients"] == 40 and s["corp"]["recipients"] >= 60 and
	s["corp"]["entries"] + s["more"]["entries"] == v["entries"] and s["more"]["topology"] == 0'
ok "and says how it is reached" status 's["corp"]["tracker"] == "RFC 4533" and s["corp"]["tls"] == "none" and
	s["corp"]["bind"].startswith("simple as cn=waypost,") and s["more"]["tracker"] == "file"'
ok "people read it too" says "RFC 4533" waypost sync status
ok "nothing is held: 3" exits 3 waypost sync accept
ok "nothing is held: 3" exits 3 waypost sync refuse --source corp
ok "an unknown source: 3" exits 3 waypost sync resync --source corpse
ok "with those that there are" says "sources: corp, more" waypost sync resync --source corpse

# ---- reading anew ----
slapd_stop "$dir/slapd"
ok "one is down" becomes 's["corp"]["state"] == "down" and s["more"]["state"] == "live"'
ok "with the error, and when it was" status 's["corp"]["last_error"] and s["corp"]["last_error_at"] and not s["corp"]["last_error_over"]'
ok "reading anew is possible while it is down" says "as soon as its server answers" waypost sync resync --source corp
sync_kill9 "$dir"
slapd_start "$dir/slapd"
sync_start "$dir"
ok "live again" sync_wait "$dir" state live 20
slapd_stop "$dir/slapd"
ok "down" becomes 's["corp"]["state"] == "down"'
slapd_start "$dir/slapd"
ok "live" sync_wait "$dir" state live 20
ok "the last error is told with its end" status 's["corp"]["last_error"] and s["corp"]["last_error_over"]'
ok "all are read anew" says "from now on" waypost sync resync
ok "and live" sync_wait "$dir" state live

# ---- one is held, the other lives ----
n=$(number)
write_file 5
ok "a file that lost most is held" becomes 's["more"]["state"] == "held" and v["state"] == "held"'
ok "the other is not" status 's["corp"]["state"] == "live"'
ok "it says what would go" status 's["more"]["held"]["recipients"] == 35 and
	s["more"]["held"]["of_recipients"] == 40 and len(s["more"]["held"]["examples"]) == 10 and
	s["more"]["held"]["examples"][0].startswith("uid=more")'
ok "also to people" says "and 25 more" waypost sync status
cost 77
ok "changes of the other are live" sync_until above "$n"
ok "what is held stays" has_person more39
ok "refused" says "thrown away" waypost sync refuse --source more
ok "the same file is held again" becomes 's["more"]["held"]'
ok "the log tells of the refusal" says "would drop 35 entries was refused" waypost topology log
ok "nothing of the other is held: 3" exits 3 waypost sync accept --source corp
sync_kill9 "$dir"
sync_start "$dir"
ok "held again after kill -9" becomes 's["more"]["state"] == "held" and s["corp"]["state"] == "live"'
ok "what is held stays" has_person more39
write_file 40
ok "a mended file ends it" sync_wait "$dir" state live
write_file 5
ok "held" becomes 's["more"]["held"]'
ok "what is no text is no source: 3" exits 3 waypost sync accept --yes --source $'more\xff'
ok "and lets nothing go" has_person more39
ok "nor refuses: 3" exits 3 waypost sync refuse --source $'\xff'
ok "nothing goes without a yes: 2" exits 2 waypost sync accept --source more
printf 'Let it through?\tn\n' >"$dir/answers"
asked() { "$abs_top_srcdir/tests/admin/typist.py" "$dir/answers" "$abs_top_builddir/waypost" --config "$dir/waypost.conf" sync accept; }
ok "a person is shown what would go" says "drop 35 of 40 recipients" asked
ok "who says no lets nothing go" has_person more39
ok "accepted" waypost sync accept --yes --source more
ok "and gone" not has_person more39
ok "the log tells of it, though no snapshot was made" says "a refresh that drops 35 entries was accepted" waypost topology log
ok "live" sync_wait "$dir" state live

# ---- the stream ----
"$abs_top_builddir/waypost" --config "$dir/waypost.conf" sync watch --json >"$dir/watch" 2>"$dir/watch.err" &
watcher=$!
watched() { # EXPRESSION of the row r; one of them has to be so
	python3 -c 'import json, sys
rows = [json.loads(line) for line in open(sys.argv[2])]
sys.exit(not any(eval("(" + sys.argv[1] + ")") for r in rows))' "$1" "$dir/watch"
}
sees() { sync_until watched "$1" || { tail -3 "$dir/watch"; return 1; }; }
ok "begins" sees 'r["event"] == "begin" and r["snapshot"] > 0'
cost 3
ok "a changed cost" sees 'r["event"] == "changes" and any(c.get("attribute") == "waypostCost" and
	c["old"] == ["77"] and c["new"] == ["3"] and c["class"] == "waypostSiteLink" for c in r["changes"])'
ok "and what it moves" sees 'r["event"] == "snapshot" and r["site"] == "HQ" and
	r["effect"]["moved"] > 0 and r["effect"]["sources"]["compared"] == 1'
modify <<EOT
dn: uid=ops59,$people
changetype: modify
replace: mail
mail: other59@example.com
EOT
ok "an address that changed" sees 'r["event"] == "changes" and any(c.get("attribute") == "address" and
	c["old"] == ["ops59@example.com"] and c["new"] == ["other59@example.com"] for c in r["changes"])'
modify <<EOT
dn: uid=olga,$people
changetype: modify
replace: waypostHomeServer
waypostHomeServer: cn=LYON-MBX1,cn=Servers,cn=Waypost,dc=example,dc=com

dn: uid=vera,$people
changetype: modify
delete: mailRoutingAddress
EOT
ok "a person who moves" sees 'r["event"] == "changes" and any(c.get("attribute") == "home" and
	c["address"] == "olga@example.com" and c["old"][0].startswith("cn=OSLO-MBX1,") and
	c["new"][0].startswith("cn=LYON-MBX1,") for c in r["changes"])'
ok "a forward that ends" sees 'r["event"] == "changes" and any(c.get("attribute") == "forward" and
	c["old"] == ["vera.holm@partner.example"] and "new" not in c for c in r["changes"])'
write_file 1
ok "recipients that go" sees 'r["event"] == "changes" and sum(c["kind"] == "remove" and c["class"] == "recipient" and
	"attribute" not in c and c["address"].startswith("more") for c in r["changes"]) == 4'
write_file 900
ok "more than fits is counted" sees 'r["event"] == "changes" and r["omitted"] >= 500 and len(r["changes"]) <= 201'
slapd_stop "$dir/slapd"
ok "a source that goes" sees 'r["event"] == "state" and r["source"] == "corp" and r["state"] == "down" and r["error"]'
slapd_start "$dir/slapd"
ok "and comes" sees 'r["event"] == "state" and r["source"] == "corp" and r["state"] == "live"'
# A daemon that comes and goes is no end.
"$abs_top_builddir/waypost" --config "$dir/waypost.conf" sync watch >"$dir/watch.text" 2>&1 &
reader=$!
ok "watched by a person too" sync_until grep -q "watching from" "$dir/watch.text"
sync_stop "$dir"
ok "a daemon that stops" sees 'r["event"] == "away" and r["error"] and r["time"]'
cost 21
sync_start "$dir"
ok "is waited for" sync_until eval '[ "$(grep -c "\"begin\"" "$dir/watch")" = 2 ]'
ok "live again" becomes 's["corp"]["state"] == "live"'
sync_kill9 "$dir"
ok "one that is killed" sees 'r["event"] == "away" and "went away" in r["error"]'
sync_start "$dir"
ok "too" sync_until eval '[ "$(grep -c "\"begin\"" "$dir/watch")" = 3 ]'
ok "live again" becomes 's["corp"]["state"] == "live"'
ok "people read of it" sync_until eval '[ "$(grep -c "waiting until it is back" "$dir/watch.text")" = 2 ]'
# Who is back before the change is stored sees the snapshot itself.
ok "and where what they missed is told" sync_until grep -q "waypost topology diff [0-9]* [0-9]* tells what was missed\|  snapshot [0-9]* → [0-9]" "$dir/watch.text"
cost 22
ok "it goes on" sees 'r["event"] == "changes" and any(c.get("new") == ["22"] for c in r["changes"])'
# Who does not read loses rows, and is told so; the agent goes on.
write_long() { # 300 people with long names and address number $1
	python3 - "$1" >"$dir/more.new" <<-'EOT'
	import sys
	print("dn: ou=More,dc=more\nobjectClass: organizationalUnit\nou: More\n")
	for i in range(300):
	    print(f"dn: uid={'x' * 900}{i},ou=More,dc=more\nobjectClass: inetOrgPerson\nmail: long{i}.{sys.argv[1]}@example.com\n")
	EOT
	mv "$dir/more.new" "$dir/more.ldif"
	sync_until watched "any(c.get(\"new\") == [\"long0.$1@example.com\"] for c in r.get(\"changes\", []))"
}
cat >"$dir/slow.py" <<'EOT'
import json, os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.settimeout(30)
s.connect(sys.argv[1])
s.sendall(b'{"v":1,"id":1,"verb":"sync.watch","args":{}}\n')
open(sys.argv[2] + ".there", "w").close()
while not os.path.exists(sys.argv[2]):
    time.sleep(0.05)
for line in s.makefile():
    row = json.loads(line)["row"]
    if row["event"] == "lost":
        sys.exit(row["rows"] < 1)
EOT
python3 "$dir/slow.py" "$dir/run/waypost-ldapsync.sock" "$dir/go" &
slow=$!
sync_until test -e "$dir/go.there"
for i in 1 2 3 4 5 6 7 8 9; do write_long $i; done
touch "$dir/go"
sleep 0.5 # it reads what there is
ok "changes are live whoever reads" write_long 10
ok "a slow reader is told what it lost" wait $slow
kill -INT $watcher $reader
ok "Ctrl-C ends it well" wait $watcher
ok "Ctrl-C ends it well" wait $reader
watcher=
ok "without a word" not test -s "$dir/watch.err"
write_file 5
ok "held" becomes 's["more"]["held"]'
ok "accepted" waypost sync accept --yes
ok "live" sync_wait "$dir" state live

# ---- a real directory ----
sync_stop "$dir"
remove_people 50
sync_start "$dir"
ok "a refresh that drops too much is held" becomes 's["corp"]["state"] == "held" and s["more"]["state"] == "live"'
ok "what it would drop stays" has_person ops0
ok "with examples" status '"uid=ops" in s["corp"]["held"]["examples"][-1]'
sync_kill9 "$dir"
sync_start "$dir"
ok "held again after kill -9" becomes 's["corp"]["state"] == "held"'
ok "refused, in JSON too" says '{"done": "refuse"}' waypost sync refuse --source corp --json
ok "the whole read is held too" becomes 's["corp"]["held"]'
ok "and its people are there" has_person ops0
ok "a source by name" waypost sync accept --yes --source corp
ok "gone" sync_until not has_person ops0
ok "live" sync_wait "$dir" state live
ok "the others stay" has_person ops59

# ---- a first read that takes long: what there is to read is counted beside it ----
sync_stop "$dir"
trap 'proxy_stop "$dir/proxy"; sync_kill9 "$dir"; slapd_stop "$dir/slapd"; rm -rf "$dir"' EXIT
proxy_start "$dir/proxy" "$SLAPD_PORT" || exit 1
rm -r "$dir/state"
sync_conf "$dir" "$(sync_corp "$dir" "ldap://127.0.0.1:$(proxy_port "$dir/proxy")")"
proxy "$dir/proxy" hold-first 4000
sync_start "$dir"
counted() { status 's["corp"]["progress"] and s["corp"]["progress"]["expected"]'; }
ok "it is counted" eval 'for i in 1 2 3; do sync_until counted && break; done; counted'
expected=$(waypost sync status --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["sources"][0]["progress"]["expected"])')
ok "people read it" says "of about $expected entries" waypost sync status
proxy "$dir/proxy" go
ok "live" sync_wait "$dir" state live 30
ok "as many came" sync_is "$dir" entries "$expected"
exit $failed
