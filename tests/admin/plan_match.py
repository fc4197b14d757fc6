#!/usr/bin/python3
"""plan_match.py EXPECT FIELD <ACTUAL: whether the JSON on standard input is what FIELD of the
file EXPECT says. Members that are not expected are ignored, lists have to be as long."""
import json
import sys


def differences(want, got, at):
    if isinstance(want, dict) and isinstance(got, dict):
        for key, value in want.items():
            if key not in got:
                yield f"{at}.{key} is missing"
            else:
                yield from differences(value, got[key], f"{at}.{key}")
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            yield f"{at} has {len(got)} items, not {len(want)}: {json.dumps(got)}"
        for i, (value, other) in enumerate(zip(want, got)):
            yield from differences(value, other, f"{at}[{i}]")
    elif want != got or type(want) is not type(got):
        yield f"{at} is {json.dumps(got)}, not {json.dumps(want)}"


with open(sys.argv[1], encoding="utf-8") as file:
    expected = json.load(file)[sys.argv[2]]
found = list(differences(expected, json.load(sys.stdin), sys.argv[2]))
print("\n".join(found))
sys.exit(1 if found else 0)
