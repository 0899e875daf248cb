"""The composition root: builds every part, starts them in order, stops them in the reverse order.

Nothing else constructs parts. Start-up puts what sounds first: shared memory and the audio process,
then the bank of last time from disk, then the doors; the render worker warms up behind them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
import time
from collections.abc import Mapping

import numpy as np

from daemon.audio_process import AudioOptions, AudioProcess, AudioReport
from daemon.basis import basis_in_time
from daemon.config import Config, Paths
from daemon.controller import Controller
from daemon.events import CommandError, LoadPreset
from daemon.exits import Exit, Unavailable
from daemon.greeting import greet
from daemon.instance_lock import InstanceLock
from daemon.journey import Journey
from daemon.key_points import KeyPoints, latent_space_of
from daemon.latent_control import LatentControl
from daemon.midi.door import MidiDoor
from daemon.osc.endpoints import parse_endpoint
from daemon.osc.receiving import OscPortInUse, check_port_free
from daemon.osc.server import OscServer
from daemon.settings import resolve_model
from daemon.state import State, StateKeeper
from daemon.status import audio_status, merge, process_status, telemetry_status
from daemon.surface import Argument
from mappings.catalogue import CATALOGUE
from mappings.map_store import MapStore
from mappings.presets import PresetStore, shipped_presets_dir
from pca_cache.latent_point import LatentPoint
from pca_cache.store import find_or_none
from synth_engine import abi
from synth_engine.instrument import Instrument
from synth_engine.rings import EventWriter
from synth_engine.shared_memory import EngineMemory

log = logging.getLogger(__name__)

TICK_S = 0.005  # how often slots are taken back and the scheduler looks at the clock
FIRST_SEED = 1


class App:
    """One daemon. Build it, ``await run()``, exit with what that returns.

    **Thread** control.
    """

    def __init__(self, config: Config, paths: Paths) -> None:
        self._config = config
        self._paths = paths
        self._started_s = time.monotonic()
        self._stop = asyncio.Event()
        self._signals = 0

    async def run(self) -> int:
        """Play until told to stop.

        Raises
        ------
        Unavailable
            If the OSC port is taken.
        ModelError, OSError
            If the model or the runtime directory cannot be used.
        """
        try:
            async with contextlib.AsyncExitStack() as stack:
                await self._start(stack)
                await self._stop.wait()
                log.info("stopping: fading out and saving")
        except OscPortInUse as error:
            raise Unavailable(str(error)) from None
        return Exit.CLEAN

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        self._watch_signals()
        stack.callback(InstanceLock(self._paths.runtime).release)
        check_port_free(self._config.osc.host, self._config.osc.port)
        memory = EngineMemory.create(self._paths.runtime)
        stack.callback(memory.remove)
        self._memory = memory
        audio = self._audio = AudioProcess(self._audio_options(), self._audio_opened)
        await audio.start()
        stack.push_async_callback(audio.stop)

        self._build(memory)
        await self._osc.start()
        stack.callback(self._osc.stop)
        self._latent.send()  # before the worker: a bank kept on disk is mapped at once
        await self._instrument.start()
        stack.push_async_callback(self._instrument.stop)
        stack.callback(asyncio.create_task(self._tick(), name="tick").cancel)
        await self._midi.start()
        stack.push_async_callback(self._midi.stop)
        await self._state.start()
        stack.push_async_callback(self._state.stop)
        stack.callback(asyncio.create_task(self._follow(), name="follow").cancel)
        stack.callback(asyncio.create_task(self._journey.run(), name="journey").cancel)
        gc.collect()
        gc.freeze()

    # -- building

    def _build(self, memory: EngineMemory) -> None:
        config, paths = self._config, self._paths
        self._model_path = resolve_model(config, paths)
        self._instrument = Instrument(memory, self._model_path, paths.cache, threads=config.render.threads)
        model = self._instrument.model
        self._basis = find_or_none(paths.cache, model.digest, model.hook_shape)
        space = latent_space_of(self._instrument.model, self._basis)
        loop = asyncio.get_running_loop()
        self._latent = LatentControl(
            space, LatentPoint.from_seed(FIRST_SEED), self._instrument, loop.call_soon
        )
        presets = PresetStore(shipped_presets_dir(), paths.config / "presets")
        for warning in presets.warnings:
            log.warning("%s", warning)
        self._controller = Controller(self._instrument, CATALOGUE, self._latent, presets)
        self._controller.report_status_by(self._collect_status)
        self._journey = Journey(self._controller, self._is_sounding, self._journey_changed)
        self._controller.travel_by(self._journey, KeyPoints(self._controller.anchor_names(), presets))
        self._osc = OscServer(self._controller, config.osc.host, config.osc.port)
        writers = [EventWriter(memory, ring) for ring in range(1, abi.RING_COUNT)]
        maps = MapStore(paths.config / "maps", lambda text: log.error("%s", text))
        midi = config.midi
        self._midi = MidiDoor(self._controller.handle, writers, maps, midi.ports, midi.virtual_port, midi.api)
        self._state = StateKeeper(paths.state, self._snapshot)
        self._restore()
        self._controller.listen(self._osc.parameter_changed)
        self._controller.listen(self._parameter_changed)
        self._controller.listen_latent(self._state.changed)

    def _restore(self) -> None:
        """The last state, or the first preset of a newcomer."""
        state = self._state.load()
        if state is not None:
            self._controller.restore(state.parameters, state.latent, state.preset)
            self._journey.restore(state.journey)
            for listener in state.listeners:
                with contextlib.suppress(CommandError):
                    self._osc.listeners.add(parse_endpoint(listener, "127.0.0.1"), owner="")
            return
        names = self._controller.preset_names()
        if names:
            try:
                self._controller.handle(LoadPreset(names[0], "start"))
            except CommandError as error:
                log.warning("%s", error)

    def _snapshot(self) -> State:
        return State(
            parameters=self._controller.values(),
            latent=dict(self._latent.to_document()),
            journey=self._journey.to_document(),
            preset=self._controller.preset_name,
            listeners=tuple(map(str, self._osc.listeners.endpoints())),
        )

    def _audio_options(self) -> AudioOptions:
        audio = self._config.audio
        return AudioOptions(self._paths.runtime, audio.device, audio.rate_hz, audio.block_frames, audio.null)

    # -- what goes on

    async def _tick(self) -> None:
        while True:
            self._instrument.poll()
            await asyncio.sleep(TICK_S)

    async def _follow(self) -> None:
        """What may come after the first sound: a word to the player, a greeting, a missing basis."""
        report = await self._audio.wait_open()
        self._say_ready(report)
        wanted = self._config.greeting
        if wanted or (wanted is None and sys.stdout.isatty()):
            await greet(self._instrument)
        if self._basis is None:
            model = self._instrument.model
            basis = await basis_in_time(self._model_path, model.digest, model.hook_shape, self._paths.cache)
            if basis is not None:
                self._latent.use_space(latent_space_of(model, basis))
                log.info("the /pca knobs work now")

    def _parameter_changed(self, path: str, value: float, source: str) -> None:
        del source
        if path == "/bend/range":
            self._midi.set_bend_range(value)
        self._state.changed()

    def _is_sounding(self) -> bool:
        return int(np.atleast_1d(self._memory.record)["telemetry"][0]["active_voices"]) > 0

    def _journey_changed(self, moving: bool) -> None:
        self._osc.parameter_changed("/journey/moving", float(moving), "journey")
        self._state.changed()

    def _audio_opened(self, report: AudioReport) -> None:
        if report.host == "null":
            why = self._audio.device_error or "asked for"
            log.warning("no sound comes out (%s); playing into a null device. See: timbred doctor", why)
        else:
            log.info(
                "sound: %s, %d Hz, %d frames, %.1f ms",
                report.device, report.rate_hz, report.block_frames, report.latency_ms,
            )  # fmt: skip

    def _say_ready(self, report: AudioReport) -> None:
        model = self._instrument.model
        ports = ", ".join(self._midi.ports()) or "none yet (a keyboard is taken up when it is plugged in)"
        log.info(
            "ready after %.1f s: %s; MIDI: %s; OSC: %s:%d; %d anchors; preset %r",
            time.monotonic() - self._started_s, report.host, ports, self._config.osc.host, self._osc.port,
            len(model.anchors), self._controller.preset_name or "last state",
        )  # fmt: skip

    def _collect_status(self) -> Mapping[str, Argument]:
        return merge(
            {"preset": self._controller.preset_name, "midi_ports": ", ".join(self._midi.ports())},
            audio_status(self._audio),
            telemetry_status(self._memory),
            self._instrument.status(),
            {f"midi_{name}": count for name, count in self._midi.counters.items()},
            dict(self._osc.report()),
            process_status(self._started_s),
        )

    # -- ending

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        self._signals += 1
        if self._signals > 1:
            log.warning("second signal: leaving at once")
            self._audio.kill()
            raise SystemExit(130)
        self._stop.set()
