#!/usr/bin/python3
"""Compares a replica with a domain controller, entry by entry.

    ad_compare.py [--sites DN] [--gone DN] REPLICA_SHOW STATE_DIR FILTER BASE... -- LDAPSEARCH-ARGUMENTS

Name, GUID, addresses and members of every entry below the bases that FILTER finds have to be the
same on both sides; with --sites also sites, links (cost, sites) and subnets (site) below that DN. With
--gone the replica's groups may still have members that nothing below that DN is called by. Exit
status 1 and the differences if they are not.
"""
import argparse
import base64
import json
import subprocess
import sys


def search(arguments, base, filter_text, *attributes):
    """Entries as {name of an attribute: its values}, all in lower case, with GUIDs in hex."""
    text = subprocess.run(
        ["ldapsearch", *arguments, "-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-b", base,
         filter_text, "objectGUID", *attributes],
        check=True, capture_output=True, text=True).stdout
    for record in text.split("\n\n"):
        entry = {}
        for line in record.splitlines():
            kind, _, value = line.partition(":")
            kind = kind.lower()
            if value.startswith(":"):
                value = base64.b64decode(value[1:])
                value = value.hex() if kind == "objectguid" else value.decode()
            entry.setdefault(kind, set()).add(value.strip().lower())
        if "dn" in entry:
            yield entry


def only(values):
    """The one value of a set, or none."""
    return next(iter(values or ()), None)


def directory(args, arguments):
    """name: (GUID, addresses, members); of the topology (GUID, cost, sites)."""
    found = {}
    for base in args.base:
        for entry in search(arguments, base, args.filter, "mail", "proxyAddresses", "member"):
            proxies = {value[5:] for value in entry.get("proxyaddresses", ())
                       if value.startswith("smtp:")}
            found[only(entry["dn"])] = (only(entry.get("objectguid")),
                                        entry.get("mail", set()) | proxies,
                                        entry.get("member", set()))
    for kind in ("site", "siteLink", "subnet") if args.sites else ():
        for entry in search(arguments, args.sites, "(objectClass=%s)" % kind, "cost", "siteList",
                            "siteObject"):
            found[only(entry["dn"])] = (only(entry.get("objectguid")), entry.get("cost", set()),
                                        entry.get("sitelist", set()) | entry.get("siteobject", set()))
    return found


def replica(args):
    found = {}
    for line in subprocess.run([args.show, "--json", args.state], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        row = json.loads(line)
        guid = row["uuid"].replace("-", "")
        if "recipient" in row:
            of = row["recipient"]
            found[row["dn"].lower()] = (guid, set(of["addresses"]), set(of["members"]))
        elif args.sites and row["dn"].lower().endswith("," + args.sites.lower()) and "topology" in row:
            of = row["topology"]
            sites = of.get("waypostLinkedSite", []) + of.get("waypostSiteDN", [])
            found[row["dn"].lower()] = (guid, set(of.get("waypostCost", [])),
                                        {site.lower() for site in sites})
    return found


def forget_gone(args, arguments, got):
    """Takes members that are gone out of GOT."""
    names = {only(entry["dn"]) for entry in search(arguments, args.gone, "(objectClass=*)")}
    for name, (guid, values, members) in got.items():
        if not (args.sites and name.endswith(args.sites.lower())):
            inside = {member for member in members if member.endswith(args.gone.lower())}
            got[name] = (guid, values, members - (inside - names))


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
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--sites")
    parser.add_argument("--gone")
    parser.add_argument("show")
    parser.add_argument("state")
    parser.add_argument("filter")
    parser.add_argument("base", nargs="+")
    split = sys.argv.index("--")
    args = parser.parse_args(sys.argv[1:split])
    want, got = directory(args, sys.argv[split + 1:]), replica(args)
    if args.gone:
        forget_gone(args, sys.argv[split + 1:], got)
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
