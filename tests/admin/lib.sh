# What the tests of the command line share. Source it from bash; do not run it.
: "${abs_top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${abs_top_builddir:=$PWD}"
waypost=$abs_top_builddir/waypost
example=$abs_top_srcdir/schema/example.ldif
failed=0

pass() { echo "ok $*"; }
fail() {
	echo "not ok $*"
	failed=1
}

# expect STATUS COMMAND…: runs it, keeps its output in $out and $err, compares the exit status.
expect() {
	local want=$1 got
	shift
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	out=$(cat "$dir/out")
	err=$(cat "$dir/err")
	if [ "$got" = "$want" ]; then
		pass "status $want: ${*#"$abs_top_builddir"/}"
	else
		fail "status $got instead of $want: ${*#"$abs_top_builddir"/}"
		printf '%s\n%s\n' "$out" "$err" | sed 's/^/    /'
	fi
}

# says WHERE TEXT: $out or $err holds TEXT.
says() {
	case ${!1} in
	*"$2"*) pass "$1 says $2" ;;
	*) fail "$1 does not say \"$2\": ${!1}" ;;
	esac
}

is_silent() {
	if [ -z "${!1}" ]; then pass "$1 is empty"; else fail "$1 holds: ${!1}"; fi
}

# json EXPRESSION: what is true of the JSON in $out, called v.
json() {
	if printf '%s' "$out" | python3 -c '
import json, sys
v = json.load(sys.stdin)
sys.exit(not eval(sys.argv[1]))' "$1"; then
		pass "json $1"
	else
		fail "json is not $1: $out"
	fi
}

# wait_until SECONDS COMMAND…: until it succeeds.
wait_until() {
	local tries=$(($1 * 20))
	shift
	while ! "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}
