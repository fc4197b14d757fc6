#!/bin/bash
# The demonstration: three sites and an edge on loopback addresses, as one directory says.
#
#   ./autogen.sh run            builds it and calls this
#   demo.sh                     show it, then stay up for play until Ctrl-C
#   demo.sh --once              show it and end
#   demo.sh --folder DIR        work in DIR, which stays; default: a new folder in /tmp that goes
#
# Environment: WAYPOST_BIN, the folder with the programs (default: the build tree, abs_top_builddir);
# NO_COLOR. It needs no root, listens on 127.0.0.0/8 only, and ends whatever it began.
set -u -o pipefail
: "${abs_top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${WAYPOST_BIN:=${abs_top_builddir:-$abs_top_srcdir/build/run}}"
export abs_top_srcdir WAYPOST_BIN LC_ALL=C.UTF-8
. "$abs_top_srcdir/tests/lib/slapd.sh"
. "$abs_top_srcdir/tests/lib/hub.sh"

hubs="LYON-HUB1 HQ-HUB1 OSLO-HUB1"
hosts="$hubs EDGE1"
base=cn=Waypost,dc=example,dc=com
journey=$abs_top_srcdir/demo/journey.py
is_once='' folder='' is_kept='' is_told=''
export HUB_START_SECONDS=20

# --- talking --------------------------------------------------------------------------------

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi

title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
command_line() { printf '%s    $ %s%s\n' "$dim" "$*" "$plain"; }
indent() { sed "s/^/    /"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# fail WHAT: says it with the ends of the logs; cleanup follows.
fail() {
	local log
	printf '\ndemo.sh: %s\n' "$*" >&2
	for log in "$folder"/*/log "$folder"/slapd/slapd.log "$folder"/mail/*.log; do
		[ -s "$log" ] || continue
		printf '\n--- the end of %s\n' "$log" >&2
		tail -n 8 "$log" >&2
	done
	is_told=yes
	exit 1
}

# --- beginning and end ----------------------------------------------------------------------

# What this shell began and still runs. The kernel is asked, not `jobs`: a shell that Ctrl-C meets
# in `wait` may take a job for running that has ended, and its number for that of a process.
# For use in $(…): pgrep takes the place of that subshell, which would be a child too.
children() { exec pgrep -P $$; }

# Asked to end, and after 10 s made to.
cleanup() {
	local status=$? end=$((SECONDS + 10)) signal=TERM
	trap '' INT TERM HUP
	trap - EXIT
	while [ -n "$(children)" ]; do
		[ $signal = 0 ] || kill -$signal $(children) 2>/dev/null
		signal=0
		[ $SECONDS -lt $end ] || signal=KILL
		sleep 0.05
	done
	[ -n "$is_kept" ] || rm -rf "$folder"
	[ $status = 0 ] || [ -n "$is_told" ] || echo "demo.sh: ended with status $status" >&2
	exit $status
}

is_stopped() {
	is_told=yes
	[ -n "$is_once" ] && exit 130
	printf '\n%sEverything ends.%s\n' "$bold" "$plain"
	exit 0
}

while [ $# -gt 0 ]; do
	case $1 in
	--once) is_once=yes; shift ;;
	--folder) folder=${2:?}; is_kept=yes; shift 2 ;;
	*) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
done
slapd_need || exit
command -v swaks >/dev/null || { echo "skipped: swaks is not installed" >&2; exit 77; }
for program in waypost waypost-ldapsync waypost-delivery smtp_sink; do
	[ -x "$WAYPOST_BIN/$program" ] || {
		echo "demo.sh: $WAYPOST_BIN/$program is missing; remedy: ./autogen.sh run" >&2
		exit 1
	}
done
if [ -n "$is_kept" ]; then
	mkdir -p "$folder" && folder=$(cd "$folder" && pwd) || exit 1
else
	folder=$(mktemp -d /tmp/waypost-demo-XXXXXX) || exit 1
fi
trap cleanup EXIT
trap is_stopped INT TERM HUP

# --- the organisation -----------------------------------------------------------------------

# A second octet and ports of 127.0.0.0/8 that nobody has: two demonstrations do not meet.
choose_addresses() {
	python3 - "$$" <<-'EOT'
	import socket, sys
	def is_free(address, port):
	    with socket.socket() as s:
	        try:
	            s.bind((address, port))
	        except OSError:
	            return False
	    return True
	ports = (3389, 2525, 2587, 2424, 2626)
	for n in range(128):
	    net = 64 + (int(sys.argv[1]) + n) % 128
	    for shift in range(0, 20000, 1000):
	        if all(is_free(f"127.{net}.1.1", p + shift) for p in ports):
	            print(net, *(p + shift for p in ports))
	            sys.exit(0)
	sys.exit("no free ports on loopback")
	EOT
}

# The example organisation at our addresses.
moved() {
	sed -E "s/127\.0\.([1-9])\./127.$net.\1./g; s/(:|SmtpPort: )2525$/\1$smtp/; s/:2587$/:$submit/
		s/:2424$/:$lmtp/; s/:2626$/:$relay/; s/^userPassword: .*/userPassword: $password/" "$1"
}

address_of() {
	case $1 in
	HQ*) echo "127.$net.1.${2:-1}" ;;
	LYON*) echo "127.$net.2.${2:-1}" ;;
	OSLO*) echo "127.$net.3.${2:-1}" ;;
	EDGE1) echo "127.$net.9.1" ;;
	esac
}

