# waypost-ldapsync under test. Source it from bash, behind slapd.sh; do not run it.
#
#   sync_conf  DIR DIRECTORY-SECTION   writes DIR/waypost.conf: state and run below DIR
#   sync_corp  DIR URI…                prints such a section, for an organisation like schema/example.ldif
#                                      at these addresses; its password is written into DIR
#   sync_ad    DIR PEOPLE URI…         the same for Active Directory: PEOPLE is the base of recipients, the
#                                      account of samba_user's is agent, its password Agent.pw1
#   sync_start DIR                     starts the agent of DIR; its log is DIR/log
#   sync_stop | sync_kill9 DIR         by the pid that sync_start wrote
#   sync_status DIR                    the status row; sync_is DIR FIELD VALUE compares one
#   sync_wait  DIR FIELD VALUE [S]     until the field has the value, at most S (10) seconds
#   sync_has   DIR PATTERN             whether replica_show prints a line with the pattern
#   sync_compare DIR SLAPD [OPTIONS]   holds the replica against the slapd of the folder SLAPD, entry
#                                      by entry (compare.py)
#   sync_in_step DIR SLAPD [OPTIONS]   waits until they are the same
#   sync_generation DIR                the generation that is live: another one after a full refresh
#   sync_until COMMAND…                repeats a command until it succeeds, at most 10 seconds
#   ok WHAT COMMAND…, not COMMAND…     a line of the report; `failed` is 1 after a bad one
#
# Nothing else is ever ended; every file is below DIR.
: "${abs_top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
. "$abs_top_srcdir/tests/lib/peer.sh"
: "${abs_top_builddir:=$abs_top_srcdir}"
failed=0

ok() {
	local what=$1
	shift
	if "$@" >"$dir/out" 2>&1; then
		echo "ok $what"
	else
		echo "not ok $what"
		cat "$dir/out"
		failed=1
	fi
}

not() {
	! "$@"
}

sync_conf() {
	mkdir -p "$1/state" "$1/run"
	cat >"$1/waypost.conf" <<-EOT
	server = "HQ-HUB1"
	state = "$1/state"
	run = "$1/run"
	log_level = "debug"
	$2
	EOT
	chmod 600 "$1/waypost.conf"
}

sync_password() { # directory, password
	printf %s "$2" >"$1/password"
	chmod 600 "$1/password"
}

sync_uris() {
	local uris
	uris=$(printf ', "%s"' "$@")
	echo "uri = {${uris#, }}"
}

sync_corp() {
	sync_password "$1" change-me
	echo "directory \"corp\" {
	$(sync_uris "${@:2}")
	base = \"cn=Waypost,dc=example,dc=com\"
	recipients = {\"ou=People,dc=example,dc=com\"}
	bind = \"simple\"
	bind_dn = \"cn=waypost,ou=Services,dc=example,dc=com\"
	password_file = \"$1/password\"
	cleartext = true
}"
}

sync_ad() {
	sync_password "$1" Agent.pw1
	echo "directory \"corp\" {
	$(sync_uris "${@:3}")
	profile = \"ad\"
	recipients = {\"$2\"}
	bind = \"simple\"
	bind_dn = \"agent@$SAMBA_REALM\"
	password_file = \"$1/password\"
	cleartext = true
}"
}

sync_start() {
	"$abs_top_builddir/waypost-ldapsync" --config "$1/waypost.conf" >>"$1/log" 2>&1 </dev/null &
	echo $! >"$1/pid"
}

sync_pid() { peer_pid "$1/pid" "$1/waypost.conf"; }

# Our child: its status tells a crash or a sanitizer's report.
sync_stop() {
	local pid
	pid=$(sync_pid "$1") || return 0
	kill -TERM "$pid"
	wait "$pid"
}

sync_kill9() {
	local pid
	pid=$(sync_pid "$1") || return 0
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	return 0
}

sync_status() {
	"$abs_top_srcdir/tests/lib/ctl.py" "$1/run/waypost-ldapsync.sock" sync.status
}

sync_field() {
	sync_status "$1" 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$2" 2>/dev/null
}

sync_is() {
	[ "$(sync_field "$1" "$2")" = "$3" ]
}

sync_wait() {
	local i
	for ((i = 0; i < ${4:-10} * 20; i++)); do
		sync_is "$1" "$2" "$3" && return 0
		sleep 0.05
	done
	echo "$2 is not $3:"
	sync_status "$1"
	tail -5 "$1/log"
	return 1
}

sync_show() {
	"$abs_top_builddir/replica_show" "$1/state"
}

sync_has() {
	sync_show "$1" | grep -q -- "$2"
}

sync_compare() {
	local dir=$1 SLAPD_URL SLAPD_LDAPI SLAPD_PORT SLAPD_SUFFIX SLAPD_ROOTDN SLAPD_ROOTPW
	slapd_env "$2"
	"$abs_top_srcdir/tests/lib/compare.py" --show "$abs_top_builddir/replica_show" \
		--config "$dir/waypost.conf" "${@:3}" -- ldapsearch -Q -Y EXTERNAL -H "$SLAPD_LDAPI"
}

sync_in_step() {
	sync_until sync_compare "$@"
}

sync_generation() {
	readlink "$1/state/replica/current"
}

sync_until() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	"$@"
}
