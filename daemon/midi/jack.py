"""What RtMidi does not tell about JACK: whether the server lives, and which port is really the same one.

RtMidi's client goes on listing the ports of a server that has died, and its constructor blocks with the
interpreter lock held when a server hangs. So a small client of our own asks first, through the same
libjack that RtMidi is linked to. ctypes lets the interpreter go on during every call.
"""

from __future__ import annotations

import ctypes
from itertools import count, takewhile
from typing import Any

from rtmidi import _rtmidi

from daemon.midi.sources import Source

_CLIENT_NAME = b"timbred-probe"
_MIDI_TYPE = b"8 bit raw midi"
_PORT_IS_OUTPUT = 2
_PORT_IS_PHYSICAL = 4
_NO_START_SERVER = 1

_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "jack_client_open": (ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]),
    "jack_client_close": (ctypes.c_int, [ctypes.c_void_p]),
    "jack_get_client_name": (ctypes.c_char_p, [ctypes.c_void_p]),
    "jack_get_uuid_for_client_name": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
    "jack_get_ports": (
        ctypes.POINTER(ctypes.c_char_p),
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong],
    ),
    "jack_port_by_name": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
    "jack_port_flags": (ctypes.c_int, [ctypes.c_void_p]),
    "jack_port_get_all_connections": (ctypes.POINTER(ctypes.c_char_p), [ctypes.c_void_p, ctypes.c_void_p]),
    "jack_free": (None, [ctypes.c_void_p]),
    "jack_set_error_function": (None, [ctypes.c_void_p]),
    "jack_set_info_function": (None, [ctypes.c_void_p]),
}


class JackProbe:
    """A JACK client without ports that sees the MIDI sources of a living server.

    Thread: the MIDI thread only. A call can hang for as long as the server hangs; no lock is held then.

    Raises
    ------
    OSError
        if libjack lacks a function it needs.
    """

    def __init__(self) -> None:
        self._jack = ctypes.CDLL(_rtmidi.__file__)  # looks in the libraries it is linked to as well
        for name, (result, arguments) in _SIGNATURES.items():
            try:
                function = getattr(self._jack, name)
            except AttributeError:
                raise OSError(f"libjack has no {name}") from None
            function.restype, function.argtypes = result, arguments
        self._client: int | None = None
        self._silence()

    def connect(self) -> bool:
        """True if a server is there and answers. After one has died the first answer is False, always."""
        if self._client is None:
            self._client = self._jack.jack_client_open(_CLIENT_NAME, _NO_START_SERVER, None)
        elif self._client_uuid(self._jack.jack_get_client_name(self._client)) is None:
            self.close()
        return self._client is not None

    def sources(self) -> dict[str, Source]:
        """MIDI sources there are now, by full port name."""
        names = self._strings(self._jack.jack_get_ports(self._client, None, _MIDI_TYPE, _PORT_IS_OUTPUT))
        return {name.decode("utf-8", "replace"): self._source(name) for name in names}

    def close(self) -> None:
        """Leave the server; no error if it is gone."""
        if self._client is not None:
            self._jack.jack_client_close(self._client)
            self._client = None

    def _client_uuid(self, client_name: bytes) -> bytes | None:
        """A client's number in its server, from the server itself; None if it or the server is not there."""
        uuid = self._jack.jack_get_uuid_for_client_name(self._client, client_name)
        if uuid is None:
            return None
        try:
            return ctypes.string_at(uuid)
        finally:
            self._jack.jack_free(uuid)

    def _source(self, name: bytes) -> Source:
        # The port's own identity would not do: JACK2 numbers ports by their place in a table.
        identity = self._client_uuid(name.split(b":")[0])
        port = self._jack.jack_port_by_name(self._client, name)
        if port is None:  # gone since it was listed
            return Source(identity)
        hardware = bool(self._jack.jack_port_flags(port) & _PORT_IS_PHYSICAL)
        peers = self._strings(self._jack.jack_port_get_all_connections(self._client, port))
        return Source(identity, hardware, tuple(peer.decode("utf-8", "replace") for peer in peers))

    def _strings(self, array: Any) -> list[bytes]:
        """The names in a null-ended array of libjack's, which is freed."""
        if not array:
            return []
        try:
            return list(takewhile(lambda name: name is not None, (array[number] for number in count())))
        finally:
            self._jack.jack_free(array)

    def _silence(self) -> None:
        """Keep libjack from writing to standard error each time no server answers.

        Its threads call the given function with a text; ``getpid`` takes no notice of arguments, needs no
        interpreter lock and outlives this object, none of which holds for a Python function.
        """
        silent = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
        self._jack.jack_set_error_function(silent)
        self._jack.jack_set_info_function(silent)
