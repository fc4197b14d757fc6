# A private slapd for tests and the demonstration. Source it from bash; do not run it.
#
#   slapd_init  DIR [options]     lay out DIR: cn=config, one mdb database, our schema
#       --suffix DN               default dc=example,dc=com
#       --port N                  ldap:// port on 127.0.0.1; default: a free one
#       --address IP              default 127.0.0.1
#       --tls CERT KEY CA         offer STARTTLS (and accept client certificates)
#       --peer ID URL             one of several providers, by this number; the other one's URL
#       --sessionlog N            syncprov session log of N changes
#       --schema FILE.ldif        more schema; repeatable
#       --foreign                 without our schema
#       --size BYTES              of the database at most; default 1 GiB
#       --nosync                  nothing is made durable: for measurements
#   slapd_load  DIR FILE.ldif     bulk load with slapadd; the server must be stopped
#   slapd_start DIR               start it and wait until it answers
#   slapd_stop  DIR | slapd_kill9 DIR | slapd_pause DIR | slapd_cont DIR
#   slapd_env   DIR               set SLAPD_URL SLAPD_LDAPI SLAPD_PORT SLAPD_SUFFIX SLAPD_ROOTDN SLAPD_ROOTPW
#   slapd_admin DIR COMMAND ARGS  run ldapadd, ldapmodify, ldapsearch … as the root of DIR over ldapi
#
# Every function returns 0, or prints one line to stderr and returns 1; slapd_need returns 77,
# the skip of automake, where slapd is not installed. It is loopback only, every file is below
# DIR, and only the process that slapd_start began is ever ended. DIR must be short: the path
# of a Unix socket has room for 107 bytes. The agent's account is whatever entry below
# ou=Services,<suffix> the data hold: those may read everything.

: "${abs_top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
. "$abs_top_srcdir/tests/lib/peer.sh"
# What an administrator set for himself has no place here: libldap then reads neither ldap.conf
# nor LDAP… variables; give its tools their options by -o.
export LDAPNOINIT=1
PATH=$PATH:/usr/sbin:/sbin

slapd_need() {
	local tool
	for tool in slapd slapadd ldapmodify python3; do
		command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed" >&2; return 77; }
	done
}

slapd_fail() {
	echo "slapd.sh: $*" >&2
	return 1
}

slapd_init() {
	local dir=$1 suffix=dc=example,dc=com port= address=127.0.0.1 cert= key= ca= sessionlog= schemas=() own=$abs_top_srcdir/schema/waypost.ldif
	local size=1073741824 nosync=FALSE id= peer=
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--suffix) suffix=$2; shift 2 ;;
		--port) port=$2; shift 2 ;;
		--address) address=$2; shift 2 ;;
		--tls) cert=$2 key=$3 ca=$4; shift 4 ;;
		--sessionlog) sessionlog=$2; shift 2 ;;
		--peer) id=$2 peer=$3; shift 3 ;;
		--foreign) own=; shift ;;
		--schema) schemas+=("$(realpath "$2")"); shift 2 ;;
		--size) size=$2; shift 2 ;;
		--nosync) nosync=TRUE; shift ;;
		*) slapd_fail "unknown option $1"; return 1 ;;
		esac
	done
	mkdir -p "$dir/config" "$dir/data" && dir=$(cd "$dir" && pwd) || return 1
	[ -z "$(ls -A "$dir/config")" ] || { slapd_fail "$dir is laid out already"; return 1; }
	[ -n "$port" ] || port=$(peer_free_port "$address") || return 1
	{
		echo "SLAPD_URL=ldap://$address:$port"
		echo "SLAPD_LDAPI=ldapi://${dir//\//%2F}%2Fldapi"
		echo "SLAPD_PORT=$port"
		echo "SLAPD_SUFFIX=$suffix"
		echo "SLAPD_ROOTDN=cn=admin,$suffix"
		echo "SLAPD_ROOTPW=admin"
	} >"$dir/env"
	slapd_config >"$dir/config.ldif"
	slapadd -n 0 -F "$dir/config" -l "$dir/config.ldif" >"$dir/init.log" 2>&1 || {
		cat "$dir/init.log" >&2
		slapd_fail "the configuration was refused"
	}
}

