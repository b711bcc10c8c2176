"""Signals are heeded at once, whoever of the program's threads the system gives them to."""

from __future__ import annotations

import subprocess
import sys

# A signal that another thread takes does not end the main thread's call: as one that comes right before it.
PROGRAM = """
import signal, socket, sys, threading, time
from pathlib import Path
from kubectl_kagent.cli.interrupt import heed_signals

heed_signals()
main = f"/proc/self/task/{threading.get_native_id()}/stat"
reading, other = socket.socketpair()

def missed():
    while Path(main).read_text().rpartition(")")[2].split()[0] != "S":
        time.sleep(0.01)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.Thread(target=missed).start()
try:
    reading.recv(1)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_signal_that_does_not_end_the_call_is_heeded_all_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr, done.returncode) == ("interrupted\n", "", 0)
