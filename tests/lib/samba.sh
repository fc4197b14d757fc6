# A private Samba Active Directory domain controller for tests. Source it from bash; do not run it.
#
#   samba_init  DIR [options]     lay out DIR: a new domain (some 6 s)
#       --realm REALM             default AD.EXAMPLE.COM; its first label is the NetBIOS domain
#       --tls CERT KEY CA         offer STARTTLS and ldaps
#       --strong MODE             `ldap server require strong auth`: no (default),
#                                 allow_sasl_over_tls, yes
#   samba_start DIR               start it and wait until it answers
#   samba_stop  DIR | samba_kill9 DIR | samba_pause DIR | samba_cont DIR
#   samba_pid   DIR               its pid while it lives
#   samba_env   DIR               set SAMBA_URL SAMBA_LDAPS SAMBA_ADDRESS SAMBA_REALM SAMBA_BASE
#                                 SAMBA_CONFIG (the configuration naming context) SAMBA_HOST SAMBA_ADMIN
#                                 SAMBA_PASSWORD SAMBA_CONF SAMBA_KRB5 (a krb5.conf)
#   samba_user  DIR NAME PASSWORD [dirsync] [deleted]
#                                 a user; dirsync: with the right to replicate changes; deleted: who
#                                 may see deleted objects
#   samba_revoke DIR NAME         takes these rights away
#   samba_keytab DIR NAME FILE    the keys of a user (or of DC1$) into a keytab
#   samba_schema DIR FILE.ldif    adds to the schema, @BASE@ being the domain; the server is stopped
#   samba_admin DIR COMMAND ARGS  run ldapadd, ldapmodify, ldapsearch … as administrator
#
# Every function returns 0, or prints one line to stderr and returns 1; samba_need returns 77,
# the skip of automake, where Samba is not installed or we are not root. Everything is below DIR,
# and only the process that samba_start began is ever ended. Samba's LDAP ports cannot be
# chosen, so each DC has a loopback address of its own, made from this shell's pid: tests
# beside each other never meet, and one test may have three.

: "${abs_top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
. "$abs_top_srcdir/tests/lib/peer.sh"
export LDAPNOINIT=1
PATH=$PATH:/usr/sbin:/sbin
samba_count=0

samba_need() {
	local tool
	for tool in samba samba-tool ldbadd ldapmodify python3; do
		command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed" >&2; return 77; }
	done
	[ "$(id -u)" = 0 ] || { echo "skipped: Samba as a domain controller needs root" >&2; return 77; }
}

samba_fail() {
	echo "samba.sh: $*" >&2
	return 1
}

# Sets samba_address: the next of this shell's loopback addresses. A pid has at most 22 bits.
samba_next_address() {
	[ "$samba_count" -lt 3 ] || { samba_fail "three domain controllers are all there are"; return 1; }
	samba_count=$((samba_count + 1))
	samba_address=127.$((64 * samba_count + ($$ >> 16))).$(($$ >> 8 & 255)).$(($$ & 255))
}

samba_init() {
	local dir=$1 realm=AD.EXAMPLE.COM cert= key= ca= strong=no samba_address kdc kpasswd cldap base domain
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--realm) realm=$2; shift 2 ;;
		--tls) cert=$2 key=$3 ca=$4; shift 4 ;;
		--strong) strong=$2; shift 2 ;;
		*) samba_fail "unknown option $1"; return 1 ;;
		esac
	done
	mkdir -p "$dir" && dir=$(cd "$dir" && pwd) || return 1
	[ ! -e "$dir/etc/smb.conf" ] || { samba_fail "$dir is laid out already"; return 1; }
	samba_next_address || return 1
	kdc=$(peer_free_port "$samba_address") kpasswd=$(peer_free_port "$samba_address")
	cldap=$(peer_free_port "$samba_address")
	domain=${realm%%.*} base=DC=${realm,,}
	base=${base//./,DC=}
	{
		echo "SAMBA_URL=ldap://$samba_address"
		echo "SAMBA_LDAPS=ldaps://$samba_address"
		echo "SAMBA_ADDRESS=$samba_address"
		echo "SAMBA_REALM=$realm"
		echo "SAMBA_BASE=$base"
		echo "SAMBA_CONFIG=CN=Configuration,$base"
		echo "SAMBA_HOST=dc1.${realm,,}"
		echo "SAMBA_ADMIN=Administrator@$realm"
		echo "SAMBA_PASSWORD=Passw0rd.admin"
		echo "SAMBA_CONF=$dir/etc/smb.conf"
		echo "SAMBA_KRB5=$dir/krb5.conf"
	} >"$dir/env"
	samba-tool domain provision --realm="$realm" --domain="$domain" --adminpass=Passw0rd.admin \
		--server-role=dc --dns-backend=NONE --targetdir="$dir" --host-name=dc1 \
		--host-ip="$samba_address" >"$dir/init.log" 2>&1 || {
		tail -3 "$dir/init.log" >&2
		samba_fail "no domain could be made"
		return 1
	}
	mkdir -p "$dir/run" "$dir/cache" "$dir/log"
	samba_config >"$dir/etc/smb.conf"
	samba_krb5_config >"$dir/krb5.conf"
	# Kerberos clients that connect by address find the service without DNS.
	samba-tool spn add "ldap/$samba_address" 'DC1$' -s "$dir/etc/smb.conf" >>"$dir/init.log" 2>&1 &&
		samba-tool domain passwordsettings set --complexity=off --history-length=0 --min-pwd-age=0 \
			--max-pwd-age=0 -s "$dir/etc/smb.conf" >>"$dir/init.log" 2>&1 || {
		tail -3 "$dir/init.log" >&2
		samba_fail "the domain could not be set up"
	}
}

