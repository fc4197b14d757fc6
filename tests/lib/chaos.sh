# Rounds of kill -9 and of hanging while a directory changes. Source it from bash behind sync.sh; do not
# run it. The test has set $dir, started server and agent, and has two functions:
#
#   churn    writes changes until it is through; what is refused or cut off does not matter
#   same     whether the replica is what the directory has
#
#   chaos_begin FEW               sets rounds (WP_ROUNDS; FEW, or 200 with WP_FULL=1) and seed (WP_SEED;
#                                 a run is repeated by it as far as chance allows)
#   chaos_churn N PEOPLE ARGS… -- LDAPSEARCH…
#                                 prints the changes of the Nth part of this round (churn.py)
#   chaos_rounds KIND SERVER      the rounds: the server is of KIND (slapd, samba, ds389) in the folder
#                                 SERVER. Stops after the first bad one, with all there is to see.
: "${abs_top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
round=0

chaos_begin() {
	rounds=${WP_ROUNDS:-$1}
	[ "${WP_FULL:-0}" != 1 ] || rounds=${WP_ROUNDS:-200}
	seed=${WP_SEED:-$RANDOM}
	RANDOM=$seed
	echo "# WP_SEED=$seed"
}

chaos_churn() {
	"$abs_top_srcdir/tests/lib/churn.py" --seed $((seed * 1000 + round * 10 + $1)) --people "${@:2}"
}

chaos_pause() { sleep "0.$(printf %03d $((RANDOM % $1)))"; }

# Between two moments of a round nothing is asserted but that what is served is whole.
chaos_round() {
	local kind=$1 server=$2 victim=$3 writer
	churn &
	writer=$!
	chaos_pause 900
	case $victim in
	agent | both) sync_kill9 "$dir" ;;&
	server | both) "${kind}_kill9" "$server" ;;&
	hang) "${kind}_pause" "$server" ;;
	esac
	chaos_pause 300
	[ ! -e "$dir/state/replica/current" ] || sync_show "$dir" >/dev/null || return 1
	case $victim in
	server | both) "${kind}_start" "$server" || return 1 ;;&
	agent | both) sync_start "$dir" ;;&
	hang) "${kind}_cont" "$server" ;;
	esac
	wait "$writer"
	sync_wait "$dir" state live 40 && sync_until same >/dev/null
}

chaos_rounds() {
	local victims=(agent server agent server both hang) victim bad=0
	for ((round = 0; round < rounds && bad == 0; round++)); do
		victim=${victims[RANDOM % ${#victims[@]}]}
		[ -z "${WP_VERBOSE:-}" ] || echo "# $SECONDS s: round $round: $victim"
		chaos_round "$1" "$2" "$victim" >"$dir/out" && continue
		bad=1
		echo "round $round: $victim"
		cat "$dir/out"
		same
		tail -20 "$dir/log"
	done
	ok "$round of $rounds rounds of kill -9 and hanging: the replica is the directory after each" \
		test $bad = 0
}
