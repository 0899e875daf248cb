"""MIDI 1.0 byte stream -> whole messages: running status, real-time bytes anywhere, no system exclusive."""

from __future__ import annotations

from collections.abc import Iterable

Message = tuple[int, int, int]  # status byte (channel included), first and second data byte (0 where absent)

SYSEX_START = 0xF0
ACTIVE_SENSING = 0xFE
SYSTEM_RESET = 0xFF
_FIRST_REAL_TIME = 0xF8
_FIRST_SYSTEM = 0xF0
_SYSTEM_COMMON_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # quarter frame, song position, song select


def _data_bytes_after(status: int) -> int:
    if status >= _FIRST_SYSTEM:
        return _SYSTEM_COMMON_DATA_BYTES.get(status, 0)
    return 1 if 0xC0 <= status < 0xE0 else 2


class Parser:
    """Turns any bytes, in any portions, into messages; what cannot be one is counted and dropped.

    Holds at most two bytes of an unfinished message, so nothing a sender does makes it grow. Channel
    messages, active sensing and system reset come out; clock, transport, system common and system
    exclusive are read over.

    Attributes
    ----------
    malformed : int, data bytes without a status and messages broken off by another.

    Source
    ------
    MIDI 1.0 Detailed Specification 4.2, "Data Format" and "Running Status".
    """

    def __init__(self) -> None:
        self.malformed = 0
        self._status = 0  # 0: none; system common messages stay only until they are complete
        self._needed = 0
        self._first: int | None = None  # first data byte of an unfinished two-byte message
        self._in_sysex = False

    def feed(self, data: Iterable[int]) -> list[Message]:
        """The messages completed by ``data`` (integers; anything outside 0..255 counts as malformed)."""
        messages: list[Message] = []
        for byte in data:
            if 0 <= byte < 0x80:
                self._data_byte(byte, messages)
            elif _FIRST_REAL_TIME <= byte <= SYSTEM_RESET:
                if byte >= ACTIVE_SENSING:
                    messages.append((byte, 0, 0))
            elif 0x80 <= byte < _FIRST_REAL_TIME:
                self._status_byte(byte)
            else:
                self.malformed += 1
        return messages

    def _status_byte(self, status: int) -> None:
        if self._first is not None:
            self.malformed += 1
        self._first = None
        self._in_sysex = status == SYSEX_START
        self._needed = _data_bytes_after(status)
        self._status = status if self._needed else 0

    def _data_byte(self, byte: int, messages: list[Message]) -> None:
        if self._in_sysex:
            return
        if not self._status:
            self.malformed += 1
            return
        if self._needed == 2 and self._first is None:
            self._first = byte
            return
        first, second = (byte, 0) if self._first is None else (self._first, byte)
        self._first = None
        if self._status < _FIRST_SYSTEM:
            messages.append((self._status, first, second))
        else:
            self._status = 0  # system common messages have no running status
