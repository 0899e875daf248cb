"""Several hosts that train together. Loads no Keras: hosts must meet before it looks for devices."""

from __future__ import annotations

import jax


def join(coordinator: str, hosts: int, number: int) -> None:
    """Wait for the other hosts; from then on JAX knows the devices of all.

    Parameters
    ----------
    coordinator : str
        Address and port that host 0 listens on.
    hosts : int
        How many there are.
    number : int
        Which one this is, from 0.

    Raises
    ------
    RuntimeError
        If they do not come together within JAX's time (five minutes).
    """
    jax.distributed.initialize(coordinator, hosts, number)
