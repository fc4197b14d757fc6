#!/usr/bin/python3
"""compare.py [OPTIONS] --show PROGRAM --config FILE -- LDAPSEARCH-COMMAND…

Holds the replica of the host file FILE against its directory, entry by entry: which entries there are, under
which UUID and name; of recipients the addresses, home server, forward and members; of the
topology every attribute. Prints what differs, at most 40 lines, and ends with 1 if anything does.

PROGRAM is replica_show; the command is ldapsearch with what it needs to reach and read
everything ("ldapsearch -Q -Y EXTERNAL -H ldapi://…"). It shares no code with Waypost: what is
in scope and what an entry means is said here again, for the profile "waypost".

  --section T    only this directory of the host file, and what the replica has below its bases
  --uuid NAME    the attribute that the directory's UUIDs are in (entryUUID)
  --no-uuid      UUIDs are not compared
"""
import argparse
import base64
import json
import re
import subprocess
import sys

FOLDERS = {"organizationalunit", "organization", "domain", "locality", "country", "container",
           "waypostcontainer"}
NO_OBJECTS = {"waypostrecipient", "waypostsiteoptions", "waypostsitelinkoptions",
              "waypostcontainer"}
GROUPS = {"groupofnames", "groupofuniquenames", "groupofmembers", "group", "mailgroup",
          "nismailalias", "rfc822mailgroup", "inetmailgroup"}
ADDRESSES = ("mail", "maillocaladdress", "mailalternateaddress", "proxyaddresses")
STANDARD = {"objectclass", "cn", *ADDRESSES, "mailroutingaddress", "targetaddress", "mailhost",
            "member", "uniquemember", "rfc822mailmember", "mgrprfc822mailmember"}


def dn_key(dn):
    """Good for the names that tests give: no escapes but \\xx, no multi-valued RDN."""
    return ",".join(re.sub(r" +", " ", part.strip()) for part in re.split(r"(?<!\\),", dn)).lower()


def parse_ldif(text):
    for block in text.split("\n\n"):
        entry = {}
        for line in block.splitlines():
            if not line or line.startswith("#"):
                continue
            name, value = line.split(":", 1)
            if value.startswith(":"):
                value = base64.b64decode(value[1:])
            else:
                value = value.strip(" ").encode()
            entry.setdefault(name.split(";")[0].lower(), []).append(value)
        if "dn" in entry:
            yield entry


def search(command, base, filter, attributes):
    """The entries below BASE; none if it is not there."""
    run = subprocess.run([*command, "-LLL", "-o", "ldif-wrap=no", "-b", base, filter, *attributes],
                         capture_output=True, text=True)
    if run.returncode not in (0, 32):
        sys.exit(f"compare.py: {run.stderr.strip()}")
    return parse_ldif(run.stdout)


def shown(value):
    """As replica_show writes it."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"hex": value.hex()}


def texts(entry, *names):
    return [v.decode() for name in names for v in entry.get(name, ())]


def address(text):
    kind, colon, rest = text.partition(":")
    if colon and kind.lower() != "smtp":
        return None
    text = rest if colon else text
    return text.lower() if re.fullmatch(r"[^@\s]+@[^@\s]+", text) else None


def strip_type(text):
    return re.sub("^smtp:", "", text, flags=re.IGNORECASE)


def recipient(entry, classes):
    members = texts(entry, "member", "uniquemember")
    by_address = texts(entry, "rfc822mailmember", "mgrprfc822mailmember")
    host = next(iter(texts(entry, "mailhost")), "")
    return {
        "home": dn_key(next(iter(texts(entry, "wayposthomeserver")), "")),
        "mail_host": host.lower(),
        "forward": strip_type(next(iter(texts(entry, "mailroutingaddress", "targetaddress")), "")),
        "addresses": sorted({a for a in map(address, texts(entry, *ADDRESSES)) if a}),
        "members": sorted(map(dn_key, members)),
        "member_addresses": sorted(by_address),
        "max_size": int(next(iter(texts(entry, "waypostmaxmessagesize")), 0)),
        "group": bool(classes & GROUPS or members or by_address),
        "require_auth": texts(entry, "waypostrequireauth")[:1] == ["TRUE"],
    }


def is_ours(name):
    return name in STANDARD or name == "description" or name.startswith("waypost")


def expect(entry, matches):
    """What the replica has to hold of an entry, or None. MATCHES: the host file's filter does."""
    classes = {c.lower() for c in texts(entry, "objectclass")}
    objects = {c for c in classes if c.startswith("waypost")} - NO_OBJECTS
    if not (objects or classes & FOLDERS or matches):
        return None
    row = {"dn": dn_key(entry["dn"][0].decode())}
    if objects:
        row["topology"] = {name: sorted(map(str, map(shown, values)))
                           for name, values in entry.items() if is_ours(name)}
    if any(name in entry for name in ADDRESSES) or classes & GROUPS:
        row["recipient"] = recipient(entry, classes)
    return row


