#!/usr/bin/python3
"""What a message will do, and what it did: the storyteller of the demonstration.

  journey.py explain FOLDER SERVER RECIPIENT…   the route, as SERVER explains it, then stop by stop
  journey.py trace   FOLDER [MESSAGE-ID]        what really happened to it, or to the last message
  journey.py follow  FOLDER MESSAGE-ID          tell of every message that comes after that one

FOLDER holds one folder for each host, named after its server: SERVER/waypost.conf and
SERVER/state/log/track-*.jsonl (doc/tracking.md). The records of all hosts are joined by the
Message-ID; a hop is where the reply that a SEND got names the transaction of a RECEIVE.
Environment: WAYPOST_BIN, the folder with the programs. `trace` waits until the message is at its
end everywhere, WP_TRACE_SECONDS (20) at most.
"""
import glob
import json
import os
import subprocess
import sys
import time
from datetime import datetime

STOPS_MAX = 16
STILL_MS = 2000
FINAL = ("SEND", "DELIVER", "FAIL", "DROP")
TROUBLE = {"DEFER": "waits for", "FAIL": "gives up on", "DROP": "drops it by rule"}


# --- explain --------------------------------------------------------------------------------


def route(folder, server, *arguments):
    """What `waypost route` of this host prints."""
    command = [os.path.join(os.environ["WAYPOST_BIN"], "waypost"), "--config",
               os.path.join(folder, server, "waypost.conf"), "route", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=20, check=False)
    if done.returncode != 0 or not done.stdout:
        sys.exit(f"journey.py: {' '.join(command)} ended with {done.returncode}")
    return done.stdout


def explain(folder, server, recipients):
    print(route(folder, server, "--explain", *recipients), end="")
    for recipient in recipients:
        follow_route(folder, server, recipient)


def follow_route(folder, server, recipient):
    """The servers that come next, each asked in its own replica, one line each."""
    for _ in range(STOPS_MAX):
        answer = json.loads(route(folder, server, "--json", recipient))
        if isinstance(answer, list):
            answer = answer[0]
        if not answer.get("servers"):
            return
        server = answer["servers"][0]
        summary = route(folder, server, recipient).splitlines()[1].strip()
        print(f"at {server:<10} {recipient} {summary}")


# --- trace ----------------------------------------------------------------------------------


