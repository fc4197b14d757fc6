#!/usr/bin/python3
"""A daemon's control socket, spoken by hand: fake_daemon.py SOCKET ANSWERS.json [LOG]

ANSWERS maps a verb to {"rows": […]}, {"error": {…}}, {"pages": [[…], …]} or {"hang": true}. Every
request is appended to LOG as it came. Prints "ready" once it listens.
"""
import json
import os
import socket
import sys

MEBIBYTE = 1024 * 1024


def lines_of(answer, request):
    n = request["id"]
    if "error" in answer:
        return [{"id": n, "error": answer["error"]}]
    rows, end = answer.get("rows", []), {"ok": True}
    if "pages" in answer:
        at = int(request["args"].get("cursor", "0"))
        rows = answer["pages"][at]
        if at + 1 < len(answer["pages"]):
            end["cursor"] = str(at + 1)
    return [{"id": n, "row": row} for row in rows] + [{"id": n, "end": end}]


def serve(connection, answers, log):
    with connection, connection.makefile("rb") as lines:
        for line in lines:
            if log:
                with open(log, "ab") as out:
                    out.write(line)
            request = json.loads(line)
            answer = answers.get(request["verb"])
            if answer is None:
                answer = {"error": {"code": "usage", "text": "no such verb", "remedy": ""}}
            if answer.get("hang"):
                continue
            for reply in lines_of(answer, request):
                connection.sendall(json.dumps(reply).encode() + b"\n")


def main():
    path, answers_file = sys.argv[1:3]
    log = sys.argv[3] if len(sys.argv) > 3 else None
    with socket.socket(socket.AF_UNIX) as listener:
        if os.path.exists(path):
            os.unlink(path)
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while True:
            with open(answers_file, encoding="utf-8") as source:
                connection = listener.accept()[0]
                serve(connection, json.load(source), log)


if __name__ == "__main__":
    main()