# Writes smb.conf for samba_init, from whose variables it reads.
samba_config() {
	cat <<-EOT
	[global]
	netbios name = DC1
	realm = $realm
	workgroup = $domain
	server role = active directory domain controller
	server services = ldap, cldap, kdc
	dcerpc endpoint servers =
	interfaces = $samba_address/8
	bind interfaces only = yes
	disable netbios = yes
	ldap server require strong auth = $strong
	dsdb:schema update allowed = yes
	krb5 port = $kdc
	kpasswd port = $kpasswd
	cldap port = $cldap
	lock directory = $dir
	state directory = $dir/state
	cache directory = $dir/cache
	private dir = $dir/private
	binddns dir = $dir/bind-dns
	pid directory = $dir/run
	ncalrpc dir = $dir/run/ncalrpc
	log file = $dir/log/log.%m
	EOT
	[ -z "$cert" ] || cat <<-EOT
	tls enabled = yes
	tls certfile = $cert
	tls keyfile = $key
	tls cafile = $ca
	EOT
	[ -n "$cert" ] || echo "tls enabled = no"
}

samba_krb5_config() {
	cat <<-EOT
	[libdefaults]
	 default_realm = $realm
	 dns_lookup_kdc = false
	 dns_lookup_realm = false
	 rdns = false
	 dns_canonicalize_hostname = false
	 udp_preference_limit = 1
	 default_ccache_name = FILE:$dir/krb5cc
	[realms]
	 $realm = {
	  kdc = $samba_address:$kdc
	 }
	[domain_realm]
	 .${realm,,} = $realm
	 $samba_address = $realm
	 localhost = $realm
	EOT
}

samba_env() {
	. "$1/env"
}

