#!/bin/bash
# The command line without daemons: usage, exit statuses, JSON, tables, routes from a file.
set -u
. "$(dirname "$0")/lib.sh"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset NO_COLOR

# ---- usage ----
expect 0 "$waypost" --help
case $out in Examples:*) pass "help begins with examples" ;; *) fail "help begins otherwise" ;; esac
expect 0 "$waypost" queue --help
says out "queue retry"
case $out in *"sync status"*) fail "help of a noun shows others" ;; *) pass "only its own verbs" ;; esac
expect 0 "$waypost" route --help
says out "--explain"
says out "--receive-connector SERVER/NAME
                               the receive connector it came by"
expect 0 "$waypost" init --help
says out "
      --uri URI,…              its addresses"
expect 7 "$waypost" topology check --directory "$dir/nothing"
says err "waypost: cannot read $dir/nothing: No such file"
expect 0 "$waypost" --version
says out "waypost "
expect 2 "$waypost"
expect 2 "$waypost" fly
says err "remedy: commands: run, route, topology"
expect 2 "$waypost" queue
says err "list, retry, suspend, resume"
expect 2 "$waypost" queue fly
says err 'no verb "fly"'
expect 2 "$waypost" route --fly x@example.com
says err "no option --fly"
expect 2 "$waypost" route --size
says err "--size needs a value"
expect 2 "$waypost" route --batch=1
says err "takes no value"
expect 2 "$waypost" topology check extra
expect 2 "$waypost" run here
says err 'run takes no "here"'
expect 2 "$waypost" connector show
says err "needs NAME"
expect 2 "$waypost" route --directory "$example" --from HQ-HUB1
says err "no recipient"
expect 2 "$waypost" route --directory "$example" --from HQ-HUB1 --batch x@example.com
expect 2 "$waypost" route --directory "$example" --from HQ-HUB1 --size 1x x@example.com
says err "--size cannot be"
expect 2 "$waypost" route --directory http://x y@example.com
expect 2 "$waypost" route --directory "$example" x@example.com
says err "add --from SERVER"
expect 6 "$waypost" --config "$dir/none.conf" queue list
expect 6 "$waypost" queue list --config "$dir/none.conf"
says err "--config FILE"
echo 'colour = 1' >"$dir/bad.conf"
expect 6 "$waypost" config check --config "$dir/bad.conf"
says err "bad.conf:1: unknown key 'colour'"
says err "remedy: known here: server"

# ---- what one may not do: root is bound by the modes once it has no capabilities ----
mkdir -p "$dir/closed/replica"
echo "state = \"$dir/closed\" run = \"$dir/closed\" directory \"o\" { uri = {\"file://$example\"} }" >"$dir/closed.conf"
bound=()
[ "$(id -u)" != 0 ] || bound=(setpriv --bounding-set -all)
chmod 0 "$dir/closed/replica"
expect 5 ${bound[@]+"${bound[@]}"} "$waypost" --config "$dir/closed.conf" route --from HQ-HUB1 x@example.com
says err "you may not read $dir/closed/replica"
says err "remedy: become root"
chmod 0 "$dir/closed"
expect 5 ${bound[@]+"${bound[@]}"} "$waypost" --config "$dir/closed.conf" config certificate
expect 5 ${bound[@]+"${bound[@]}"} "$waypost" --config "$dir/closed.conf" run
chmod 700 "$dir/closed"

# ---- route ----
expect 0 "$waypost" route --directory "$example" --from HQ-HUB1 --json u@foreign.example
json 'v["outcome"] == "relay-server" and v["connector"] == "Internet" and "explain" not in v'
expect 0 "$waypost" --json route --directory "$example" --from HQ-HUB1 --explain u@foreign.example
json 'v["explain"]["connectors"][0]["connector"] == "Internet"'
expect 0 "$waypost" --json route --directory "$example" --from LYON-HUB1 --message hanna@example.com olga@example.com
json 'len(v["copies"]) == 1 and v["copies"][0]["fork"] == "HQ" and len(v["recipients"]) == 2'
expect 0 "$waypost" route --directory "$example" --from LYON-HUB1 --message --outside --size 1000 u@foreign.example
says out "sends 1 copy of the message"
expect 1 "$waypost" route --directory "$example" --from LYON-HUB1 --receive-connector LYON-HUB1/None u@foreign.example
says err "there is no receive connector LYON-HUB1/None"
expect 0 "$waypost" route --directory "$example" --from hq-hub1 u@foreign.example hugo@example.com
says out "Internet"
says out "hugo@example.com"
expect 0 "$waypost" route --quiet --directory "$example" --from HQ-HUB1 u@foreign.example
is_silent out
expect 3 "$waypost" route --directory "$example" --from NOBODY u@foreign.example
expect 7 "$waypost" route --directory "$dir/none.ldif" --from HQ-HUB1 u@foreign.example
printf 'dn: cn=x\nno attribute\n' >"$dir/bad.ldif"
expect 7 "$waypost" route --directory "$dir/bad.ldif" --from HQ-HUB1 u@foreign.example
says err "line 2"

