#!/usr/bin/python3
"""Compares the recipients of a replica with a domain controller, entry by entry.

    ad_compare.py REPLICA_SHOW STATE_DIR FILTER BASE... -- LDAPSEARCH-ARGUMENTS

Name, GUID, addresses and members of every entry below the bases that FILTER finds have to be the
same on both sides. Exit status 1 and the differences if they are not.
"""
import base64
import json
import subprocess
import sys


def directory(filter_text, bases, arguments):
    """name: (GUID, addresses, members), all in lower case, as the server tells them."""
    found = {}
    for base in bases:
        text = subprocess.run(
            ["ldapsearch", *arguments, "-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-b", base,
             filter_text, "objectGUID", "mail", "proxyAddresses", "member"],
            check=True, capture_output=True, text=True).stdout
        for record in text.split("\n\n"):
            name, guid, addresses, members = None, None, set(), set()
            for line in record.splitlines():
                kind, _, value = line.partition(":")
                kind = kind.lower()
                if value.startswith(":"):
                    value = base64.b64decode(value[1:])
                    value = value.hex() if kind == "objectguid" else value.decode()
                value = value.strip().lower()
                if kind == "dn":
                    name = value
                elif kind == "objectguid":
                    guid = value
                elif kind == "mail":
                    addresses.add(value)
                elif kind == "proxyaddresses" and value.startswith("smtp:"):
                    addresses.add(value[5:])
                elif kind == "member":
                    members.add(value)
            if name is not None:
                found[name] = (guid, addresses, members)
    return found


def replica(show, state):
    found = {}
    for line in subprocess.run([show, "--json", state], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        row = json.loads(line)
        if "recipient" in row:
            of = row["recipient"]
            found[row["dn"].lower()] = (row["uuid"].replace("-", ""), set(of["addresses"]),
                                        set(of["members"]))
    return found


def differences(want, got):
    """In words, at most some of them."""
    if want is None or got is None:
        return ["is only in the %s" % ("replica" if want is None else "directory")]
    words = ["has the GUID %s, not %s" % (got[0], want[0])] if want[0] != got[0] else []
    for i in (1, 2):
        words += ["lacks " + value for value in sorted(want[i] - got[i])[:5]]
        words += ["has " + value for value in sorted(got[i] - want[i])[:5]]
    return words


def main():
    split = sys.argv.index("--")
    show, state, filter_text, *bases = sys.argv[1:split]
    want, got = directory(filter_text, bases, sys.argv[split + 1:]), replica(show, state)
    bad = 0
    for name in sorted(want.keys() | got.keys()):
        if want.get(name) == got.get(name):
            continue
        bad += 1
        if bad <= 10:
            print(name, *differences(want.get(name), got.get(name)))
    print("%d entries in the directory, %d in the replica, %d differ" % (len(want), len(got), bad))
    return bad > 0


sys.exit(main())