def records(folder):
    """Every record of every host; a last line that is still being written is left for later."""
    for name in glob.glob(os.path.join(glob.escape(folder), "*/state/log/track-*.jsonl")):
        with open(name, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.endswith("\n"):
                    yield json.loads(line)


class Journey:
    """All records of one message. A copy is the message in the spool of one host."""

    def __init__(self, rows):
        self.copies = [r for r in rows if r["event"] in ("RECEIVE", "DSN")]
        self.outcomes = {}
        for row in rows:
            if row["event"] in FINAL + ("DEFER",):
                self.outcomes.setdefault((row["server"], row["id"]), []).append(row)
        for row in rows:
            row["ms"] = datetime.fromisoformat(row["time"].replace("Z", "+00:00")).timestamp() * 1000
        self.begin = min((r["ms"] for r in self.copies), default=0)
        arrived = [self.next_copy(r) for rs in self.outcomes.values() for r in rs]
        self.roots = [c for c in self.copies if not any(c is a for a in arrived)]

    def of(self, copy):
        return sorted(self.outcomes.get((copy["server"], copy["id"]), []), key=lambda r: r["ms"])

    def next_copy(self, row):
        """The copy that the peer made of what this SEND gave to it."""
        if row["event"] != "SEND":
            return None
        return next((c for c in self.copies if c["transaction"] in row.get("reply", "")), None)

    def is_over(self):
        """Every recipient of every copy has its end, and what went to an own server is there."""
        for copy in self.copies:
            done = [r for r in self.of(copy) if r["event"] in FINAL]
            ended = [a for r in done for a in r.get("recipients", [r.get("recipient")])]
            if not set(copy.get("resolved", copy["recipients"])) <= set(ended):
                return False
            if any(r.get("tls", "").endswith("pinned") and not self.next_copy(r) for r in done
                   if r["event"] == "SEND"):
                return False
        return bool(self.copies)

    def is_still(self):
        """Nothing was recorded of it for a while."""
        last = max((r["ms"] for rs in self.outcomes.values() for r in rs), default=self.begin)
        return time.time() * 1000 - max(last, self.begin) > STILL_MS

    def lines(self):
        several = len({r for c in self.copies for r in c.get("resolved", c["recipients"])}) > 1
        for root in sorted(self.roots, key=lambda c: c["ms"]):
            does = f"← {root['sender']}" if root["event"] == "RECEIVE" else "tells the sender"
            yield self.line(root, does, root.get("receive_connector", ""))
            yield from self.hops(root, several)

    def hops(self, copy, several):
        """What became of COPY, and of what the next servers made of it."""
        for row in self.of(copy):
            arrival = self.next_copy(row)
            peer = arrival["server"] if arrival else row.get("next_hop", row.get("host", ""))
            whom = ", ".join(row.get("recipients", [])) if several else ""
            if row["event"] in ("SEND", "DELIVER"):
                yield self.line(row, f"→ {peer}", row["connector"], channel(row), whom)
            else:
                yield self.line(row, f"{TROUBLE[row['event']]} {peer}", row.get("reply", ""), whom)
            if arrival:
                yield from self.hops(arrival, several)
        if not self.of(copy):
            yield self.line(copy, "keeps it for", ", ".join(copy.get("next_hops", [])))

    def line(self, row, does, *how):
        how = "".join(f"{text:<20} " for text in how)
        return f"{row['ms'] - self.begin:5.0f} ms  {row['server']:<9} {does:<20} {how}".rstrip()


def channel(row):
    """Of the connection what matters: "TLSv1.3 pinned" without the cipher."""
    words = row.get("tls", "in clear").split()
    return " ".join(words[:1] + words[2:]) if words[0].startswith("TLS") else " ".join(words)


def journeys(folder):
    """Message-ID → its journey, in the order of their beginnings."""
    rows = {}
    for row in records(folder):
        rows.setdefault(row.get("message_id", ""), []).append(row)
    made = [(name, Journey(list_)) for name, list_ in rows.items()]
    return dict(sorted(made, key=lambda pair: pair[1].begin))


def tell(journey):
    for line in journey.lines():
        print(line, flush=True)


def trace(folder, message_id=None):
    until = time.monotonic() + float(os.environ.get("WP_TRACE_SECONDS", "20"))
    while True:
        found = journeys(folder)
        name = message_id or next(reversed(found), None)
        if name in found and found[name].is_over():
            return tell(found[name])
        if time.monotonic() > until:
            break
        time.sleep(0.05)
    if name in found:
        tell(found[name])
    sys.exit(f"journey.py: {name or 'no message'} is not at its end everywhere")


def follow(folder, message_id):
    """Tells of each message when it is at its end, and before that if it has come to wait."""
    told = {}
    while True:
        found = journeys(folder)
        for name, journey in found.items():
            state = "over" if journey.is_over() else "waits" if journey.is_still() else "moves"
            if journey.begin <= found[message_id].begin or state in (told.get(name), "moves"):
                continue
            told[name] = state
            print(f"\n  What happened to {name}{' so far' if state == 'waits' else ''}:")
            for line in journey.lines():
                print("   ", line, flush=True)
        time.sleep(0.3)


def main(arguments):
    verb, folder = (arguments + ["", ""])[:2]
    if verb == "explain" and len(arguments) > 3:
        explain(folder, arguments[2], arguments[3:])
    elif verb == "trace" and 2 <= len(arguments) <= 3:
        trace(folder, *arguments[2:])
    elif verb == "follow" and len(arguments) == 3:
        follow(folder, arguments[2])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
