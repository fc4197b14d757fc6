#!/bin/bash
# The test peers against each other: what a test believes of them has to be true. Load goes
# straight into the sink; each case breaks something, and the comparison has to see it.
set -u
bin=${abs_top_builddir:-.}
dir=$(mktemp -d) || exit 1
sink=
trap '[ -z "$sink" ] || kill "$sink"; rm -rf "$dir"' EXIT
failed=0

check() { # what, command...
	local what=$1
	shift
	if "$@"; then
		echo "ok: $what"
	else
		failed=1
		echo "not ok: $what: $*"
		tail -n 3 "$dir"/*.out "$dir"/*.err 2>/dev/null
	fi
}

# field FILE NAME: the value in the last line of JSON.
field() {
	tail -n 1 "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$2"
}

is() { # FILE NAME VALUE
	[ "$(field "$1" "$2")" = "$3" ]
}

start_sink() {
	rm -f "$dir/port" "$dir/journal" "$dir/acked"
	"$bin/smtp_sink" --port-file "$dir/port" --journal "$dir/journal" --timeout 60 "$@" \
		>"$dir/sink.out" 2>"$dir/sink.err" &
	sink=$!
	for ((i = 0; i < 200; i++)); do
		[ -s "$dir/port" ] && break
		sleep 0.02
	done
	port=$(cat "$dir/port")
}

stop_sink() {
	kill -TERM "$sink" 2>/dev/null
	wait "$sink"
	sink=
}

load() {
	"$bin/smtp_load" --port "$port" --acked "$dir/acked" --timeout 50 "$@" \
		>"$dir/load.out" 2>"$dir/load.err"
}

compare() {
	"$bin/smtp_check" --acked "$dir/acked" --journal "$dir/journal" "$@" \
		>"$dir/check.out" 2>"$dir/check.err"
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=sink.example \
	-keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null || exit 1

start_sink
check "plain load is accepted" load --sessions 5 --messages 500 --rcpts 3 --size 100-20000
stop_sink
check "nothing is lost" compare
check "every recipient arrives" is "$dir/check.out" arrived 1500
check "the sink saw them good" is "$dir/sink.out" corrupt 0
check "the sink saw each once" is "$dir/sink.out" distinct 500

start_sink --cert "$dir/cert.pem" --key "$dir/key.pem" --require-tls
check "TLS load is accepted" load --sessions 3 --messages 60 --starttls --size 1-300000 --dots --per-connection 7
stop_sink
check "nothing is lost over TLS" compare
check "all sessions were TLS" is "$dir/sink.out" tls "$(field "$dir/load.out" connections)"

start_sink --cert "$dir/cert.pem" --key "$dir/key.pem" --require-tls
check "mail in clear is refused where TLS is required" [ "$(load; echo $?)" = 1 ]
stop_sink

start_sink --listen '[::1]:0' --keep "$dir"
check "IPv6, no pipelining" load --host ::1 --messages 3 --no-pipelining --dots --size 500
stop_sink
check "dots survive" compare
check "messages are kept" grep -q '^\.' "$dir/000003.eml"

start_sink --lmtp --rule 'dot/u0@*=450:4.2.2 full'
lmtp_replies() {
	printf '%s\r\n' 'LHLO x' 'MAIL FROM:<a@b>' 'RCPT TO:<u0@d>' 'RCPT TO:<u1@d>' DATA '..x' . QUIT |
		python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
s.sendall(sys.stdin.buffer.read())
print(" ".join(line[:9] for line in s.makefile().read().splitlines()[-3:]))' "$port"
}
check "LMTP answers each recipient" [ "$(lmtp_replies)" = "450 4.2.2 250 2.1.5 221 2.0.0" ]
check "the journal has the one who was served" grep -q '"rcpts":\["u1@d"\]' "$dir/journal"
stop_sink

start_sink --rule 'rcpt/*@d1.example=550:5.1.1 unknown' --rule 'mail#2=451:4.3.0 later'
check "refused recipients are told" load --messages 20 --rcpts 4 --domains 2 --users 64 --retry --retry-delay 10
stop_sink
check "and not missed" compare
check "the deferred were sent again" is "$dir/load.out" accepted 20

start_sink --rule 'dot%3=keep-close' --rule 'sent%5=close' --rule 'dot=delay:5'
check "a sender outlives lost connections" load --sessions 4 --messages 40 --retry --retry-delay 10
stop_sink
check "what was kept but not told is no duplicate" compare
check "it is seen as unasked" [ "$(field "$dir/check.out" unasked)" -ge 10 ]

start_sink --refuse-file "$dir/refuse"
touch "$dir/refuse"
sleep 0.3
(sleep 0.5; rm "$dir/refuse") &
check "a sender outlives a refusal" load --messages 5 --retry
check "connections were refused" [ "$(field "$dir/load.out" lost_connections)" -ge 1 ]
stop_sink
check "nothing is lost by it" compare

start_sink --count 20 --notify 0
check "the sink ends by itself" load --messages 20
wait "$sink"
check "with status 0" [ $? = 0 ]
sink=

# The comparison sees what it is there to see.
cp "$dir/journal" "$dir/journal.good"
sed -i 3d "$dir/journal"
check "a lost message is seen" [ "$(compare; echo $?; field "$dir/check.out" lost)" = "1
1" ]
cp "$dir/journal.good" "$dir/journal"
sed -n 3p "$dir/journal.good" >>"$dir/journal"
check "a duplicate is seen" [ "$(compare; echo $?; field "$dir/check.out" duplicates)" = "1
1" ]
check "and can be allowed" compare --duplicates 1
sed '3s/"good":true/"good":false/' "$dir/journal.good" >"$dir/journal"
check "a damaged message is seen" [ "$(compare; echo $?; field "$dir/check.out" corrupt)" = "1
1" ]

exit $failed
