#!/usr/bin/python3
"""The golden topologies: what `waypost route --batch` answers is what was worked out by hand.

    golden.py [NAME...]     all of tests/topology/golden, or those whose names begin so

For every NAME.ldif the queries of NAME.query are answered and compared, as JSON objects, with
the lines of NAME.expect. Environment: abs_top_srcdir, abs_top_builddir.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SOURCE = Path(os.environ.get("abs_top_srcdir", TOP))
WAYPOST = Path(os.environ.get("abs_top_builddir", TOP)) / "waypost"
GOLDEN = SOURCE / "tests/topology/golden"


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def answers(ldif, queries):
    """Exit status and output lines of one batch."""
    done = subprocess.run([WAYPOST, "route", "--directory", ldif, "--batch"], timeout=60,
                          input="\n".join(queries) + "\n", capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines(), done.stderr


def differences(ldif):
    queries, expected = lines(ldif.with_suffix(".query")), lines(ldif.with_suffix(".expect"))
    if not queries or len(queries) != len(expected):
        yield f"{len(queries)} queries, {len(expected)} expected answers"
        return
    status, got, errors = answers(ldif, queries)
    if status != 0 or len(got) != len(queries):
        yield f"exit status {status}, {len(got)} answers to {len(queries)} queries\n{errors}"
    for query, want, answer in zip(queries, expected, got):
        want, answer = json.loads(want), json.loads(answer)
        for key in sorted(want.keys() | answer.keys()):
            if want.get(key) != answer.get(key) or (key in want) != (key in answer):
                yield (f"{query}\n    {key}: expected {json.dumps(want.get(key))}, "
                       f"got {json.dumps(answer.get(key))}")


def main():
    prefixes = tuple(sys.argv[1:]) or ("",)
    ldifs = [p for p in sorted(GOLDEN.glob("*.ldif")) if p.name.startswith(prefixes)]
    strays = [p.name for p in GOLDEN.glob("*.[qe]*") if not p.with_suffix(".ldif").exists()]
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
