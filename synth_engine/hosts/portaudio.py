"""PortAudio as host: which outputs there are, and a stream that runs the compiled callback.

sounddevice passes a C function pointer on untouched, so no interpreter runs in the callback.
PortAudio looks for devices only once, when it is loaded; a new list needs a new process.
"""

from __future__ import annotations

import contextlib
import ctypes
import fnmatch
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth_engine.abi import HostKind
from synth_engine.hosts.context import HostContext
from synth_engine.kernel.compiled import load_kernel
from synth_engine.shared_memory import EngineMemory

_CLIENT_NAME = ctypes.create_string_buffer(b"timbred")  # PortAudio keeps the pointer, not a copy
_JACK = "JACK Audio Connection Kit"
_PERIODS = 3  # blocks of latency asked of hosts that buffer themselves
_PRIORITY = 70  # SCHED_FIFO; below JACK's own threads, above everything ordinary
_TASKS = Path("/proc/self/task")


class HostUnavailable(OSError):
    """No sound can come out; the message says why and what would help."""


@dataclass(frozen=True)
class OutputDevice:
    """One output of PortAudio's list.

    Attributes
    ----------
    name, host_api : str
        `label` joins them; it is what a pattern is compared with.
    channels, rate_hz : int
        Most channels, and the rate it runs at by itself.
    is_default : bool
        What plays if no pattern is given.
    index : int
        Its place in this process's list; of no meaning elsewhere.
    """

    name: str
    host_api: str
    channels: int
    rate_hz: int
    is_default: bool
    index: int

    @property
    def label(self) -> str:
        """Name and host API, as shown to people."""
        return f"{self.name} ({self.host_api})"


def list_outputs() -> list[OutputDevice]:
    """Outputs with at least two channels, the default one first.

    Raises
    ------
    HostUnavailable
        If PortAudio is not installed or does not start.
    """
    sounddevice = _load_sounddevice()
    try:
        apis = sounddevice.query_hostapis()
        devices = sounddevice.query_devices()
        preferred = _default_index(apis, sounddevice.default.device[1])
    except sounddevice.PortAudioError as error:
        raise HostUnavailable(f"PortAudio cannot list its devices: {error}") from error
    outputs = [
        OutputDevice(
            name=device["name"],
            host_api=apis[device["hostapi"]]["name"],
            channels=device["max_output_channels"],
            rate_hz=round(device["default_samplerate"]),
            is_default=device["index"] == preferred,
            index=device["index"],
        )
        for device in devices
        if device["max_output_channels"] >= 2
    ]
    return sorted(outputs, key=lambda output: not output.is_default)


def choose_output(outputs: list[OutputDevice], pattern: str | None) -> OutputDevice:
    """The output to play on.

    Parameters
    ----------
    outputs : list of OutputDevice
        In the order of `list_outputs`.
    pattern : str or None
        Part of a label, or a glob (``*USB*``), in any case; None is the default output.

    Raises
    ------
    HostUnavailable
        If there is none, or none matches: another device is never taken silently.
    """
    if not outputs:
        raise HostUnavailable(
            "PortAudio finds no output device: connect one, or start a sound server (JACK, PipeWire)"
        )
    if not pattern:
        return outputs[0]
    wanted = pattern.casefold()
    for output in outputs:
        label = output.label.casefold()
        if wanted in label or fnmatch.fnmatchcase(label, wanted):
            return output
    names = ", ".join(repr(output.label) for output in outputs)
    raise HostUnavailable(f"no output device matches {pattern!r}; there are {names}")


