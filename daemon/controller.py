"""All control state of the instrument, on the control thread: commands in, instrument and listeners out."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from daemon import events
from daemon.journey import Journey
from daemon.key_points import KeyPoints
from daemon.latent_control import LatentControl, PointSink
from daemon.performance import PerformanceSink, perform
from daemon.surface import Argument, Reply
from mappings.documents import did_you_mean
from mappings.parameters import ParameterSpec, Target
from mappings.presets import Preset, PresetError, PresetStore
from pca_cache.labels import DirectionLabel
from pca_cache.latent_point import LatentError, LatentPoint
from synth_engine.abi import KernelParameter

log = logging.getLogger(__name__)

ParameterListener = Callable[[str, float, str], None]  # path, value, source
SEED_BITS = 31  # seeds fit OSC's int32


class InstrumentSink(PerformanceSink, PointSink, Protocol):
    """What the controller needs of ``synth_engine.instrument.Instrument``."""

    def panic(self) -> None:
        """Silence at once."""

    def set_kernel_parameter(self, parameter: KernelParameter, value: float) -> None:
        """Set a kernel parameter, in the kernel's own units."""


class Controller:
    """The one owner of parameter values, latent point and preset name.

    Parameters
    ----------
    instrument : where notes, kernel parameters and latent points go.
    catalogue : rows by path; the only place parameters come from.
    latent : the base point and its PCA coordinates.
    presets : what ``/preset`` and program changes call.

    **Thread** control.
    """

    def __init__(
        self,
        instrument: InstrumentSink,
        catalogue: Mapping[str, ParameterSpec],
        latent: LatentControl,
        presets: PresetStore,
    ) -> None:
        self._instrument = instrument
        self._catalogue = catalogue
        self._latent = latent
        self._presets = presets
        self._values = {path: row.default for path, row in catalogue.items()}
        self._listeners: list[ParameterListener] = []
        self._latent_listeners: list[Callable[[], None]] = []
        self._status: Callable[[], Mapping[str, Argument]] = dict
        self._journey: Journey | None = None
        self._key_points: KeyPoints | None = None
        self.preset_name = ""
        for row in catalogue.values():
            self._apply(row, row.default)

    # -- what doors and the app attach

    def listen(self, listener: ParameterListener) -> None:
        """Have every change of a value told, with the door it came from."""
        self._listeners.append(listener)

    def listen_latent(self, listener: Callable[[], None]) -> None:
        """Have every change of the base point told."""
        self._latent_listeners.append(listener)

    def report_status_by(self, status: Callable[[], Mapping[str, Argument]]) -> None:
        """Let ``/status`` answer with this."""
        self._status = status

    # -- the surface

    def handle(self, command: events.Command) -> Sequence[Reply]:
        """Carry out a command. Raises CommandError in words for the player."""
        if isinstance(command, events.NoteOn | events.NoteOff | events.Sustain | events.PitchBend):
            perform(self._instrument, command)
            return ()
        if isinstance(command, events.AllNotesOff | events.AllSoundOff | events.ResetControllers):
            perform(self._instrument, command)
            if isinstance(command, events.ResetControllers):
                self._reset("/expression", command.source)
            return ()
        if isinstance(command, events.StartJourney | events.StopJourney):
            return self._handle_journey(command)
        return self._handle_control(command)

    def _handle_control(self, command: events.Command) -> Sequence[Reply]:
        try:
            match command:
                case events.SetParameter(path, value, source):
                    self.set_parameter(path, value, source)
                case events.SetPosition(path, position, source):
                    self.set_parameter(path, self._row(path).position_to_value(position), source)
                case events.LatentRandom() | events.LatentAnchors() | events.LatentVector():
                    self._choose_point(command)
                    return self._latent_changed()
                case events.LoadPreset(name, source):
                    return self._load_preset(name, source)
                case events.ProgramChange(program, source):
                    return self._load_preset(program, source)
                case events.SavePreset(name):
                    return self._save_preset(name)
                case events.Panic():
                    self._instrument.panic()
                    self._reset("/pedal", "panic")
        except (LatentError, PresetError) as error:
            raise events.CommandError(str(error)) from None
        return ()

    def _handle_journey(self, command: events.StartJourney | events.StopJourney) -> Sequence[Reply]:
        if self._journey is None or self._key_points is None:
            raise events.CommandError("this instrument does not travel")
        if isinstance(command, events.StopJourney):
            return self._journey.stop()
        try:
            return self._journey.start([self._key_points.find(word) for word in command.points], command.way)
        except LatentError as error:
            raise events.CommandError(str(error)) from None

    def parameter_value(self, path: str) -> float:
        """Present value in natural units. Raises KeyError for a path outside the catalogue."""
        return self._values[path]

    def values(self) -> dict[str, float]:
        """All values, by path."""
        return dict(self._values)

    def status(self) -> Mapping[str, Argument]:
        """What ``/status`` answers."""
        return self._status()

    def direction_labels(self) -> Sequence[DirectionLabel]:
        """What each direction does, if it has been measured."""
        return self._latent.direction_labels()

    def anchor_names(self) -> Sequence[str]:
        """Names a latent mix may use."""
        return self._latent.anchor_names()

    def preset_names(self) -> Sequence[str]:
        """Preset names in the order of their numbers."""
        return self._presets.names()

    def travel_by(self, journey: Journey, key_points: KeyPoints) -> None:
        """Give a journey its commands, and have it give way to the player's."""
        self._journey, self._key_points = journey, key_points
        self.listen(journey.parameter_changed)
        self.listen_latent(journey.point_chosen)

    def journey_state(self) -> Sequence[Reply]:
        """What ``/journey`` answers."""
        return self._journey.state() if self._journey is not None else ()

    def latent_of(self, point: LatentPoint) -> NDArray[np.float32]:
        """The numbers of a latent point. Raises LatentError."""
        return self._latent.latent_of(point)

    def present_latent(self) -> NDArray[np.float32]:
        """The numbers of the base point."""
        return self._latent.present_latent()

    def travel_to(self, latent: NDArray[np.float32]) -> None:
        """Move the base point without telling anybody but the instrument."""
        self._latent.travel_to(latent)

    def latent_state(self) -> Sequence[Reply]:
        """The present base point as the message that would bring it back."""
        return self._latent.as_messages()

    # -- parameters

    def set_parameter(self, path: str, value: float, source: str) -> None:
        """Clamp, store, apply, and tell every listener."""
        row = self._row(path)
        value = row.clamp(value)
        self._values[path] = value
        self._apply(row, value)
        for listener in self._listeners:
            listener(path, value, source)

    def _row(self, path: str) -> ParameterSpec:
        if path not in self._catalogue:
            raise events.CommandError(f"no parameter {path!r}{did_you_mean(path, self._catalogue)}")
        return self._catalogue[path]

    def _reset(self, path: str, source: str) -> None:
        if path in self._catalogue and self._values[path] != self._catalogue[path].default:
            self.set_parameter(path, self._catalogue[path].default, source)

    def _apply(self, row: ParameterSpec, value: float) -> None:
        if row.target is Target.KERNEL:
            self._instrument.set_kernel_parameter(KernelParameter[row.key], row.kernel_value(value))
        elif row.target is Target.LATENT:
            self._latent.set_coordinate(int(row.key), value)

    # -- latent point and presets

    def _choose_point(
        self, command: events.LatentRandom | events.LatentAnchors | events.LatentVector
    ) -> None:
        match command:
            case events.LatentRandom(seed):
                self._latent.use_seed(secrets.randbits(SEED_BITS) if seed is None else seed)
            case events.LatentAnchors(weights):
                self._latent.use_anchors(dict(weights))
            case events.LatentVector(vector):
                self._latent.use_vector(vector)

    def _latent_changed(self) -> Sequence[Reply]:
        ended = self._journey if self._journey is not None and self._journey.is_moving else None
        for listener in self._latent_listeners:
            listener()
        return (*self._latent.as_messages(), *(ended.state() if ended is not None else ()))

    def _load_preset(self, name_or_number: str | int, source: str) -> Sequence[Reply]:
        preset = self._presets.load(name_or_number)
        if preset.latent:
            self._latent.use_document(preset.latent)
        for path, value in preset.parameters.items():
            self.set_parameter(path, value, f"preset:{source}")
        self.preset_name = preset.name
        return (("/preset/loaded", (preset.name,)), *self._latent_changed())

    def _save_preset(self, name: str) -> Sequence[Reply]:
        parameters = {path: self._values[path] for path, row in self._catalogue.items() if row.in_presets}
        self._presets.save(Preset(name=name, parameters=parameters, latent=self._latent.to_document()))
        self.preset_name = name
        return (("/preset/saved", (name,)),)

    def restore(self, values: Mapping[str, float], latent: Mapping[str, object], preset_name: str) -> None:
        """Bring back a saved state; what does not fit any more is left out and logged."""
        for path, value in values.items():
            if path in self._catalogue:
                self.set_parameter(path, value, "state")
        try:
            if latent:
                self._latent.use_document(latent)
        except LatentError as error:
            log.warning("the saved latent point is not used: %s", error)
        self.preset_name = preset_name
