#!/bin/bash
# waypost-resolver against NSD: what is secure, what is bogus, what is not there; big answers,
# servers that are dead, refuse or strip DNSSEC; the process killed in the middle.
. "$(dirname "$0")/../lib/peer.sh"
set -u
bin=${abs_top_builddir:-.}
PATH=$PATH:/usr/sbin:/sbin
for tool in nsd ldns-keygen ldns-signzone; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
dir=$(mktemp -d) || exit 1
pids=()
trap 'for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid"; done 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
failed=0

# A zone with everything that mail asks for.
zone() {
	cat <<-EOT
	\$ORIGIN $1.
	\$TTL 300
	@ SOA ns hostmaster 1 3600 900 604800 60
	@ NS ns
	ns A 127.0.0.1
	@ 120 MX 10 mx1
	@ 120 MX 20 mx2
	mx1 60 A 127.0.0.11
	mx1 60 AAAA ::11
	mx2 A 127.0.0.12
	mx2 A 127.0.0.13
	alias CNAME mx1
	chain CNAME alias
	nullmx MX 0 .
	implicit A 127.0.0.14
	_25._tcp.mx1 77 TLSA 3 1 1 8cb0fc6c527506a053f4f14c8464bebbd6dede2738d11468dd953d7d6a3021f1
	*.wild MX 5 mx1
	*.burst A 127.0.0.15
	EOT
	for ((i = 0; i < 120; i++)); do
		echo "big MX $i a-rather-long-mail-exchanger-name-with-the-number-$i"
	done
}

sign() { # zone file, name, options of ldns-signzone; leaves NAME.ds and NAME.key
	local file=$1 name=$2 ksk zsk
	shift 2
	ksk=$(ldns-keygen -a ECDSAP256SHA256 -k "$name") && zsk=$(ldns-keygen -a ECDSAP256SHA256 "$name") &&
		ldns-signzone "$@" -n "$file" "$zsk" "$ksk" && cat "$ksk.ds" >"$file.ds" && cat "$ksk.key" >"$file.key"
}

for name in good.test plain.test bogus.test; do zone $name >$name; done
sign good.test good.test || exit 1
sign bogus.test bogus.test -i 20200101 -e 20200201 || exit 1
{
	echo '. 300 SOA ns. hostmaster. 1 3600 900 604800 60'
	echo '. 300 NS ns.'
	echo 'ns. 300 A 127.0.0.1'
	for name in good.test plain.test bogus.test; do
		echo "$name. 300 NS ns.$name."
		echo "ns.$name. 300 A 127.0.0.1"
	done
	cat good.test.ds bogus.test.ds
} >root
sign root . || exit 1

# start_nsd NAME PORT SUFFIX: a server with the zones signed ("" for SUFFIX: as they are).
start_nsd() {
	mkdir "$dir/$1"
	cat >"$dir/$1.conf" <<-EOT
	server:
	  ip-address: 127.0.0.1@$2
	  username: ""
	  chroot: ""
	  pidfile: "$dir/$1/pid"
	  zonesdir: "$dir"
	  database: ""
	  xfrdfile: "$dir/$1/xfrd.state"
	  zonelistfile: "$dir/$1/zone.list"
	  logfile: "$dir/$1/log"
	  server-count: 1
	  rrl-ratelimit: 0
	remote-control:
	  control-enable: no
	zone:
	  name: .
	  zonefile: root$3
	zone:
	  name: good.test
	  zonefile: good.test$3
	zone:
	  name: bogus.test
	  zonefile: bogus.test$3
	zone:
	  name: plain.test
	  zonefile: plain.test
	EOT
	nsd -d -c "$dir/$1.conf" 2>"$dir/$1/err" &
	pids+=($!)
	for ((i = 0; i < 100; i++)); do
		python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' \
			"$2" 2>/dev/null && return
		sleep 0.1
	done
	cat "$dir/$1/err"
	exit 1
}

