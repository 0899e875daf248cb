"""``python -m synth_engine.render --fd N``: the render worker, started by control.

``N`` is one end of a stream socket pair that control made and left open for this process.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys

from synth_engine.render.worker import Worker

NICENESS = 10  # audio and control win


def main() -> int:
    """Serve on the inherited socket; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m synth_engine.render", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="inherited stream socket, e.g. --fd 7")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; control decides
    os.nice(NICENESS)
    with socket.socket(fileno=arguments.fd) as connection:
        return Worker(connection).run()


if __name__ == "__main__":
    sys.exit(main())