# samba_pid DIR: Samba rewrites its command line, so its working folder tells whose it is.
samba_pid() {
	local pid
	pid=$(cat "$1/samba.sh.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
	[ "$(readlink "/proc/$pid/cwd")" = "$(cd "$1" && pwd -P)" ] || return 1
	echo "$pid"
}

samba_start() {
	local dir pid i SAMBA_URL
	dir=$(cd "$1" && pwd -P) || return 1
	samba_pid "$dir" >/dev/null && return 0
	samba_env "$dir"
	# In one process (-M single) there is one pid to end, and nothing outlives it.
	(cd "$dir" && exec samba -F --no-process-group -M single -s "$dir/etc/smb.conf" --debug-stdout \
		-d "${SAMBA_DEBUG:-1}") >>"$dir/samba.log" 2>&1 </dev/null &
	pid=$!
	disown # the shell says nothing when it is killed
	echo $pid >"$dir/samba.sh.pid"
	for ((i = 0; i < 300; i++)); do
		timeout 2 ldapsearch -x -LLL -H "$SAMBA_URL" -b '' -s base dnsHostName >/dev/null 2>&1 && return 0
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	tail -5 "$dir/samba.log" >&2
	samba_fail "Samba did not start in $dir"
}

samba_signal() { peer_signal samba "$1" "$2"; }
samba_pause() { samba_signal "$1" STOP; }
samba_cont() { samba_signal "$1" CONT; }
samba_stop() { peer_stop samba "$1" 200; }
samba_kill9() { peer_kill9 samba "$1" "$1/samba.sh.pid"; }

# samba_grant DIR SID DN ACE: adds an entry to the access list of DN, which may be a deleted object;
# without an ACE those of SID are taken away.
samba_grant() {
	/usr/bin/python3 - "$1" "$2" "$3" "$4" >>"$1/init.log" 2>&1 <<-'EOT' || samba_fail "no rights on $3"
	import sys, ldb
	from samba.auth import system_session
	from samba.dcerpc import security
	from samba.ndr import ndr_pack, ndr_unpack
	from samba.param import LoadParm
	from samba.samdb import SamDB
	folder, sid, dn, ace = sys.argv[1:]
	lp = LoadParm()
	lp.load(folder + "/etc/smb.conf")
	db = SamDB(folder + "/private/sam.ldb", session_info=system_session(), lp=lp)
	controls = ["show_deleted:1", "sd_flags:1:4"]
	entry = db.search(dn, ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=controls)[0]
	sd = ndr_unpack(security.descriptor, entry["nTSecurityDescriptor"][0])
	owner = security.dom_sid(db.get_domain_sid())
	if ace == "":
	    sd.dacl_del(security.dom_sid(sid))
	else:
	    for item in security.descriptor.from_sddl("D:(%s;%s)" % (ace, sid), owner).dacl.aces:
	        sd.dacl_add(item)
	change = ldb.Message(ldb.Dn(db, dn))
	change["sd"] = ldb.MessageElement(ndr_pack(sd), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
	db.modify(change, controls=controls)
	EOT
}

samba_sid() {
	ldbsearch -H "$1/private/sam.ldb" --configfile="$1/etc/smb.conf" "(sAMAccountName=$2)" objectSid 2>/dev/null |
		sed -n 's/^objectSid: //p'
}

# samba_revoke DIR NAME: takes away what samba_user gave beyond the ordinary.
samba_revoke() {
	local sid base SAMBA_BASE SAMBA_CONFIG
	samba_env "$1"
	sid=$(samba_sid "$1" "$2")
	for base in "$SAMBA_BASE" "$SAMBA_CONFIG"; do
		samba_grant "$1" "$sid" "$base" "" && samba_grant "$1" "$sid" "CN=Deleted Objects,$base" "" ||
			return 1
	done
}

samba_user() {
	local dir=$1 name=$2 password=$3 sid base right SAMBA_BASE SAMBA_CONFIG
	shift 3
	samba_env "$dir"
	samba-tool user create "$name" "$password" -s "$dir/etc/smb.conf" >>"$dir/init.log" 2>&1 ||
		{ samba_fail "user $name was refused"; return 1; }
	sid=$(samba_sid "$dir" "$name")
	for right in "$@"; do
		for base in "$SAMBA_BASE" "$SAMBA_CONFIG"; do
			case $right in
			# DS-Replication-Get-Changes
			dirsync) samba_grant "$dir" "$sid" "$base" "OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;" ;;
			deleted) samba_grant "$dir" "$sid" "CN=Deleted Objects,$base" "A;;LCRPLO;;" ;;
			*) samba_fail "unknown right $right" ;;
			esac || return 1
		done
	done
}

samba_keytab() {
	samba-tool domain exportkeytab "$3" --principal="$2" -s "$1/etc/smb.conf" >>"$1/init.log" 2>&1 ||
		samba_fail "no keytab for $2"
}

# First the attributes, then the classes that hold them: each needs the schema read anew.
samba_schema() {
	local dir=$1 kind SAMBA_BASE
	samba_pid "$dir" >/dev/null && { samba_fail "the schema is added to a stopped server"; return 1; }
	samba_env "$dir"
	for kind in attributeSchema classSchema; do
		python3 -c 'import re, sys
text = open(sys.argv[1], encoding="utf-8").read().replace("@BASE@", sys.argv[3])
for record in re.split(r"\n\s*\n", text):
    if re.search(r"^objectClass: " + sys.argv[2] + "$", record, re.M):
        print(record.strip() + "\n")' "$2" "$kind" "$SAMBA_BASE" >"$dir/schema.ldif" &&
			ldbadd -H "$dir/private/sam.ldb" --configfile="$dir/etc/smb.conf" \
				--option="dsdb:schema update allowed=true" "$dir/schema.ldif" >>"$dir/init.log" 2>&1 || {
			tail -3 "$dir/init.log" >&2
			samba_fail "$2 was refused ($kind)"
			return 1
		}
	done
}

samba_admin() {
	local dir=$1 SAMBA_URL SAMBA_ADMIN SAMBA_PASSWORD
	shift
	samba_env "$dir"
	"$1" -x -H "$SAMBA_URL" -D "$SAMBA_ADMIN" -w "$SAMBA_PASSWORD" "${@:2}"
}
