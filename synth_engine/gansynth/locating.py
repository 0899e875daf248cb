"""From the path a player gives to one checkpoint: a folder, a zip of it, one stage, or one of its files."""

from __future__ import annotations

import glob
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from synth_engine.gansynth.flags import FILE_NAME as FLAGS_NAME
from synth_engine.gansynth.sources import CheckpointError, FolderSource, Source, ZipSource, read_whole

EXPECTED = (
    f"expected a folder with {FLAGS_NAME} and stage_* folders, a zip of it, a stage_* folder, "
    "or a checkpoint's .index file"
)
_STAGE = re.compile(r"stage_(\d{1,9})")
_STEP = re.compile(r"-(\d{1,18})$")
_PARTS = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_NEWEST = re.compile(rb'^model_checkpoint_path:\s*"((?:[^"\\]|\\.)*)"', re.MULTILINE)
_LARGEST_STATE_BYTES = 1 << 20
_TABLE_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")


@dataclass(frozen=True)
class Location:
    """One checkpoint.

    Attributes
    ----------
    source : Source
        Where its files lie.
    prefix : str
        Name of its files without their endings.
    flags_name : str or None
        Name of `experiment.json`, if there is one.
    stage : int or None
        Number of the stage's folder, if it has one.
    note : str
        What the player should know of the choice; empty if nothing.
    """

    source: Source
    prefix: str
    flags_name: str | None
    stage: int | None
    note: str = ""

    @property
    def step_in_name(self) -> int | None:
        """Step counter as the file's name has it."""
        match = _STEP.search(self.prefix)
        return int(match[1]) if match else None


def is_stage_name(name: str) -> bool:
    """Whether a folder of that name holds one stage."""
    return _STAGE.fullmatch(name) is not None


def locate(path: Path) -> Location:
    """Find the newest checkpoint of the newest stage.

    Parameters
    ----------
    path : Path
        A folder or file.

    Raises
    ------
    CheckpointError
        If there is none, or more than one model; the text says what was found instead.
    """
    if path.is_dir():
        return _locate_folder(path)
    if zipfile.is_zipfile(path):
        return _choose(ZipSource(path), str(path))
    return _locate_file(path)


def _locate_folder(folder: Path) -> Location:
    """In a model's folder, or in a stage's, whose settings lie in it or above it."""
    if _STAGE.fullmatch(folder.resolve().name) or _has_only_a_checkpoint(folder):
        return _choose(_stage_source(folder), str(folder))
    # no deeper: this may be a player's whole home
    return _choose(FolderSource(folder, ("*", "*/*", "*/stage_*/*")), str(folder))


def _has_only_a_checkpoint(folder: Path) -> bool:
    names = [path.name for path in folder.iterdir()]
    return any(map(_is_part, names)) and not any(map(_STAGE.fullmatch, names))


def _stage_source(folder: Path) -> FolderSource:
    """The files of a stage, and the settings above it."""
    folder = folder.resolve()
    inside = f"{glob.escape(folder.name)}/*" if folder.name else "*"
    return FolderSource(folder.parent, (FLAGS_NAME, inside))


def _locate_file(path: Path) -> Location:
    """A file of a checkpoint, its settings, or its prefix, which is no file."""
    if path.is_file() and path.name in (FLAGS_NAME, "checkpoint"):
        return _locate_folder(path.parent)
    folder = path.resolve().parent
    source = _stage_source(folder)
    names = source.names()
    prefix = str(PurePosixPath(folder.name) / _PARTS.sub("", path.name))
    if prefix not in {_PARTS.sub("", name) for name in names if _is_part(name)}:
        raise CheckpointError(_what_it_is(path))
    return _location(source, names, prefix)


def _what_it_is(path: Path) -> str:
    """Words on a file that is no checkpoint of ours."""
    if not path.exists():
        return f"{path}: no such file or folder; {EXPECTED}"
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        if file.read() == _TABLE_MAGIC:
            return (
                f"{path}: a checkpoint of TensorFlow's first format (V1); "
                "save it again with tf.train.Saver(write_version=tf.train.SaverDef.V2)"
            )
    kinds = {".pb": "a frozen graph", ".onnx": "an ONNX model", ".safetensors": "weights of another kind"}
    found = kinds.get(path.suffix, "something else")
    return f"{path}: no GANSynth checkpoint but {found}; {EXPECTED}"


def _choose(source: Source, shown: str) -> Location:
    """The newest checkpoint among the files of a source."""
    names = [name for name in source.names() if not _is_junk(name)]
    parts = [name for name in names if _is_part(PurePosixPath(name).name)]
    folders = {PurePosixPath(name).parent for name in parts}
    if not folders:
        raise CheckpointError(f"{shown}: holds no checkpoint; {EXPECTED}")
    folder = _newest_stage(folders, shown)
    prefix, note = _newest_checkpoint(source, folder, [n for n in parts if PurePosixPath(n).parent == folder])
    return _location(source, names, prefix, note)


def _is_junk(name: str) -> bool:
    """What macOS adds to archives."""
    path = PurePosixPath(name)
    return path.name.startswith("._") or "__MACOSX" in path.parts


def _is_part(name: str) -> bool:
    return bool(_PARTS.search(name))


def _newest_stage(folders: Iterable[PurePosixPath], shown: str) -> PurePosixPath:
    """The folder of the highest stage."""
    staged = {folder: int(match[1]) for folder in folders if (match := _STAGE.fullmatch(folder.name))}
    candidates = sorted(staged or folders)
    models = sorted({str(folder.parent) if staged else str(folder) for folder in candidates})
    if len(models) > 1:
        raise CheckpointError(f"{shown}: holds several models ({', '.join(models[:8])}); name one of them")
    return max(candidates, key=lambda folder: staged.get(folder, 0))


def _newest_checkpoint(source: Source, folder: PurePosixPath, parts: list[str]) -> tuple[str, str]:
    """The prefix that the file `checkpoint` names, else the highest step; and a note."""
    prefixes = sorted({_PARTS.sub("", name) for name in parts}, key=_step_of)
    state = str(folder / "checkpoint")
    if state not in source.names():
        return prefixes[-1], ""
    match = _NEWEST.search(read_whole(source, state, _LARGEST_STATE_BYTES))
    if match is None:
        return prefixes[-1], f"{source.where(state)} names no checkpoint; taking {prefixes[-1]}"
    # often an absolute path of the machine that trained: only the name counts
    named = re.split(r"[/\\]+", match[1].decode("utf-8", "replace"))[-1]
    if str(folder / named) in prefixes:
        return str(folder / named), ""
    return prefixes[-1], f"{source.where(state)} names {named}, which is not there; taking {prefixes[-1]}"


def _step_of(prefix: str) -> tuple[int, str]:
    match = _STEP.search(prefix)
    return (int(match[1]) if match else -1), prefix


def _location(source: Source, names: list[str], prefix: str, note: str = "") -> Location:
    folder = PurePosixPath(prefix).parent
    beside = [str(place / FLAGS_NAME) for place in (folder, folder.parent)]
    flags_name = next((name for name in beside if name in names), None)
    stage = _STAGE.fullmatch(folder.name)
    return Location(source, prefix, flags_name, int(stage[1]) if stage else None, note)