# A server that says nothing: it listens, and lets everything lie.
start_hole() {
	python3 -c 'import socket, sys, time
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", int(sys.argv[1])))
t = socket.socket(); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
t.bind(("127.0.0.1", int(sys.argv[1]))); t.listen(64)
time.sleep(600)' "$1" &
	pids+=($!)
}

# query NAME OPTIONS…: input from stdin; the answers in NAME.out.
query() {
	local name=$1
	shift
	timeout 60 "$bin/resolver_query" --trust-anchor "$dir/root.key" "$@" >"$dir/$name.out" 2>"$dir/$name.err"
	local status=$?
	if [ $status != 0 ]; then
		failed=1
		echo "not ok: $name: resolver_query ended with $status"
		cat "$dir/$name.err"
	fi
}

# expect NAME WHAT PATTERN: a line of NAME.out matches the whole pattern.
expect() {
	if grep -qxE -- "$3" "$dir/$1.out"; then
		echo "ok: $1: $2"
	else
		failed=1
		echo "not ok: $1: $2: no line like $3 in:"
		cut -c -200 "$dir/$1.out"
		tail -n 5 "$dir/$1.err"
	fi
}

signed_port=$(peer_free_port)
start_nsd signed "$signed_port" .signed
plain_port=$(peer_free_port)
start_nsd plain "$plain_port" ""
hole_port=$(peer_free_port)
start_hole "$hole_port"
dead_port=$(peer_free_port)

query signed --server "127.0.0.1@$signed_port" <<-EOT
	dnssec
	good.test MX
	MX1.good.test. A
	mx1.good.test AAAA
	chain.good.test A
	nullmx.good.test MX
	gone.good.test A
	mx2.good.test AAAA
	x.wild.good.test MX
	_25._tcp.mx1.good.test TLSA
	big.good.test MX
	plain.test MX
	big.plain.test MX
	bogus.test MX
	not..a.name A
	mx good.test
	mx chain.good.test
	mx nullmx.good.test
	mx implicit.good.test
	mx gone.good.test
	mx plain.test
	mx bogus.test
	kill
	kill
	good.test MX
	burst 500 burst.good.test
	EOT
expect signed "DNSSEC is found" 'dnssec: yes'
expect signed "MX, validated" 'good.test MX: secure rcode=0 ttl=120 canonical=good.test count=2 (10:mx1.good.test. 20:mx2.good.test.|20:mx2.good.test. 10:mx1.good.test.)'
expect signed "A, whatever case and dot" 'MX1.good.test. A: secure rcode=0 ttl=60 canonical=mx1.good.test count=1 127.0.0.11'
expect signed "AAAA" 'mx1.good.test AAAA: secure .* ::11'
expect signed "a chain of CNAMEs" 'chain.good.test A: secure rcode=0 .* canonical=mx1.good.test count=1 127.0.0.11'
expect signed "a null MX" 'nullmx.good.test MX: secure .* count=1 0:.'
expect signed "no such name, validated" 'gone.good.test A: secure rcode=3 ttl=[0-9]+ canonical=gone.good.test count=0'
expect signed "no such type" 'mx2.good.test AAAA: secure rcode=0 .* count=0'
expect signed "a wildcard" 'x.wild.good.test MX: secure .* 5:mx1.good.test.'
expect signed "TLSA as it is" '_25._tcp.mx1.good.test TLSA: secure rcode=0 ttl=77 .* count=1 0301018cb0fc6c.*'
expect signed "a big answer, by TCP" 'big.good.test MX: secure .* count=120 .*'
expect signed "an unsigned zone is insecure" 'plain.test MX: insecure .* count=2 .*'
expect signed "a big answer of it" 'big.plain.test MX: insecure .* count=120 .*'
expect signed "expired signatures are bogus, and give nothing" 'bogus.test MX: bogus .* count=0 why=.*'
expect signed "what is no name is not there" 'not..a.name A: insecure rcode=3 .* count=0'
expect signed "next hops of a domain" 'mx good.test: mx1.good.test\[::11\]:25! mx1.good.test\[127.0.0.11\]:25! mx2.good.test\[127.0.0.1[23]\]:25! .*'
expect signed "next hops through CNAMEs" 'mx chain.good.test: chain.good.test\[::11\]:25! .*'
expect signed "a null MX fails" 'mx nullmx.good.test: failed 5.1.10'
expect signed "an implicit MX" 'mx implicit.good.test: implicit.good.test\[127.0.0.14\]:25!'
expect signed "no domain fails" 'mx gone.good.test: failed 5.1.2'
expect signed "without DNSSEC in the zone" 'mx plain.test: mx1.plain.test\[::11\]:25 .*'
expect signed "a bogus domain waits" 'mx bogus.test: deferred 4.4.3'
expect signed "many at once, after the process was killed" 'burst: 500 answered, 500 good'
if [ "$(grep -c '^good.test MX: secure' "$dir/signed.out")" != 2 ]; then
	failed=1
	echo "not ok: signed: no answer after the process was killed"