def read_config(args):
    """The state directory, and of the directory section its bases and filter."""
    with open(args.config) as file:
        text = file.read()
    args.state = re.search(r'^\s*state\s*=\s*"(.*?)"', text, re.MULTILINE)[1]
    section = re.search(r'directory\s+"%s"\s*\{(.*?)^\}' % (args.section or ".*?"), text,
                        re.MULTILINE | re.DOTALL)[1]
    lists = re.findall(r'\b(?:base|recipients)\s*=\s*(\{.*?\}|".*?")', section, re.DOTALL)
    args.base = [dn for found in lists for dn in re.findall('"(.*?)"', found)]
    filter = re.search(r'\bfilter\s*=\s*"(.*?)"', section)
    args.filter = filter and filter[1]


def read_directory(args):
    default = "(|" + "".join(f"({name}=*)" for name in ADDRESSES) + ")"
    rows = {}
    for base in args.base:
        matching = {e["dn"][0] for e in search(args.command, base, args.filter or default, ["1.1"])}
        for entry in search(args.command, base, "(objectClass=*)", ["*", args.uuid]):
            row = expect(entry, entry["dn"][0] in matching)
            uuid = entry.pop(args.uuid.lower(), [b"?"])[0].decode().replace("-", "").lower()
            if row is not None:
                row.get("topology", {}).pop(args.uuid.lower(), None)
                rows[row["dn"] if args.no_uuid else uuid] = row
    return rows


def read_replica(args):
    run = subprocess.run([args.show, "--json", args.state], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"compare.py: {run.stderr.strip()}")
    rows = {}
    for line in run.stdout.splitlines():
        row = json.loads(line)
        uuid = row.pop("uuid").replace("-", "")
        row.pop("source")
        row["dn"] = dn_key(row["dn"])
        if args.section and not any(("," + row["dn"]).endswith("," + dn_key(base))
                                    for base in args.base):
            continue
        if "topology" in row:
            row["topology"] = {name.lower(): sorted(map(str, values))
                               for name, values in row["topology"].items() if is_ours(name.lower())}
        if "recipient" in row:
            row["recipient"].pop("primary")
            for name in ("addresses", "members", "member_addresses"):
                row["recipient"][name].sort()
        rows[row["dn"] if args.no_uuid else uuid] = row
    return rows


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--show", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--section")
    parser.add_argument("--uuid", default="entryUUID")
    parser.add_argument("--no-uuid", action="store_true")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    read_config(args)
    want, have = read_directory(args), read_replica(args)
    lines = []
    for key in sorted(want.keys() | have.keys()):
        if key not in have:
            lines.append(f"missing: {key} {want[key]['dn']}")
        elif key not in want:
            lines.append(f"a ghost: {key} {have[key]['dn']}")
        elif want[key] != have[key]:
            lines.append(f"differs: {key}\n  directory {want[key]}\n  replica   {have[key]}")
    print("\n".join(lines[:40]))
    print(f"{len(want)} entries in the directory, {len(have)} in the replica, {len(lines)} differ")
    # An empty directory proves nothing.
    return 1 if lines or not want else 0


sys.exit(main())