# ---- generate ----
expect 0 "$waypost" topology generate --sites 5 --recipients 20 --output "$dir/org.ldif"
is_silent out
# Its relay domains leave by the way to the Internet; nothing else is to be said.
expect 1 "$waypost" topology check --directory "$dir/org.ldif" --severity warning --json
json '{f["id"] for f in v} == {"relay-domain-by-dns"}'
expect 0 "$waypost" route --directory "$dir/org.ldif" --from LON-HUB1 anna.berg@example.com
expect 2 "$waypost" topology generate --shape star
says err "remedy: shapes: hub-and-spoke, tiers, mesh, ring"
expect 2 "$waypost" topology generate --sites 0
says err "remedy: ask for 1 to 1000000"
expect 2 "$waypost" topology generate --sites many
expect 2 "$waypost" topology generate --sites 50 --links 5
says err "remedy: ask for 59 or more"
expect 2 "$waypost" topology generate --suffix cn=x
says err "begins with dc=, o= or ou="
expect 1 "$waypost" topology generate --output "$dir/none/org.ldif"
says err "opening $dir/none/org.ldif"
"$waypost" topology generate --recipients 1000 >/dev/full 2>"$dir/err"
[ $? = 1 ] && grep -q "writing standard output: No space" "$dir/err" && pass "a full disk is told" ||
	fail "a full disk: $(cat "$dir/err")"

