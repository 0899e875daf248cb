"""Prints ``docs/osc.md`` from the tables: ``python -m daemon.osc.reference > docs/osc.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

from daemon.osc import (
    door_addresses,
    journey_addresses,
    note_addresses,
    parameter_addresses,
    sound_addresses,
)
from daemon.osc.addresses import IGNORED
from daemon.osc.calls import Address
from daemon.osc.codec import (
    MAX_ADDRESS_BYTES,
    MAX_ARGUMENTS,
    MAX_BUNDLE_DEPTH,
    MAX_DATAGRAM_BYTES,
    MAX_ELEMENTS,
    MAX_PACKET_BYTES,
)
from daemon.osc.limits import ERROR_BURST, ERRORS_PER_S, REPLY_BYTES_PER_S
from daemon.osc.listeners import MAX_LISTENERS, PERIOD_NS
from daemon.osc.replies import PACE_S
from daemon.osc.time_tags import MAX_AHEAD_NS, MAX_WAITING
from mappings.catalogue import CATALOGUE
from mappings.parameters import ParameterSpec

_IGNORED_WORDS = ", ".join(f"`{address}`" for address in sorted(IGNORED))
_INTRODUCTION = f"""\
# OSC reference

This page is printed by `python -m daemon.osc.reference` from the tables the daemon itself uses.

The daemon listens on UDP port 9700 of this machine only, unless told otherwise (`timbred run --help`).

## Rules

- **Numbers.** Wherever a number is wanted, `i f h d T F` and text that spells a number (`s`) will do.
  What is out of range is clipped, and `/error` says so.
- **Questions.** A parameter's address without an argument answers with its value, at the same
  address, to the port the question came from.
- **Buttons.** Addresses that take no argument also take a button's: 1 acts, 0 does nothing.
- **Velocity.** A whole-number type (`i`, `h`) counts 0 to 127. A fraction type (`f`, `d`) up to 1.0
  is taken as it is, above that it counts to 127. Pd and others that send only `f`: use 0.0 to 1.0.
- **Channels** count from 0 to 15.
- **Answers** carry only `i`, `f` and `s` (UTF-8), in datagrams below {MAX_DATAGRAM_BYTES} bytes;
  longer answers come as several bundles, {PACE_S * 1000:g} ms apart.
- **Refusals** are answered at `/error ADDRESS TEXT`, {ERRORS_PER_S:g} a second for each sender after the
  first {ERROR_BURST:g}. What arrives at {_IGNORED_WORDS} is ignored.
- **Patterns** (`? * [a-c] [!a] {{foo,bar}}`) mean parameters only: a stray `*` cannot cause a panic.
- **Time tags.** A note or bend in a bundle with a time tag starts on the exact frame that is due,
  later by the latency that every event has (`/latency`). Other messages of the bundle are acted on
  when they are due. At most {MAX_AHEAD_NS // 10**9} s ahead, and {MAX_WAITING} waiting messages;
  what is beyond, and what is late, is acted on at once. The clocks of both machines must agree.
- **Changes** from anywhere else (MIDI, presets, other senders) go to the listeners, at most
  {10**9 // PERIOD_NS} times a second for each address, newest value first. What a sender changes is not
  sent back to it, nor to a listener that it added on its own machine.
- **Limits.** {MAX_PACKET_BYTES} bytes and {MAX_ELEMENTS} messages a packet,
  bundles {MAX_BUNDLE_DEPTH} deep, addresses of {MAX_ADDRESS_BYTES} bytes,
  {MAX_ARGUMENTS} arguments, {MAX_LISTENERS} listeners, and for each sender
  {int(REPLY_BYTES_PER_S) // 1024} KiB of answers a second.

From a shell, with liblo's tools:

```
oscsend localhost 9700 /note if 60 0.8
oscsend localhost 9700 /pca/1 f 1.5
oscsend localhost 9700 /latent/random
```
"""


def reference(catalogue: Mapping[str, ParameterSpec] = CATALOGUE) -> str:
    """The reference page, in Markdown."""
    parameters = list(parameter_addresses.rows(catalogue))
    sections: tuple[tuple[str, Iterable[Address]], ...] = (
        ("Notes", note_addresses.ROWS),
        ("Sound and presets", sound_addresses.rows(catalogue)),
        ("Journeys", journey_addresses.ROWS),
        ("Parameters", parameters[: len(catalogue)]),
        ("Parameters as fader positions", parameters[len(catalogue) :]),
        ("The daemon", door_addresses.ROWS),
    )
    return _INTRODUCTION + "".join(line for title, rows in sections for line in _section(title, rows))


def _section(title: str, rows: Iterable[Address]) -> Iterator[str]:
    yield f"\n## {title}\n\n| Address | Arguments | What it does |\n|---|---|---|\n"
    for row in rows:
        usage = f"`{row.usage}`".replace("|", "\\|") if row.usage else ""
        yield f"| `{row.path}` | {usage} | {row.description} |\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