fi

query stripped --server "127.0.0.1@$plain_port" <<-EOT
	dnssec
	good.test MX
	mx good.test
	EOT
expect stripped "servers that strip DNSSEC are found out" 'dnssec: no'
expect stripped "and still serve, insecurely" 'good.test MX: insecure .* count=2 .*'
expect stripped "so that mail goes out" 'mx good.test: mx1.good.test\[::11\]:25 .*'
grep -q 'resolver-no-dnssec' "$dir/stripped.err" || { failed=1; echo "not ok: stripped: no diagnostic"; }

query insecure --server "127.0.0.1@$signed_port" --insecure good.test --insecure bogus.test <<-EOT
	dnssec
	good.test MX
	bogus.test MX
	EOT
expect insecure "a zone named insecure is not validated" 'good.test MX: insecure .* count=2 .*'
expect insecure "even if its signatures are wrong" 'bogus.test MX: insecure .* count=2 .*'

query hole --server "127.0.0.1@$hole_port" <<-EOT
	good.test MX 700
	kill good.test A
	EOT
expect hole "silence ends at the deadline" 'good.test MX: temporary .* why=.* in time'
expect hole "open questions fail when the process dies" 'good.test A: temporary .* why=the resolver process ended'

query dead --server "127.0.0.1@$dead_port" <<-EOT
	good.test MX 1500
	EOT
expect dead "a closed port is temporary" 'good.test MX: temporary .*'

query second --server "127.0.0.1@$dead_port" --server "127.0.0.1@$signed_port" <<-EOT
	dnssec
	good.test MX
	EOT
expect second "the second server answers when the first is dead" 'good.test MX: secure .*'

# What it may and what it holds: no privileges to gain, a filter, no file of ours.
mkfifo "$dir/ask"
timeout 60 "$bin/resolver_query" --trust-anchor "$dir/root.key" --server "127.0.0.1@$signed_port" \
	<"$dir/ask" >"$dir/box.out" 2>"$dir/box.err" &
query_pid=$!
exec 9>"$dir/ask"
printf 'dnssec\npid\n' >&9
for ((i = 0; i < 200; i++)); do
	grep -q '^pid' "$dir/box.out" && break
	sleep 0.05
done
box=/proc/$(sed -n 's/^pid: //p' "$dir/box.out")
cat "$box/status" >>"$dir/box.out"
ls -l "$box/fd" | sed -n 's/.* -> //p' | grep -v -e '^socket:' -e '^pipe:' -e '^anon_inode:' \
	-e '^/dev/null$' -e "^$dir/box" | sed 's/^/file: /' >>"$dir/box.out"
exec 9>&-
wait "$query_pid"
expect box "no privileges can be gained" 'NoNewPrivs:.1'
if ! grep -q '^#define WP_SANITIZED' "$bin/config.h"; then
	expect box "a filter holds its system calls" 'Seccomp:.2'
fi
if grep '^file: ' "$dir/box.out"; then
	failed=1
	echo "not ok: box: it inherited files"
fi

left=$(pgrep -f "trust-anchor=$dir/root.key")
if [ -n "$left" ]; then
	failed=1
	echo "not ok: processes were left: $left"
	kill $left
fi
exit $failed
