"""What RtMidi does not tell about JACK: whether the server lives, and which port is really the same one.

RtMidi's client goes on listing the ports of a server that has died, and its constructor blocks with the
interpreter lock held when a server hangs. So a small client of our own asks first, through the same
libjack that RtMidi is linked to. ctypes lets the interpreter go on during every call.
"""

from __future__ import annotations

import ctypes
from itertools import count, takewhile

from rtmidi import _rtmidi

_CLIENT_NAME = b"timbred-probe"
_MIDI_TYPE = b"8 bit raw midi"
_PORT_IS_OUTPUT = 2
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

    def sources(self) -> dict[str, bytes | None]:
        """MIDI sources: full port name -> which client it belongs to, telling a restarted one from the old.

        (The port's own identity would not do: JACK2 numbers ports by their place in a table.)
        """
        return {
            name.decode("utf-8", "replace"): self._client_uuid(name.split(b":")[0]) for name in self._list()
        }

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

    def _list(self) -> list[bytes]:
        names = self._jack.jack_get_ports(self._client, None, _MIDI_TYPE, _PORT_IS_OUTPUT)
        if not names:
            return []
        try:
            return list(takewhile(lambda name: name is not None, (names[number] for number in count())))
        finally:
            self._jack.jack_free(names)

    def _silence(self) -> None:
        """Keep libjack from writing to standard error each time no server answers.

        Its threads call the given function with a text; ``getpid`` takes no notice of arguments, needs no
        interpreter lock and outlives this object, none of which holds for a Python function.
        """
        silent = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
        self._jack.jack_set_error_function(silent)
        self._jack.jack_set_info_function(silent)
