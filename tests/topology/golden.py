#!/usr/bin/python3
"""The golden topologies: what `waypost route --batch` answers is what was worked out by hand.

    golden.py [NAME...]     all of tests/topology/golden, or those whose names begin so

For every NAME.ldif, as far as the files are there:
    NAME.query, NAME.expect   queries for --batch, and the answers, compared as JSON objects
    NAME.text                 "$ waypost route …" with the text that it prints; several of them
    NAME.diag                 what `topology check` has to find: severity, id, cn, value. Errors
                              that are not listed are a failure, other findings are not.
Environment: abs_top_srcdir, abs_top_builddir.
"""
import difflib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("abs_top_srcdir", TOP))
WAYPOST = Path(os.environ.get("abs_top_builddir", TOP)) / "waypost"
GOLDEN = SOURCE / "tests/topology/golden"


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def waypost(ldif, *arguments, **more):
    return subprocess.run([WAYPOST, *arguments, "--directory", ldif], timeout=60,
                          capture_output=True, text=True, **more)


def compare_answers(ldif):
    queries, expected = lines(ldif.with_suffix(".query")), lines(ldif.with_suffix(".expect"))
    if not queries or len(queries) != len(expected):
        yield f"{len(queries)} queries, {len(expected)} expected answers"
        return
    done = waypost(ldif, "route", "--batch", input="\n".join(queries) + "\n")
    got = done.stdout.splitlines()
    if done.returncode != 0 or len(got) != len(queries):
        yield (f"exit status {done.returncode}, {len(got)} answers to {len(queries)} queries\n"
               + done.stderr)
    for query, want, answer in zip(queries, expected, got):
        want, answer = json.loads(want), json.loads(answer)
        for key in sorted(want.keys() | answer.keys()):
            if want.get(key) != answer.get(key) or (key in want) != (key in answer):
                yield (f"{query}\n    {key}: expected {json.dumps(want.get(key))}, "
                       f"got {json.dumps(answer.get(key))}")


def compare_text(ldif):
    """Each part begins with its command and is what that prints."""
    parts = ldif.with_suffix(".text").read_text(encoding="utf-8").split("$ waypost ")[1:]
    if not parts:
        yield "no command in .text"
    for part in parts:
        command, want = part.split("\n", 1)
        got = waypost(ldif, *shlex.split(command)).stdout
        if got != want:
            yield "\n".join(difflib.unified_diff(want.splitlines(), got.splitlines(),
                                                 "expected", command, lineterm=""))


def compare_findings(ldif):
    found = set()
    for f in json.loads(waypost(ldif, "topology", "check", "--json").stdout):
        name = f.get("dn", "").split(",")[0].partition("=")[2]
        found.add(" ".join(filter(None, (f["severity"], f["id"], name, f.get("value")))))
    expected = set(filter(None, lines(ldif.with_suffix(".diag"))))
    for line in sorted(expected - found):
        yield f"not found: {line}"
    for line in sorted(found - expected):
        if line.startswith("error"):
            yield f"found, not expected: {line}"


COMPARISONS = {".query": compare_answers, ".text": compare_text, ".diag": compare_findings}


def differences(ldif):
    kinds = [kind for kind in COMPARISONS if ldif.with_suffix(kind).exists()]
    if not kinds:
        yield "nothing is asked of it"
    for kind in kinds:
        yield from COMPARISONS[kind](ldif)


def main():
    prefixes = tuple(sys.argv[1:]) or ("",)
    ldifs = [p for p in sorted(GOLDEN.glob("*.ldif")) if p.name.startswith(prefixes)]
    strays = [p.name for p in GOLDEN.glob("*.[qetd]*") if not p.with_suffix(".ldif").exists()]
    failed = len(strays)
    for name in strays:
        print(f"not ok {name}: no topology of that name")
    for ldif in ldifs:
        found = list(differences(ldif))
        failed += bool(found)
        print("not ok" if found else "ok", ldif.stem)
        for text in found:
            print("  " + text)
    print(f"{len(ldifs)} topologies, {failed} failed")
    return 1 if failed or not ldifs else 0


if __name__ == "__main__":
    sys.exit(main())
