"""Runs a program with some of its streams at a terminal: terminal.py STREAMS WORDS..., STREAMS such as "12".

Prints {"code", "terminal", "out", "err"}: what came at the terminal, and what came through pipes.
"""

import json
import os
import pty
import subprocess
import sys
import threading

streams, words = sys.argv[1], sys.argv[2:]
leader, follower = pty.openpty()
at = lambda number: follower if str(number) in streams else subprocess.PIPE
child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=at(1), stderr=at(2))
os.close(follower)
read = {"terminal": b"", "out": b"", "err": b""}


def follow(name, stream):
    while True:
        try:
            piece = os.read(stream, 65536)
        except OSError:  # the other end of a terminal is gone
            return
        if not piece:
            return
        read[name] += piece


sources = [("terminal", leader)]
sources += [("out", child.stdout.fileno())] if child.stdout else []
sources += [("err", child.stderr.fileno())] if child.stderr else []
threads = [threading.Thread(target=follow, args=source) for source in sources]
for thread in threads:
    thread.start()
code = child.wait()
for thread in threads:
    thread.join()
texts = {name: text.decode("utf-8", "replace").replace("\r\n", "\n") for name, text in read.items()}
print(json.dumps({"code": code, **texts}))
