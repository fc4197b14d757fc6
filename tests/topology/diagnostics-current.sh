#!/bin/sh
# waypost-diagnostics(7) is what the tables of findings say, and it has every id of them.
set -u
page=$abs_top_srcdir/doc/waypost-diagnostics.7
failed=0

if "$abs_top_builddir/gen_diagnostics" | cmp - "$page"; then
	echo "ok the page is current"
else
	echo "not ok the page is old: run make update-diagnostics"
	failed=1
fi
ids=$(sed -n 's/^[A-Z]*_ROW([A-Z_]*, "\([a-z-]*\)".*/\1/p' \
	"$abs_top_srcdir/topology/diag_rows.h" "$abs_top_srcdir/topology/advice_rows.h")
for id in $ids; do
	if ! sed 's/\\-/-/g' "$page" | grep -qxF ".B $id"; then
		echo "not ok $id is not on the page"
		failed=1
	fi
done
count=$(echo "$ids" | wc -l)
if [ "$count" -ne "$(cat "$abs_top_srcdir"/topology/diag_rows.h "$abs_top_srcdir"/topology/advice_rows.h |
	grep -c '_ROW(.*)$')" ]; then
	echo "not ok only $count rows could be read"
	failed=1
fi
exit $failed