# Writes cn=config for slapd_init, from whose variables it reads.
slapd_config() {
	local file
	cat <<-EOT
	dn: cn=config
	objectClass: olcGlobal
	cn: config
	olcPidFile: $dir/slapd.pid
	olcArgsFile: $dir/slapd.args
	olcLogLevel: stats sync
	olcSizeLimit: unlimited
	olcTimeLimit: unlimited
	olcThreads: 4
	olcAuthzRegexp: {0}gidNumber=$(id -g)\\+uidNumber=$(id -u),cn=peercred,cn=external,cn=auth cn=admin,$suffix
	EOT
	[ -z "$id" ] || echo "olcServerID: $id"
	[ -z "$cert" ] || cat <<-EOT
	olcTLSCertificateFile: $cert
	olcTLSCertificateKeyFile: $key
	olcTLSCACertificateFile: $ca
	olcTLSVerifyClient: try
	EOT
	cat <<-EOT

	dn: cn=module{0},cn=config
	objectClass: olcModuleList
	cn: module{0}
	olcModulePath: /usr/lib/ldap
	olcModuleLoad: back_mdb
	olcModuleLoad: syncprov

	dn: cn=schema,cn=config
	objectClass: olcSchemaConfig
	cn: schema

	EOT
	for file in core cosine inetorgperson misc; do
		echo "include: file:///etc/ldap/schema/$file.ldif"
	done
	for file in $own ${schemas[@]+"${schemas[@]}"}; do
		echo "include: file://$file"
	done
	cat <<-EOT

	dn: olcDatabase={-1}frontend,cn=config
	objectClass: olcDatabaseConfig
	objectClass: olcFrontendConfig
	olcDatabase: {-1}frontend
	olcAccess: to dn.base="" by * read
	olcAccess: to dn.base="cn=Subschema" by * read

	dn: olcDatabase={0}config,cn=config
	objectClass: olcDatabaseConfig
	olcDatabase: {0}config
	olcAccess: to * by dn.exact="cn=admin,$suffix" manage by * none

	dn: olcDatabase={1}mdb,cn=config
	objectClass: olcDatabaseConfig
	objectClass: olcMdbConfig
	olcDatabase: {1}mdb
	olcSuffix: $suffix
	olcRootDN: cn=admin,$suffix
	olcRootPW: admin
	olcDbDirectory: $dir/data
	olcDbMaxSize: $size
	olcDbNoSync: $nosync
	olcDbIndex: objectClass,entryCSN,entryUUID,cn,mail eq
	olcAccess: to attrs=userPassword by anonymous auth by self write by * none
	olcAccess: to * by dn.children="ou=Services,$suffix" read by anonymous auth by * none
	olcLimits: dn.children="ou=Services,$suffix" size=unlimited time=unlimited
	EOT
	[ -z "$id" ] || cat <<-EOT
	olcSyncrepl: rid=001 provider=$peer bindmethod=simple binddn="cn=admin,$suffix" credentials=admin
	  searchbase="$suffix" type=refreshAndPersist retry="1 +" timeout=3
	olcMultiProvider: TRUE
	EOT
	cat <<-EOT

	dn: olcOverlay={0}syncprov,olcDatabase={1}mdb,cn=config
	objectClass: olcOverlayConfig
	objectClass: olcSyncProvConfig
	olcOverlay: {0}syncprov
	olcSpCheckpoint: 100 1
	EOT
	[ -z "$sessionlog" ] || echo "olcSpSessionlog: $sessionlog"
}

slapd_env() {
	. "$1/env"
}

# slapd_pid DIR: the pid of the slapd of DIR while it lives, nothing otherwise.
slapd_pid() { peer_pid "$1/slapd.sh.pid" "$(cd "$1" 2>/dev/null && pwd)/config"; }

slapd_load() {
	local dir=$1 SLAPD_URL SLAPD_LDAPI SLAPD_PORT SLAPD_SUFFIX SLAPD_ROOTDN SLAPD_ROOTPW
	slapd_env "$dir"
	slapadd -q -F "$dir/config" -b "$SLAPD_SUFFIX" -l "$2" >"$dir/load.log" 2>&1 || {
		cat "$dir/load.log" >&2
		slapd_fail "$2 was refused"
	}
}

slapd_start() {
	local dir pid i
	dir=$(cd "$1" && pwd) || return 1
	slapd_pid "$dir" >/dev/null && return 0
	slapd_env "$dir"
	# With -d it stays in the foreground, so that the pid is the one this shell saw.
	slapd -F "$dir/config" -h "$SLAPD_URL/ $SLAPD_LDAPI/" -d "${SLAPD_DEBUG:-none}" \
		>>"$dir/slapd.log" 2>&1 </dev/null &
	pid=$!
	echo $pid >"$dir/slapd.sh.pid"
	for ((i = 0; i < 200; i++)); do
		# A question asked while it is starting may never be answered.
		timeout 2 ldapwhoami -Q -Y EXTERNAL -H "$SLAPD_LDAPI" >/dev/null 2>&1 && return 0
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	tail -5 "$dir/slapd.log" >&2
	slapd_fail "slapd did not start in $dir"
}

slapd_signal() { peer_signal slapd "$1" "$2"; }
slapd_pause() { slapd_signal "$1" STOP; }
slapd_cont() { slapd_signal "$1" CONT; }
slapd_stop() { peer_stop slapd "$1" 300; }
slapd_kill9() { peer_kill9 slapd "$1" "$1/slapd.sh.pid"; }

slapd_admin() {
	local dir=$1 SLAPD_URL SLAPD_LDAPI SLAPD_PORT SLAPD_SUFFIX SLAPD_ROOTDN SLAPD_ROOTPW
	shift
	slapd_env "$dir"
	"$1" -Q -Y EXTERNAL -H "$SLAPD_LDAPI" "${@:2}"
}
