#!/bin/sh
# The schema files are what the table of classes and attributes says, and the 389-ds form
# defines what the OpenLDAP form does.
set -u
schema=$abs_top_srcdir/schema
failed=0

check_current() { # form, file
	if "$abs_top_builddir/gen_schema" "$1" | cmp - "$schema/$2"; then
		echo "ok $2"
	else
		echo "not ok $2: run make update-schema"
		failed=1
	fi
}

# The definitions of an LDIF form without what differs by design.
definitions() {
	sed -e ':a' -e 'N' -e '$!ba' -e 's/\n //g' "$1" |
		sed -n "s/ X-ORIGIN 'Waypost'//; s/^\(olcA\|a\)ttributeTypes: //p; s/^\(olcO\|o\)bjectClasses: //p"
}

check_current openldap waypost.schema
check_current config waypost.ldif
check_current 389ds waypost-389ds.ldif
check_current ad waypost-ad.ldif
count=$(definitions "$schema/waypost.ldif" | wc -l)
if [ "$count" -gt 100 ] &&
	[ "$(definitions "$schema/waypost.ldif")" = "$(definitions "$schema/waypost-389ds.ldif")" ]; then
	echo "ok 389-ds form: $count definitions"
else
	echo "not ok 389-ds form: differs from the $count definitions of the OpenLDAP form"
	failed=1
fi
exit $failed
