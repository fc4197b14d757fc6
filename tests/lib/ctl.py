#!/usr/bin/python3
"""ctl.py SOCKET VERB [ARGS-AS-JSON]: asks a control socket and prints the rows as JSON lines.

Follows the cursors of a list. Exit status 1 when the daemon answers with an error, 2 when it
cannot be reached.
"""
import json
import socket
import sys


def ask(s, verb, args):
    s.sendall(json.dumps({"v": 1, "id": 1, "verb": verb, "args": args}).encode() + b"\n")


def main():
    path, verb = sys.argv[1:3]
    args = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    try:
        s.connect(path)
        ask(s, verb, args)
        for line in s.makefile():
            answer = json.loads(line)
            if "row" in answer:
                print(json.dumps(answer["row"]), flush=True)
            elif "error" in answer:
                print(answer["error"]["text"], file=sys.stderr)
                return 1
            elif "cursor" in answer["end"]:
                ask(s, verb, args | {"cursor": answer["end"]["cursor"]})
            else:
                return 0
    except OSError as e:
        print(e, file=sys.stderr)
    return 2


sys.exit(main())
