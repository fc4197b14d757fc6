#!/usr/bin/python3
"""One organisation in the forms of all profiles: the model is the same, and so are the routes.

tests/topology/profiles has it as exchange.ldif (as Exchange keeps it), ad.ldif (AD's own sites,
our classes for the rest) and waypost.ldif. routes.query and routes.expect, worked out by hand,
hold for all three; exchange.query for what only Exchange has. As in golden.py.
Environment: abs_top_srcdir, abs_top_builddir.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("abs_top_srcdir", TOP))
WAYPOST = Path(os.environ.get("abs_top_builddir", TOP)) / "waypost"
FORMS = SOURCE / "tests/topology/profiles"
failed = False


def say(good, what, *lines):
    global failed
    failed |= not good
    print("ok" if good else "not ok", what, *([] if good else lines), sep="\n    " if not good else " ")


def waypost(form, *arguments, config=(), **more):
    done = subprocess.run([WAYPOST, *config, *arguments, "--directory", FORMS / f"{form}.ldif",
                           "--profile", form], timeout=60, capture_output=True, text=True, **more)
    return done.stdout if done.returncode in (0, 1) else done.stderr


def answers(form, questions):
    text = (FORMS / f"{questions}.query").read_text(encoding="utf-8")
    return [json.loads(line) for line in waypost(form, "route", "--batch", input=text).splitlines()]


def expected(name):
    return [json.loads(line) for line in (FORMS / f"{name}.expect").read_text("utf-8").splitlines()]


def model(form):
    """All of the model but names of places."""
    def strip(value):
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items() if k not in ("dn", "snapshot")}
        return [strip(v) for v in value] if isinstance(value, list) else value
    return strip(json.loads(waypost(form, "topology", "show", "--format", "json")))


def differences(a, b):
    return [f"{key}: {json.dumps(a.get(key))}\n      {json.dumps(b.get(key))}"
            for key in sorted(a.keys() | b.keys()) if a.get(key) != b.get(key)]


for form in ("exchange", "ad", "waypost"):
    wanted = expected("routes")
    got = answers(form, "routes")
    say(len(wanted) == len(got) > 0, f"{form}: every question has an answer")
    for want, answer in zip(wanted, got):
        say(want == answer, f"{form}: {want['recipient']}", *differences(want, answer))
    found = json.loads(waypost(form, "topology", "check", "--json"))
    say(not [f for f in found if f["severity"] == "error"], f"{form}: nothing is wrong with it",
        json.dumps(found, indent=1))
for want, answer in zip(expected("exchange"), answers("exchange", "exchange"), strict=True):
    say(want == answer, f"exchange: {want['recipient']}", *differences(want, answer))
for form in ("ad", "exchange"):
    say(model(form) == model("waypost"), f"the model of {form} is that of waypost",
        *differences(model(form), model("waypost")))

# What is assumed can be overruled: other bits, and Lyon is the hub site.
with tempfile.TemporaryDirectory() as folder:
    conf = Path(folder) / "waypost.conf"
    conf.write_text('directory "x" { uri = {"ldap://192.0.2.1"} profile = "exchange"\n'
                    'assume = {"transport-site-flags.hub-bit=2",'
                    ' "transport-site-flags.no-inbound-bit=0"} }\n', encoding="utf-8")
    conf.chmod(0o600)
    sites = {s["name"]: s for s in json.loads(waypost("exchange", "topology", "show", "--format", "json",
                                                    config=("--config", conf)))["sites"]}
    say(sites["Rome"]["hub_site"] and sites["Rome"]["inbound_mail"] and not sites["HQ"]["hub_site"],
        "the host file overrules an assumption", json.dumps(sites))
    rows = {r["name"]: r for r in json.loads(subprocess.run(
        [WAYPOST, "--config", conf, "schema", "assumptions", "--json"],
        capture_output=True, text=True, timeout=60, check=True).stdout)}
    hub = rows["transport-site-flags.hub-bit"]
    say(hub["value"] == "2" and hub["default"] == "1" and all(r["doubt"] for r in rows.values()),
        "assumptions are listed with what the host file says", json.dumps(hub))
sys.exit(failed)