start_directory() {
	local SLAPD_PORT SLAPD_SUFFIX SLAPD_ROOTDN SLAPD_ROOTPW
	password=$(openssl rand -hex 12)
	(umask 077 && printf '%s' "$password" >"$folder/directory.password")
	moved "$abs_top_srcdir/schema/example.ldif" >"$folder/org.ldif"
	slapd_init "$folder/slapd" --address "127.$net.0.1" --port "$ldap" &&
		slapd_load "$folder/slapd" "$folder/org.ldif" &&
		slapd_start "$folder/slapd" || fail "slapd did not start"
	slapd_env "$folder/slapd"
	line directory "slapd with schema/example.ldif" "$SLAPD_URL"
}

line() { printf '  %-10s %-34s %s\n' "$@"; }

# The password crosses loopback only, so cleartext is allowed here.
configure_hub() {
	hub_conf "$folder/$1" "$1" "directory \"corp\" {
    uri = {\"$SLAPD_URL\"}
    base = \"$base\"
    recipients = {\"ou=People,dc=example,dc=com\"}
    bind = \"simple\"
    bind_dn = \"cn=waypost,ou=Services,dc=example,dc=com\"
    password_file = \"$folder/directory.password\"
    cleartext = true
}"
	hub "$folder/$1" config certificate >"$folder/$1/certificate" &&
		hub "$folder/$1" server publish-certificate --uri "$SLAPD_LDAPI" --external \
			>>"$folder/$1/certificate" || fail "the certificate of $1 was not published"
}

# Nobody pushes to this edge: its directory is a file. It trusts the hub of its site, and the
# organisation trusts it, by the hashes that each has of the other.
configure_edge() {
	local hash
	hash=$(head -1 "$folder/HQ-HUB1/certificate")
	moved "$abs_top_srcdir/schema/example-edge.ldif" |
		sed "s/^cn: HQ-HUB1\$/&\nwaypostCertificateHash: $hash/" >"$folder/edge.ldif"
	hub_conf "$folder/EDGE1" EDGE1 "directory \"edge\" { uri = {\"file://$folder/edge.ldif\"} }"
	hub "$folder/EDGE1" config certificate >"$folder/EDGE1/certificate" ||
		fail "no certificate for the edge"
	slapd_admin "$folder/slapd" ldapmodify >/dev/null <<-EOT || fail "the edge was not made known"
	dn: cn=EDGE1,cn=Edge Subscriptions,$base
	changetype: modify
	add: waypostCertificateHash
	waypostCertificateHash: $(head -1 "$folder/EDGE1/certificate")
	EOT
}

# sink NAME ADDRESS [OPTIONS]: a mailbox server, or somebody outside.
sink() {
	local name=$1
	mkdir -p "$folder/mail/$name"
	"$WAYPOST_BIN/smtp_sink" --listen "$2" --name "${name,,}" --journal "$folder/mail/$name.jsonl" \
		--keep "$folder/mail/$name" "${@:3}" >"$folder/mail/$name.log" 2>&1 </dev/null &
	wait_for 10 grep -q '^listening' "$folder/mail/$name.log" || fail "$name does not listen"
}

start_host() {
	hub_start "$folder/$1" </dev/null || fail "$1 did not become ready"
	line "$1" "waypost-ldapsync, waypost-delivery" \
		"$(address_of "$1"):$smtp, certificate $(head -1 "$folder/$1/certificate" | cut -c1-15)…"
}

start_organisation() {
	local begin host
	begin=$(now_ms)
	read -r net ldap smtp submit lmtp relay < <(choose_addresses) || fail "no free address"
	title "Three sites, an edge, one directory"
	sed -n 's/^# \{0,1\}//; /──10──/,/EDGE1/p' "$abs_top_srcdir/schema/example.ldif" && echo
	start_directory
	for host in $hubs; do configure_hub "$host"; done
	configure_edge
	for host in HQ LYON OSLO; do
		sink "$host-MBX1" "$(address_of "$host" 2):$lmtp" --lmtp
	done
	sink Partner "127.$net.9.2:$relay"
	sink Internet "127.$net.9.3:$relay"
	for host in $hosts; do start_host "$host"; done
	line sinks "mailboxes, partner, Internet" "$folder/mail"
	for host in $hubs; do
		hub "$folder/$host" sync wait --for 20 || fail "the replica of $host is not live"
	done
	echo "  All of it is up after $(($(now_ms) - begin)) ms."
}

# --- the acts -------------------------------------------------------------------------------

# send FROM TO…: a message from a client in Lyon; its Message-ID is in $message_id afterwards.
message_number=0
send() {
	local from=$1 to=("${@:2}")
	message_number=$((message_number + 1))
	message_id="<demo-$message_number@example.com>"
	swaks --server "$(address_of LYON)" --port "$submit" --helo laptop.example.com --timeout 20 \
		--from "$from" --to "$(IFS=,; echo "${to[*]}")" --hide-all --silent 2 \
		--header "Message-Id: $message_id" --header "Subject: Message $message_number" \
		--body "Hello." </dev/null >"$folder/swaks.log" 2>&1 || {
		cat "$folder/swaks.log" >&2
		fail "LYON-HUB1 did not take message $message_number"
	}
}

# act WHAT FROM TO…: the route as it is explained, the message, and what happened to it.
act() {
	local what=$1 to=("${@:3}") host
	title "$what"
	echo "  The route, explained:"
	command_line "waypost --config LYON-HUB1/waypost.conf route --explain ${to[*]}"
	"$journey" explain "$folder" LYON-HUB1 "${to[@]}" | indent || fail "no route"
	send "$2" "${to[@]}"
	echo "  What happened to $message_id:"
	"$journey" trace "$folder" "$message_id" | indent || {
		for host in $hosts; do
			echo "  The queues of $host:" && hub "$folder/$host" queue list | indent
		done
		fail "message $message_number did not arrive in time"
	}
}

snapshot_of() {
	hub "$folder/$1" sync status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["snapshot"])'
}

