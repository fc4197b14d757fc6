#!/usr/bin/python3
"""Runs a command on a terminal of its own and answers its questions.

  typist.py ANSWERS COMMAND...

ANSWERS is a file of lines QUESTION<tab>ANSWER, in their order: when the text QUESTION has come,
ANSWER and a line end are typed; the answer ^C is the interrupt key, ^D the end of input. What the
terminal showed goes to standard output, its exit status is the command's; 124 if a question does
not come within 20 s.
"""
import os
import pty
import select
import sys

LIMIT_S = 20
KEYS = {"^C": b"\x03", "^D": b"\x04"}


def main():
    answers = [line.rstrip("\n").split("\t") for line in open(sys.argv[1])]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.argv[2], sys.argv[2:])
    shown, seen = b"", 0
    while True:
        ready, _, _ = select.select([terminal], [], [], LIMIT_S)
        try:
            data = os.read(terminal, 4096) if ready else None
        except OSError:  # how Linux tells that the other side is gone
            break
        if not data:
            sys.stdout.write(shown.decode(errors="replace") + f"\nno question came: {answers[:1]}\n")
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            return 124
        shown += data
        if answers and answers[0][0].encode() in shown[seen:]:
            seen = len(shown)
            answer = answers.pop(0)[1]
            os.write(terminal, KEYS.get(answer, answer.encode() + b"\n"))
    sys.stdout.write(shown.decode(errors="replace").replace("\r\n", "\n"))
    for question, _ in answers:
        print(f"never asked: {question}")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF


sys.exit(main())
