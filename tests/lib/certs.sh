# Certificates for tests. Source it from bash; do not run it.
#
#   certs_ca   DIR NAME                     an authority: DIR/NAME.pem and .key
#   certs_make DIR NAME CA SAN [DAYS [CN]]  one of CA for subjectAltName SAN; with DAYS -1 it expired
#                                           yesterday

certs_ca() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$2" -keyout "$1/$2.key" \
		-out "$1/$2.pem" 2>/dev/null
}

certs_make() {
	openssl req -newkey rsa:2048 -nodes -subj "/CN=${6:-$2}" -keyout "$1/$2.key" -out "$1/$2.csr" 2>/dev/null &&
		openssl x509 -req -in "$1/$2.csr" -CA "$1/$3.pem" -CAkey "$1/$3.key" -CAcreateserial \
			-days "${5:-2}" -extfile <(echo "subjectAltName=$4") -out "$1/$2.pem" 2>/dev/null
}