uses_snapshot() {
	grep -q "waypost-delivery.* snapshot $2 in use" "$folder/$1/log"
}

# set_cost LINK COST: in the directory; returns when every hub routes by it.
set_cost() {
	local link=$1 cost=$2 old begin host next ms
	old=$(snapshot_of LYON-HUB1) || fail "LYON-HUB1 does not say which snapshot it has"
	title "The link $link gets the cost $cost in the directory."
	command_line "ldapmodify: dn: cn=$link,cn=Site Links,…  replace: waypostCost  waypostCost: $cost"
	declare -A expected
	for host in $hubs; do expected[$host]=$(($(snapshot_of "$host") + 1)); done
	begin=$(now_ms)
	slapd_admin "$folder/slapd" ldapmodify >/dev/null <<-EOT || fail "the cost was not changed"
	dn: cn=$link,cn=Site Links,$base
	changetype: modify
	replace: waypostCost
	waypostCost: $cost
	EOT
	next=${expected[LYON-HUB1]}
	hub "$folder/LYON-HUB1" sync wait --snapshot "$next" --for 20 || fail "the change did not reach LYON-HUB1"
	ms=$(($(now_ms) - begin))
	for host in $hubs; do
		wait_for 20 uses_snapshot "$host" "${expected[$host]}" || fail "$host does not use the change"
	done
	echo "  LYON-HUB1 had it $ms ms after the modify began: snapshot $old → $next."
}

