"""A foreign MIDI program: JACK ports that send what standard input says, one line of JSON at a time.

``["open", NAME, PHYSICAL]``, ``["connect", TARGET]``, ``["send", [byte, ...], ...]``, ``["quit"]``.
Every line is answered by one: null, or for "send" CLOCK_MONOTONIC ns when the messages were handed to JACK.
"""

from __future__ import annotations

import json
import queue
import sys
import time

import jack


class Sender:
    """One JACK client with one MIDI output."""

    def __init__(self, name: str, physical: bool) -> None:
        self._messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._sent_ns = 0
        self._client = jack.Client(name, no_start_server=True)
        self._port = self._client.midi_outports.register("out", is_physical=physical)
        self._client.set_process_callback(self._process)
        self._client.activate()

    def connect(self, target: str) -> None:
        self._client.connect(self._port, target)

    def send(self, messages: list[list[int]]) -> int:
        self._sent_ns = 0
        for message in messages:
            self._messages.put(bytes(message))
        while not self._messages.empty() or not self._sent_ns:
            time.sleep(0.001)
        return self._sent_ns

    def _process(self, frames: int) -> None:
        self._port.clear_buffer()
        offset = 0
        while not self._messages.empty() and offset < frames:
            self._port.write_midi_event(offset, self._messages.get())
            self._sent_ns = time.monotonic_ns()
            offset += 1


def main() -> None:
    """Obey until told to quit or standard input ends."""
    sender: Sender | None = None
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        answer: int | None = None
        if verb == "open":
            sender = Sender(*arguments)
        elif verb == "quit":
            return
        elif sender is not None and verb == "connect":
            sender.connect(*arguments)
        elif sender is not None and verb == "send":
            answer = sender.send(arguments)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
