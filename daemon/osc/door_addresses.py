"""What the OSC door answers about itself and the whole state, and who listens to changes."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.events import CommandError
from daemon.osc.arguments import describe
from daemon.osc.calls import Address, Call, trigger
from daemon.osc.codec import Value
from daemon.osc.endpoints import Endpoint, parse_endpoint
from daemon.surface import Argument, Reply


def _status(call: Call) -> Iterable[Reply]:
    rows = {**call.surface.status(), **dict(call.door.report())}
    return (("/status", row) for row in rows.items())


def _sync(call: Call) -> Iterable[Reply]:
    state: list[Reply] = [
        (path, (float(call.surface.parameter_value(path)),)) for path in call.door.parameter_paths()
    ]
    state += call.surface.latent_state()
    return (*state, ("/sync/done", (len(state),)))


def _ping(call: Call) -> Iterable[Reply]:
    return (("/pong", tuple(map(_echoed, call.arguments))),)


def _echoed(value: Value) -> Argument:
    return value if isinstance(value, (int, float, str)) else describe(value)


def _addresses(call: Call) -> Iterable[Reply]:
    return ((call.address, row) for row in call.door.describe_addresses())


def _add_listener(call: Call) -> Iterable[Reply]:
    endpoint = _endpoint(call)
    call.door.listeners.add(endpoint, call.source if endpoint.host == call.sender.host else "")
    return (("/listeners/add", (str(endpoint),)),)


def _remove_listener(call: Call) -> Iterable[Reply]:
    endpoint = _endpoint(call)
    call.door.listeners.remove(endpoint)
    return (("/listeners/del", (str(endpoint),)),)


def _endpoint(call: Call) -> Endpoint:
    if not call.arguments:
        return call.sender
    given = call.arguments[0]
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, (str, int)):
        raise CommandError(f"expected HOST:PORT or PORT, got {describe(given)}")
    return parse_endpoint(str(given), call.sender.host)


def _clear_listeners(call: Call) -> Iterable[Reply]:
    call.door.listeners.clear()
    return _list_listeners(call)


def _list_listeners(call: Call) -> Iterable[Reply]:
    rows: list[Reply] = [("/listeners", (str(endpoint),)) for endpoint in call.door.listeners.endpoints()]
    return rows or [("/listeners", ())]


_WHO = "[HOST:PORT|PORT]"
ROWS = (
    trigger(
        "/sync", "Answers with the value of every parameter and the latent point, then /sync/done.", _sync
    ),
    trigger("/status", "Answers with rows NAME VALUE: model, voices, ports, counters.", _status),
    Address("/ping", "[ANYTHING ...]", "Answers /pong with the same arguments.", _ping, most=4),
    trigger("/addresses", "Lists every address with its arguments and what it does.", _addresses),
    trigger("/help", "The same as /addresses.", _addresses),
    trigger("/listeners", "Lists who hears of changes.", _list_listeners),
    Address(
        "/listeners/add",
        _WHO,
        "Sends changes there from now on; without HOST to the sender's machine, without both to the sender.",
        _add_listener,
        most=1,
    ),
    Address("/listeners/del", _WHO, "Sends no more changes there.", _remove_listener, most=1),
    trigger("/listeners/clear", "Sends no more changes to anyone.", _clear_listeners),
)
