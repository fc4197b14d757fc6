# A second domain controller for a domain of samba.sh. Source it from bash behind samba.sh; do not run it.
#
#   samba_pair_names "$0" "$@"    first of all: runs the script again where /etc/hosts is its own, since
#                                 domain controllers look each other up by name
#   samba_join DIR DIR2           lays out DIR2, a second domain controller for the domain of DIR (some
#                                 10 s); DIR is running before and afterwards
#   samba_replicate FROM TO       TO fetches what FROM has: nothing is replicated by itself
#
# Everything else of samba.sh works with both folders.

samba_pair_names() {
	[ -z "${SAMBA_PAIR:-}" ] || return 0
	unshare -m true 2>/dev/null || { echo "skipped: no mount namespaces" >&2; exit 77; }
	SAMBA_PAIR=1 exec unshare -m bash "$@"
}

samba_ntds() { # DIR NAME: the GUID by which NAME is looked up
	local SAMBA_CONFIG
	samba_env "$1"
	ldbsearch -H "$1/private/sam.ldb" --configfile="$1/etc/smb.conf" -b "$SAMBA_CONFIG" \
		'(objectClass=nTDSDSA)' objectGUID 2>/dev/null |
		grep -A4 "^dn: CN=NTDS Settings,CN=$2," | sed -n 's/^objectGUID: //p'
}

# samba_services DIR NAME GUID: what the domain controller NAME is known by to Kerberos, in the database
# of DIR. Samba's own script for it runs in the background, some time.
samba_services() {
	local realm=${SAMBA_REALM,,} service
	for service in "ldap/$2.$realm" "ldap/$2.$realm/$realm" "ldap/$3._msdcs.$realm" "GC/$2.$realm/$realm" \
		"HOST/$2.$realm" "E3514235-4B06-11D1-AB04-00C04FC2DCD2/$3/$realm"; do
		samba-tool spn add "$service" "${2^^}\$" -s "$1/etc/smb.conf" >>"$1/init.log" 2>&1
	done
}

samba_pair_config() { # DIR: what a domain controller with partners needs beyond samba_config
	sed -i 's/^server services =.*/server services = rpc, ldap, cldap, kdc, drepl/
		s/^dcerpc endpoint servers =.*/dcerpc endpoint servers = epmapper, drsuapi, lsarpc, samr, netlogon/
		s/^cldap port =.*/cldap port = 389/' "$1/etc/smb.conf"
	printf 'dreplsrv:%s = 1000000\n' periodic_startup_interval notify_interval >>"$1/etc/smb.conf"
}

samba_tool() { # DIR ARGS…: as administrator of the running DIR
	KRB5_CONFIG=$1/krb5.conf samba-tool "${@:2}" -U "$SAMBA_ADMIN%$SAMBA_PASSWORD" --use-kerberos=required \
		--realm="$SAMBA_REALM" --workgroup="${SAMBA_REALM%%.*}" >>"$1/init.log" 2>&1
}

samba_join() {
	local dir dir2 one two hosts realm samba_address SAMBA_URL SAMBA_ADDRESS SAMBA_REALM SAMBA_ADMIN SAMBA_PASSWORD
	mkdir -p "$2" && dir=$(cd "$1" && pwd) && dir2=$(cd "$2" && pwd) || return 1
	samba_env "$dir"
	samba_next_address || return 1
	hosts=$dir2/hosts realm=${SAMBA_REALM,,} one=$(samba_ntds "$dir" DC1)
	samba_stop "$dir"
	samba_pair_config "$dir"
	samba_services "$dir" dc1 "$one"
	printf '127.0.0.1 localhost\n%s dc1.%s %s._msdcs.%s\n%s dc2.%s\n' "$SAMBA_ADDRESS" "$realm" "$one" \
		"$realm" "$samba_address" "$realm" >"$hosts"
	mount --bind "$hosts" /etc/hosts && samba_start "$dir" || return 1
	samba_tool "$dir" domain join "$realm" DC --server="dc1.$realm" --targetdir="$dir2" --dns-backend=NONE \
		--option="interfaces=$samba_address/8" --option="bind interfaces only=yes" \
		--option="netbios name=DC2" --option="disable netbios=yes" || {
		tail -3 "$dir/init.log" >&2
		samba_fail "no second domain controller could be made"
		return 1
	}
	mkdir -p "$dir2/run" "$dir2/cache" "$dir2/log"
	sed "s|$dir|$dir2|g; s|$SAMBA_ADDRESS|$samba_address|g; s/DC1/DC2/" "$dir/etc/smb.conf" >"$dir2/etc/smb.conf"
	sed "s|$dir|$dir2|g; s|$SAMBA_ADDRESS|$samba_address|g; s/dc1/dc2/" "$dir/env" >"$dir2/env"
	sed "s|$dir|$dir2|g; s|$SAMBA_ADDRESS|$samba_address|g" "$dir/krb5.conf" >"$dir2/krb5.conf"
	two=$(samba_ntds "$dir2" DC2)
	echo "$samba_address $two._msdcs.$realm" >>"$hosts"
	samba_services "$dir" dc2 "$two"
	samba_services "$dir2" dc2 "$two"
	# In one process a server that asks itself for a ticket waits for itself: each asks the other.
	samba_stop "$dir"
	KRB5_CONFIG=$dir2/krb5.conf samba_start "$dir" && KRB5_CONFIG=$dir/krb5.conf samba_start "$dir2"
}

samba_replicate() {
	local context from to SAMBA_HOST SAMBA_REALM SAMBA_BASE SAMBA_CONFIG SAMBA_ADMIN SAMBA_PASSWORD
	samba_env "$1"
	from=$SAMBA_HOST
	samba_env "$2"
	to=$SAMBA_HOST
	for context in "$SAMBA_CONFIG" "$SAMBA_BASE"; do
		# The first try may find that a connection of before died with its partner.
		samba_tool "$2" drs replicate "$to" "$from" "$context" ||
			samba_tool "$2" drs replicate "$to" "$from" "$context" || {
			tail -3 "$2/init.log" >&2
			samba_fail "$to could not replicate from $from"
			return 1
		}
	done
}
