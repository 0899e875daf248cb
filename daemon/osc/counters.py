"""What the OSC door counts; read by ``/status`` and by tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Counters:
    """Since the start.

    Attributes
    ----------
    received : datagrams read.
    malformed : packets and bundle elements that could not be read.
    errors : refusals of any kind, told to the sender or not.
    dropped : datagrams not sent, because of a limit or the network.
    lost : datagrams the system threw away unread because they came too fast.
    late : messages whose time tag had passed when they arrived.
    failures : handlers that broke; each is a mistake in the program.
    """

    received: int = 0
    malformed: int = 0
    errors: int = 0
    dropped: int = 0
    lost: int = 0
    late: int = 0
    failures: int = 0
