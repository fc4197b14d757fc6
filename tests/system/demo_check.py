#!/usr/bin/python3
"""Compares what the demonstration explained with what happened.

  demo_check.py OUTPUT MAIL

OUTPUT is what demo.sh printed, MAIL its folder of sinks. For every act and recipient three
paths have to be the same: the servers of the explanation, the hops of the trace, and, as the
witness that neither of the two made, the Received fields of the message that arrived. The
journals have to hold these messages and no other.
"""
import email
import glob
import json
import os
import re
import sys

SENDER = "louis@example.com"


def acts(text):
    """The parts of the output that begin with "N. ", each with its two halves."""
    for part in re.split(r"\n(?=\d+\. )", text)[1:]:
        explained, happened = part.split("What happened to ", 1)
        yield explained, happened.split("\n\n")[0]


def recipients_of(explained):
    return re.search(r"route --explain (.*)", explained).group(1).split()


def explained_path(explained, recipient):
    """LYON-HUB1, the servers at which the route went on, and where it ends."""
    path, end = ["LYON-HUB1"], None
    for server, whom, does in re.findall(r"^ +at (\S+) +(\S+) (.*)$", explained, re.M):
        if whom == recipient:
            path.append(server)
            end = re.search(r"(?:mailbox server|leaves by connector) (\S+)$", does)
    return path, end.group(1)


def explained_stops(explained, recipient):
    """The sites of the first server's answer, which looks farther than its own next hop."""
    answer = re.search(rf"^ +{re.escape(recipient)}\n((?: {{6}}.*\n)+)", explained, re.M).group(1)
    return re.search(r"stops +(.*)", answer).group(1).split(", ")


def traced_path(happened, recipient, several):
    path, end = [], None
    for line in happened.splitlines():
        hop = re.match(r" +\d+ ms +(\S+) +→ (\S+) +(.*)$", line)
        if hop and (not several or recipient in hop.group(3)):
            path.append(hop.group(1))
            end = hop.group(2)
            own = end.endswith("-HUB1") or end == "EDGE1"
            assert own == ("pinned" in hop.group(3)), line
            assert own == hop.group(3).startswith("Implicit to "), line
    return path, end


def arrived_path(mail, sink, message_id):
    """The servers by the Received fields, the first one first."""
    found = []
    for name in glob.glob(os.path.join(mail, sink, "*.eml")):
        with open(name, "rb") as file:
            message = email.message_from_binary_file(file)
        if message["Message-ID"] == message_id:
            found.append(message)
    assert len(found) == 1, f"{sink} has {len(found)} of {message_id}"
    hosts = [re.search(r"\sby (\S+?)\.example\.com\s", field).group(1).upper()
             for field in reversed(found[0].get_all("Received"))]
    return hosts


def journal(mail, sink):
    with open(os.path.join(mail, sink + ".jsonl"), encoding="utf-8") as file:
        return sorted((r["from"], tuple(r["rcpts"])) for r in map(json.loads, file))


def check_act(mail, explained, happened, expected):
    """Returns the path to each recipient; adds to EXPECTED what each sink should have got."""
    paths = {}
    recipients = recipients_of(explained)
    message_id = happened.split(":", 1)[0]
    for recipient in recipients:
        path, end = explained_path(explained, recipient)
        sites = [server.split("-")[0].lower() for server in path[1:] if server != "EDGE1"]
        assert sites == [s.lower() for s in explained_stops(explained, recipient)], explained
        traced, traced_end = traced_path(happened, recipient, len(recipients) > 1)
        assert traced == path, f"{recipient}: explained {path}, traced {traced}"
        assert end == "Internet" or traced_end == end, f"{recipient}: {end}, {traced_end}"
        arrived = arrived_path(mail, end, message_id)
        assert arrived == path, f"{recipient}: explained {path}, arrived by {arrived}"
        expected.setdefault(end, []).append((SENDER, (recipient,)))
        paths[recipient] = path
    return paths


def main(output, mail):
    with open(output, encoding="utf-8") as file:
        text = file.read()
    expected, paths, halves = {}, [], list(acts(text))
    for explained, happened in halves:
        paths.append(check_act(mail, explained, happened, expected))
    direct, by_hub = ["LYON-HUB1", "OSLO-HUB1"], ["LYON-HUB1", "HQ-HUB1", "OSLO-HUB1"]
    assert paths == [{"olga@example.com": by_hub},
                     {"bob@outside.example": ["LYON-HUB1", "HQ-HUB1", "EDGE1"]},
                     {"hanna@example.com": by_hub[:2], "olga@example.com": by_hub},
                     {"olga@example.com": direct}], paths
    assert halves[2][1].count("→ HQ-HUB1") == 1, "two copies travelled to the fork"
    for name in glob.glob(os.path.join(mail, "*.jsonl")):
        sink = os.path.basename(name)[:-len(".jsonl")]
        assert journal(mail, sink) == sorted(expected.get(sink, [])), f"the journal of {sink}"
    assert re.search(r"had it \d+ ms after the modify began: snapshot (\d+) → (?!\1\b)\d+", text)


if __name__ == "__main__":
    main(*sys.argv[1:])
