"""What is found, what is missing, and the command that mends it (``timbred doctor``)."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import resource
import shutil
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from daemon.config import Config, Paths

RUNTIME_BYTES = 140 * 1024 * 1024  # engine.shm + pool.shm


class Verdict(Enum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # works without, less well
    MISSING = "missing"  # no sound, or no start


@dataclass(frozen=True)
class Finding:
    """One line of the report. ``mend`` is a command or a sentence, empty if nothing is to be done."""

    verdict: Verdict
    what: str
    found: str
    mend: str = ""


def _python() -> Finding:
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return Finding(Verdict.OK, "Python", version)
    return Finding(Verdict.MISSING, "Python", version, "install Python 3.11 or 3.12")


def _sound() -> Finding:
    from synth_engine.hosts.portaudio import HostUnavailable, list_outputs

    try:
        outputs = list_outputs()
    except HostUnavailable as error:
        return Finding(Verdict.NOTE, "Sound", str(error), "sudo apt-get install libportaudio2")
    if not outputs:
        return Finding(
            Verdict.NOTE, "Sound", "PortAudio finds no output device: the daemon runs, silently",
            "connect a sound card, or start a server: jackd -d dummy (no sound), or PipeWire",
        )  # fmt: skip
    return Finding(Verdict.OK, "Sound", ", ".join(f"{o.name} ({o.host_api})" for o in outputs))


def _midi() -> Finding:
    from daemon.midi.ports import list_inputs

    try:
        inputs = list_inputs()
    except OSError as error:
        return Finding(Verdict.NOTE, "MIDI", f"no system: {error}", "sudo modprobe snd-seq, or start JACK")
    if not inputs:
        return Finding(Verdict.NOTE, "MIDI", "no input port now", "plug in a keyboard: it is taken up")
    return Finding(Verdict.OK, "MIDI", ", ".join(inputs))


def _runtime() -> Finding:
    if importlib.util.find_spec("openvino") is None:
        return Finding(
            Verdict.MISSING, "Network runtime", "openvino is not installed", "pip install openvino"
        )
    return Finding(Verdict.OK, "Network runtime", f"OpenVINO {importlib.metadata.version('openvino')}")


def _training() -> Finding:
    if importlib.util.find_spec("tensorflow") is None:
        return Finding(Verdict.OK, "Training", "not installed; only training a model wants it")
    return Finding(Verdict.OK, "Training", "TensorFlow is installed")


def _model(path: Path, cache: Path) -> Iterable[Finding]:
    from pca_cache.store import find_or_none
    from synth_engine.generator.model import ModelError
    from synth_engine.generator.model_folder import load_model

    try:
        model = load_model(path)
    except ModelError as error:
        yield Finding(Verdict.MISSING, "Model", str(error), "give another with --model")
        return
    yield Finding(
        Verdict.OK, "Model", f"{path.name}: {len(model.anchors)} anchors, digest {model.digest[:12]}"
    )
    basis = find_or_none(cache, model.digest, model.hook_shape)
    if basis is None:
        yield Finding(Verdict.NOTE, "PCA basis", "none yet: fitted on first use", "timbred pca fit")
    else:
        yield Finding(Verdict.OK, "PCA basis", f"{basis.count} directions from {basis.samples} samples")


def _shared_memory(directory: Path) -> Finding:
    existing = next(p for p in (directory, *directory.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < RUNTIME_BYTES:
        return Finding(
            Verdict.MISSING, "Shared memory", f"{existing}: {free // 2**20} MiB free, 140 needed",
            "free some room there, or set [paths] runtime in timbred.toml",
        )  # fmt: skip
    return Finding(Verdict.OK, "Shared memory", f"{directory} ({free // 2**20} MiB free)")


def _priority() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if soft > 0 or os.geteuid() == 0:
        return Finding(Verdict.OK, "Real-time priority", "allowed")
    return Finding(
        Verdict.NOTE, "Real-time priority", "not allowed: sound may drop out on a busy machine",
        "echo '@audio - rtprio 95' | sudo tee /etc/security/limits.d/audio.conf; "
        "sudo usermod -aG audio $USER; log in again",
    )  # fmt: skip


def _osc_port(host: str, port: int) -> Finding:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            return Finding(
                Verdict.NOTE, "OSC", f"UDP {host}:{port}: {error.strerror}",
                "is a timbred running already? Otherwise choose another: timbred run --osc-port 9800",
            )  # fmt: skip
    return Finding(Verdict.OK, "OSC", f"UDP {host}:{port} is free")


def examine(config: Config, paths: Paths, model_path: Path) -> list[Finding]:
    """Every finding, in the order a player would ask. A check that breaks is itself a finding."""
    checks: tuple[tuple[str, Callable[[], Finding | Iterable[Finding]]], ...] = (
        ("Python", _python),
        ("Sound", _sound),
        ("MIDI", _midi),
        ("OSC", lambda: _osc_port(config.osc.host, config.osc.port)),
        ("Network runtime", _runtime),
        ("Model", lambda: _model(model_path, paths.cache)),
        ("Shared memory", lambda: _shared_memory(paths.runtime)),
        ("Real-time priority", _priority),
        ("Training", _training),
    )
    findings: list[Finding] = []
    for what, check in checks:
        try:
            result = check()
            findings += [result] if isinstance(result, Finding) else list(result)
        except (ImportError, OSError, ValueError) as error:
            findings.append(Finding(Verdict.MISSING, what, f"the check failed: {error}", "pip install -e ."))
    return findings