# ---- batch: an error is one line, and the next is answered ----
batch() {
	"$waypost" route --directory "$example" --batch "$@" >"$dir/out" 2>"$dir/err" <"$dir/in"
	status=$?
	out=$(python3 -c 'import json, sys
print(json.dumps([json.loads(line) for line in sys.stdin]))' <"$dir/out")
}
cat >"$dir/in" <<-'L'
{"from": "HQ-HUB1", "recipient": "u@foreign.example", "size": 12345}
no json

{"from": "NOBODY", "recipient": "u@foreign.example"}
{"from": "HQ-HUB1", "recipient": 7}
["array"]
{"recipient": "u@foreign.example"}
{"from": "HQ-HUB1", "recipient": "nobody@example.com"}
L
batch
[ $status = 1 ] && pass "batch with errors ends with 1" || fail "batch ended with $status"
json 'len(v) == 8 and v[0]["outcome"] == "relay-server"'
json 'all(list(line) == ["error"] for line in v[1:7])'
json 'v[1]["error"].startswith("the line is no JSON: ") and v[2]["error"].startswith("the line is empty; ")'
json '"{" in v[2]["error"] and v[5]["error"] == "a query is a JSON object"'
json 'v[7]["outcome"] == "rejected" and v[7]["status"] == "5.1.1"'
batch --from HQ-HUB1
json 'v[6]["connector"] == "Internet"'
echo '{"from": "HQ-HUB1", "recipient": "u@foreign.example"}' >"$dir/in"
batch
[ $status = 0 ] && pass "batch without errors ends with 0" || fail "batch ended with $status"

# ---- connectors ----
expect 0 "$waypost" connector list --directory "$example"
[ "$(echo "$out" | head -1 | tr -s ' ')" = "Name Status" ] && pass "Name and Status by default" ||
	fail "other columns: $out"
expect 0 "$waypost" connector list --directory "$example" --columns "Smart Hosts,cost" --json
json 'list(v[1]) == ["name", "status", "smart_hosts", "cost"] and v[1]["cost"] == [1]'
expect 0 "$waypost" connector list --directory "$example" --columns all
for header in "Authentication Mechanism" "DNS Routing Enabled" FQDN "Protocol Logging Level" "Require TLS" \
	"Source Transport Servers" "Address Spaces" Cost "Max Message Size" "Smart Hosts" Scoped Usage; do
	says out "$header"
done
expect 2 "$waypost" connector list --directory "$example" --columns colour
says err "source_transport_servers"
expect 2 "$waypost" connector list --directory "$example" --implicit
expect 0 "$waypost" connector list --directory "$example" --implicit --from HQ-HUB1 --json
json '{"Implicit to Lyon", "Implicit within HQ", "Implicit to edge EDGE1", "Mailbox HQ-MBX1"} <= {c["name"] for c in v}'
expect 0 "$waypost" connector show --directory "$example" --json Internet
json 'list(v) == ["General", "Address Space", "Network", "Source Server"]'
json 'v["Source Server"]["source_transport_servers"] == ["EDGE1"]'
expect 0 "$waypost" connector show --directory "$example" --from HQ-HUB1 "implicit to lyon"
says out "HQ, Lyon"
expect 3 "$waypost" connector show --directory "$example" None
edge=$abs_top_srcdir/schema/example-edge.ldif
expect 0 "$waypost" connector list --directory "$edge" --from EDGE1 --json
json 'all(list(c) == ["name", "status"] for c in v) and len(v) > 0'
expect 2 "$waypost" connector list --directory "$edge" --from EDGE1 --columns cost
says err "only the columns Name and Status"
expect 0 "$waypost" connector show --directory "$edge" --from EDGE1 --json Internet
json '"Source Server" not in v and "Network" in v'

# ---- findings ----
expect 1 "$waypost" topology check --directory "$example" --json
json 'v[0]["id"] == "server-no-certificate" and {"severity", "dn", "text", "action"} <= set(v[0])'
expect 1 "$waypost" topology check --directory "$example" --quiet
is_silent out
expect 1 "$waypost" topology check --directory "$example"
says out "  relay-domain-by-dns
    only a connector for all domains that asks the DNS matches a relay domain
    → if its MX leads here"
says out "    - lists.example.com (internal relay)"
says out "0 errors, "
[ "$(echo "$out" | wc -L)" -le 100 ] && pass "lines of 100 columns" || fail "lines are longer: $out"
expect 0 "$waypost" topology check --directory "$example" --id link-unused,edge-unused --json
json '[(f["id"], f["severity"], f["detail"]) for f in v] == [("link-unused", "note", "Lyon-Oslo: cost 50, joins 2 sites")]'
# What is found when entries are stored, or a pin is lost, is known by its id too.
expect 0 "$waypost" topology check --directory "$example" --id pin-lost,malformed-dn,duplicate-address
expect 0 "$waypost" topology check --directory "$example" --severity error
says out "Nothing is wrong"
expect 1 "$waypost" topology check --directory "$example" --severity warning --json
json 'all(f["severity"] == "warning" for f in v)'
expect 1 "$waypost" topology check --directory "$example" --quick --json
json 'not {"link-unused", "single-hub"} & {f["id"] for f in v} and "single-source" in {f["id"] for f in v}'
expect 2 "$waypost" topology check --directory "$example" --id no-such-thing
says err "waypost-diagnostics(7)"
expect 2 "$waypost" topology check --directory "$example" --severity grave
says err "severities: error, warning, note"
# Of an id the first few, and a line that says how to see all; recipients count.
{
	cat "$example"
	for i in 1 2 3 4 5 6 7; do
		printf '\ndn: cn=S%d,cn=Sites,cn=Waypost,dc=example,dc=com\nobjectClass: waypostSite\ncn: S%d\nwaypostHubSite: TRUE\n' $i $i
		printf '\ndn: uid=p%d,ou=People,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: p%d\nmail: p%d@example.com\n' $i $i $i
	done
} >"$dir/many.ldif"
expect 1 "$waypost" topology check --directory "$dir/many.ldif"
says out "hub-site-without-hub (7)"
says out "and 2 more: --id hub-site-without-hub lists them"
says out "    - 7: p1@example.com, p2@example.com, p3@example.com, p4@example.com, p5@example.com, …"
expect 1 "$waypost" topology check --directory "$dir/many.ldif" --id hub-site-without-hub
says out "    - S7: no active hub"

# ---- colour only on a terminal, and never with NO_COLOR ----
on_terminal() {
	python3 - "$@" <<-'P'
	import os, pty, sys
	chunks = []
	def read(fd):
	    data = os.read(fd, 4096)
	    chunks.append(data)
	    return b''
	status = pty.spawn(sys.argv[1:], read)
	sys.exit(0 if b'\033[' in b''.join(chunks) else 1)
	P
}
expect 0 on_terminal "$waypost" connector list --directory "$example"
expect 1 on_terminal env NO_COLOR=1 "$waypost" connector list --directory "$example"
expect 0 on_terminal env NO_COLOR= "$waypost" connector list --directory "$example"
"$waypost" connector list --directory "$example" | grep -q $'\033' && fail "colour in a pipe" ||
	pass "no colour in a pipe"

# ---- what cannot be written was not done ----
if [ -w /dev/full ]; then
	"$waypost" connector list --directory "$example" >/dev/full 2>"$dir/err"
	[ $? = 1 ] && pass "a full disk is a failure" || fail "a full disk went unnoticed"
fi

# ---- a terminal is not driven by what the directory holds ----
printf 'dn: cn=O\nobjectClass: waypostOrganization\ncn: O\nwaypostMaxSendSize:: %s\n' \
	"$(printf '\033[31m' | base64)" >"$dir/esc.ldif"
expect 1 "$waypost" topology check --directory "$dir/esc.ldif"
case $out in *$'\033'*) fail "an escape came through" ;; *"?[31m"*) pass "escapes are shown as ?" ;;
*) fail "no finding: $out" ;; esac

exit $failed
