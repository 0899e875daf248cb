"""How much a sender may make us say: floods and forged senders must not be amplified."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from daemon.osc.endpoints import Endpoint

MAX_SENDERS = 256  # remembered; the one unheard for longest is forgotten first
ERRORS_PER_S, ERROR_BURST = 10.0, 20.0
REPLY_BYTES_PER_S = 262_144.0
TOTAL_REPLY_BYTES_PER_S = 4_194_304.0


class Allowance:
    """A bucket that fills at a steady rate; what is taken must be in it."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_ns = per_s / 1e9
        self._burst = burst
        self._left = burst
        self._filled_ns = 0

    def take(self, amount: float, now_ns: int) -> bool:
        """Take the amount if it is there. ``now_ns`` never goes back."""
        self._left = min(self._burst, self._left + (now_ns - self._filled_ns) * self._per_ns)
        self._filled_ns = now_ns
        if amount > self._left:
            return False
        self._left -= amount
        return True


@dataclass
class _Budget:
    errors: Allowance
    reply_bytes: Allowance


class SenderLimits:
    """Allowances for each sender and for all together."""

    def __init__(self) -> None:
        self._budgets: OrderedDict[Endpoint, _Budget] = OrderedDict()
        self._total = Allowance(TOTAL_REPLY_BYTES_PER_S, TOTAL_REPLY_BYTES_PER_S)
        self._total_errors = Allowance(10 * ERRORS_PER_S, 10 * ERROR_BURST)

    def may_send_error(self, sender: Endpoint, now_ns: int) -> bool:
        """Whether one more error may be told to this sender."""
        return self._budget(sender).errors.take(1.0, now_ns) and self._total_errors.take(1.0, now_ns)

    def may_reply(self, sender: Endpoint, size_bytes: int, now_ns: int) -> bool:
        """Whether a reply of that size may go to this sender."""
        return self._budget(sender).reply_bytes.take(size_bytes, now_ns) and self._total.take(
            size_bytes, now_ns
        )

    def _budget(self, sender: Endpoint) -> _Budget:
        budget = self._budgets.get(sender)
        if budget is None:
            budget = _Budget(
                Allowance(ERRORS_PER_S, ERROR_BURST), Allowance(REPLY_BYTES_PER_S, REPLY_BYTES_PER_S)
            )
            self._budgets[sender] = budget
            if len(self._budgets) > MAX_SENDERS:
                self._budgets.popitem(last=False)
        else:
            self._budgets.move_to_end(sender)
        return budget
