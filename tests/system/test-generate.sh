#!/bin/bash
# A real slapd takes what `waypost topology generate` makes, of every shape and below other
# suffixes, and what it gives back routes like the file.
set -u
. "${abs_top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/slapd.sh"
: "${abs_top_builddir:=$PWD}"
slapd_need || exit $?
waypost=$abs_top_builddir/waypost
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

ok() { # what, command…
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

# is_taken SUFFIX OPTION…: loaded with every check of the schema, and read back as it was.
is_taken() {
	local suffix=$1 entries
	rm -rf "$dir/slapd"
	"$waypost" topology generate --suffix "$@" --output "$dir/org.ldif" &&
		slapd_init "$dir/slapd" --suffix "$suffix" &&
		slapadd -F "$dir/slapd/config" -b "$suffix" -l "$dir/org.ldif" &&
		slapcat -F "$dir/slapd/config" -b "$suffix" -l "$dir/back.ldif" || return 1
	entries=$(grep -c '^dn:' "$dir/org.ldif")
	[ "$entries" -gt 100 ] && [ "$(grep -c '^dn:' "$dir/back.ldif")" = "$entries" ]
}

routes() { # file
	local recipient
	for recipient in anna.berg ben.costa team1 postmaster; do
		"$waypost" route --json --directory "$1" --from NYC-HUB1 "$recipient@example.com" || return 1
	done
	"$waypost" route --json --directory "$1" --from NYC-HUB1 u@partner00005.example u@else.example
}

routes_alike() {
	routes "$dir/org.ldif" >"$dir/a" && routes "$dir/back.ldif" >"$dir/b" && diff "$dir/a" "$dir/b"
}

for shape in hub-and-spoke tiers mesh ring; do
	ok "$shape is taken" is_taken dc=example,dc=com --shape $shape --sites 25 --edges 2 \
		--connectors 120 --domains 12 --recipients 300 --groups 20
	ok "$shape routes alike" routes_alike
done
ok "organisation as suffix" is_taken o=Big --recipients 50 --subnets-per-site 3
ok "unit as suffix" is_taken ou=Mail,o=Big --servers-per-site 1 --wide-links 1 --subnets-per-site 0
ok "component as suffix" is_taken dc=org --servers-per-site 7
exit $failed
