"""The MIDI systems there are here, and their inputs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

from daemon.midi.alsa import display_name
from daemon.midi.systems import MidiSystem, MidiUnavailableError


def system_makers(api: str = "auto") -> list[Callable[[], MidiSystem]]:
    """Ways to try in turn. ``api``: "auto", "alsa", "jack", "core" or "windows".

    Where python-rtmidi does not load (it wants libasound on Linux) the only way is one that says so.

    Raises
    ------
    MidiUnavailableError
        for a name that is none of these, or that this python-rtmidi was built without.
    """
    try:
        backends = importlib.import_module("daemon.midi.backends")
    except ImportError as error:
        reason = f"python-rtmidi does not load: {error}"

        def none() -> MidiSystem:
            raise MidiUnavailableError(reason)

        return [none]
    makers: list[Callable[[], MidiSystem]] = backends.makers(api)
    return makers


def list_inputs(api: str = "auto") -> list[str]:
    """Names of the MIDI inputs there are now, as maps and ``--midi`` patterns see them.

    Raises
    ------
    OSError
        if there is no MIDI system.
    """
    reasons = []
    for make_system in system_makers(api):
        try:
            system = make_system()
            try:
                return [display_name(name) for name in system.inputs()]
            finally:
                system.close()
        except OSError as error:
            reasons.append(str(error))
    raise MidiUnavailableError("; ".join(reasons) or f"python-rtmidi on {sys.platform} has no MIDI system")