show() {
	start_organisation
	act "1. Louis in Lyon writes to Olga in Oslo: HQ is a hub site on the least-cost path." \
		louis@example.com olga@example.com
	act "2. Louis writes to somebody outside: by a connector, whose source is the edge." \
		louis@example.com bob@outside.example
	act "3. Louis writes to Hanna at HQ and Olga in Oslo: one copy as far as the fork." \
		louis@example.com hanna@example.com olga@example.com
	set_cost Lyon-Oslo 5
	act "4. The same message as the first, and it takes the new path." \
		louis@example.com olga@example.com
}

# --- play -----------------------------------------------------------------------------------

invite() {
	title "Up for play until Ctrl-C. In another terminal:"
	cat <<-EOT

	cd $folder
	waypost() { $WAYPOST_BIN/waypost "\$@"; }

	# a message from Lyon to a group, and one from the Internet: told below as they arrive
	swaks --silent --server $(address_of LYON):$submit --from louis@example.com --to all@example.com
	swaks --silent --server $(address_of EDGE1):$smtp --from bob@outside.example --to olga@example.com
	ls mail/*

	# why does it go where?
	waypost --config LYON-HUB1/waypost.conf route --explain vera@example.com bob@eu.partner.example
	waypost --config LYON-HUB1/waypost.conf route --size 20000000 olga@example.com
	waypost --config HQ-HUB1/waypost.conf connector list --implicit --columns address_spaces,cost
	waypost --config HQ-HUB1/waypost.conf connector show Internet
	waypost --config EDGE1/waypost.conf connector list

	# change the directory; the next message knows
	printf 'dn: cn=Lyon-Oslo,cn=Site Links,$base\nchangetype: modify\nreplace: waypostCost\nwaypostCost: 50\n' |
	  ldapmodify -x -H $SLAPD_URL -D cn=admin,dc=example,dc=com -w admin
	waypost --config LYON-HUB1/waypost.conf sync status
	waypost --config LYON-HUB1/waypost.conf topology check

	# a site that is down: its mail waits as near to it as possible. It is back after $DOWN_SECONDS s
	kill \$(cat OSLO-HUB1/pid)
	swaks --silent --server $(address_of LYON):$submit --from louis@example.com --to ole@example.com
	for hub in LYON HQ; do waypost --config \$hub-HUB1/waypost.conf queue list; done
	for hub in LYON HQ; do waypost --config \$hub-HUB1/waypost.conf queue retry --yes; done # when it is back
	EOT
}

# Hosts that somebody ended start again, so that no process here is anybody else's.
DOWN_SECONDS=20
declare -A down_since

look_after() {
	local host=$1
	kill -0 "$(cat "$folder/$host/pid")" 2>/dev/null && return
	if [ -z "${down_since[$host]:-}" ]; then
		down_since[$host]=$SECONDS
		printf '\n  %s is down for %s s.\n' "$host" "$DOWN_SECONDS"
	elif [ $((SECONDS - down_since[$host])) -ge "$DOWN_SECONDS" ]; then
		hub_start "$folder/$host" </dev/null || fail "$host did not start again"
		unset "down_since[$host]"
		printf '\n  %s is back.\n' "$host"
	fi
}

show
[ -z "$is_once" ] || exit 0
invite
"$journey" follow "$folder" "$message_id" &
teller=$!
while kill -0 $teller 2>/dev/null; do
	for host in $hosts; do look_after "$host"; done
	sleep 1 &
	wait $!
done
fail "the storyteller ended"