class PortAudioHost:
    """The compiled callback on an output device.

    Parameters
    ----------
    memory : EngineMemory
    pattern : str or None
        See `choose_output`.
    rate_hz, block_frames : int
        Wishes. A JACK server's rate and block are taken as they are, and so is the rate of a device
        that refuses the wish.

    Attributes
    ----------
    host, device : str
        Host API and name of what was opened.
    rate_hz : int
    latency_ms : float
        What the driver says.

    Raises
    ------
    HostUnavailable
        If PortAudio is missing, no device fits, or it cannot be opened.
    """

    def __init__(self, memory: EngineMemory, pattern: str | None, rate_hz: int, block_frames: int) -> None:
        self._memory = memory
        output = choose_output(list_outputs(), pattern)
        self.host, self.device = output.host_api, output.name
        self._kernel = load_kernel()
        self._context = HostContext(memory)
        self._stream = self._open(output, rate_hz, block_frames)
        self.rate_hz = round(self._stream.samplerate)
        self.latency_ms = 1000.0 * float(self._stream.latency)
        self._context.announce(self.rate_hz, HostKind.PORTAUDIO)

    @property
    def block_frames(self) -> int:
        """Frames of the last block; the host decides."""
        return int(self._memory.record["telemetry"]["block_frames"])

    def start(self) -> None:
        """Begin; the device's thread calls the kernel from now on.

        Raises
        ------
        HostUnavailable
            If the device does not start.
        """
        before = _threads()
        try:
            self._stream.start()
        except _load_sounddevice().PortAudioError as error:
            raise HostUnavailable(f"{self.device}: cannot be started: {error}") from error
        if self.host != _JACK:  # JACK's library sees to its own threads
            _raise_priority(_threads() - before)

    def fade(self) -> None:
        """Let the output fall silent within about 40 ms."""
        self._context.record["closing"] = 1

    def close(self) -> None:
        """End the stream and leave the sound server. May hang for ever if that server is dead."""
        self._stream.abort()
        self._stream.close()
        _load_sounddevice()._terminate()

    def _open(self, output: OutputDevice, rate_hz: int, block_frames: int) -> Any:
        wishes = [(rate_hz, block_frames), (output.rate_hz, block_frames)]
        if output.host_api == _JACK:
            wishes = [(output.rate_hz, 0)]
        complaint: Exception | None = None
        for rate, block in dict.fromkeys(wishes):
            try:
                return self._open_at(output, rate, block)
            except _load_sounddevice().PortAudioError as error:
                complaint = error
        raise HostUnavailable(f"{output.label}: cannot be opened: {complaint}")

    def _open_at(self, output: OutputDevice, rate_hz: int, block_frames: int) -> Any:
        sounddevice = _load_sounddevice()
        pointer = sounddevice._ffi.cast
        return sounddevice._StreamBase(
            "output",
            device=output.index,
            samplerate=rate_hz,
            blocksize=block_frames,
            channels=2,
            dtype="float32",
            latency=_PERIODS * block_frames / rate_hz if block_frames else "low",
            clip_off=True,
            dither_off=True,
            callback=pointer("void *", self._kernel.callback_address),
            userdata=pointer("void *", self._context.address),
            wrap_callback=None,
        )


def check_output(pattern: str | None) -> None:
    """Open and close the output that a `PortAudioHost` would take, without a sound.

    Raises
    ------
    HostUnavailable
        If that does not work.
    """
    output = choose_output(list_outputs(), pattern)
    sounddevice = _load_sounddevice()
    try:
        sounddevice.RawOutputStream(
            device=output.index, channels=2, dtype="float32", samplerate=output.rate_hz
        ).close()
    except sounddevice.PortAudioError as error:
        raise HostUnavailable(f"{output.label}: cannot be opened: {error}") from error


def _load_sounddevice() -> Any:
    """The sounddevice module; the first import starts PortAudio, under our name in JACK's graph."""
    with contextlib.suppress(OSError, AttributeError):  # elsewhere the library has another name, or no JACK
        ctypes.CDLL("libportaudio.so.2").PaJack_SetClientName(_CLIENT_NAME)
    try:
        import sounddevice  # noqa: PLC0415  its import starts PortAudio
    except OSError as error:
        raise HostUnavailable(
            f"PortAudio is not installed ({error}): sudo apt-get install libportaudio2"
        ) from error
    except Exception as error:
        if type(error).__name__ != "PortAudioError":
            raise
        raise HostUnavailable(f"PortAudio does not start: {error}") from error
    return sounddevice


def _default_index(apis: tuple[dict[str, Any], ...], default: int) -> int:
    """JACK's output if its server runs (it then has the sound card), else PortAudio's own choice."""
    for api in apis:
        if api["name"] == _JACK and api["default_output_device"] >= 0:
            return int(api["default_output_device"])
    return int(default)


def _threads() -> set[int]:
    return {int(task.name) for task in _TASKS.iterdir()} if _TASKS.is_dir() else set()


def _raise_priority(threads: set[int]) -> None:
    """Real-time priority for the device's thread, if the system lets us; PortAudio never asks for it."""
    for thread in threads:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(_PRIORITY))
