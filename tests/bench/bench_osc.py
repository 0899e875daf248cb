"""Messages a second, parse and dispatch: this door against python-osc's, taken in turns in one run.

    python tests/bench/bench_osc.py [--json]

Handlers do nothing on both sides. The ratio is what counts; the figures depend on the machine.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from statistics import median

from pythonosc.dispatcher import Dispatcher as PythonOscDispatcher

from daemon.osc.addresses import Dispatcher
from daemon.osc.calls import Call
from daemon.osc.codec import encode_message, parse_packet
from daemon.osc.endpoints import Endpoint

ROUNDS = 7
MESSAGES = 2000
SENDER = Endpoint("127.0.0.1", 7000)


class IdleSurface:
    """Takes commands and does nothing."""

    def handle(self, command: object) -> tuple[()]:
        return ()


def messages_per_s(work: Callable[[bytes], object], packets: list[bytes]) -> float:
    began_s = time.perf_counter()
    for packet in packets:
        work(packet)
    return len(packets) / (time.perf_counter() - began_s)


def main() -> None:
    ours, surface = Dispatcher(), IdleSurface()
    theirs = PythonOscDispatcher()
    for path in ours.table:
        theirs.map(path, lambda *_: None)

    def through_ours(packet: bytes) -> None:
        for message in parse_packet(packet):
            ours.perform(Call(message.address, message.arguments, 0, SENDER, "osc:bench", surface, None))  # type: ignore[arg-type]

    def through_theirs(packet: bytes) -> None:
        theirs.call_handlers_for_packet(packet, SENDER)

    report = {}
    for name, packet in {
        "note": encode_message("/note", (60, 100)),
        "parameter": encode_message("/pca/7", (1.5,)),
        "pattern": encode_message("/pca/[1-3]", (1.5,)),
    }.items():
        packets = [packet] * MESSAGES
        pairs = [
            (messages_per_s(through_ours, packets), messages_per_s(through_theirs, packets))
            for _ in range(ROUNDS)
        ]
        report[name] = {
            "ours_per_s": round(median(pair[0] for pair in pairs)),
            "python_osc_per_s": round(median(pair[1] for pair in pairs)),
            "ratio": round(median(pair[0] / pair[1] for pair in pairs), 1),
        }
    report["addresses"] = {"count": len(ours.table)}
    if "--json" in sys.argv:
        print(json.dumps(report))
    else:
        for name, row in report.items():
            print(f"{name:10}", "  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
