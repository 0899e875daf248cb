"""Where a training's arrays live: one device, or several that share every batch.

Several devices are JAX's own business: weights are copied to all of them, batches are split, and the compiled
step sums over the whole batch, the batch statistic included, as on one device. TensorFlow's way
(tf.distribute) takes that statistic over each device's own part, which is another network, so it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from mappings.documents import DocumentError

Tree: TypeAlias = Any

if keras.backend.backend() == "jax":
    import jax
    from jax.experimental import multihost_utils
    from jax.sharding import Mesh, NamedSharding, PartitionSpec


class DevicesError(DocumentError):
    """Devices that are not there, or that this backend does not train on."""


class OneDevice:
    """The backend's own default device."""

    count = 1

    def agree(self, number: float) -> float:
        """What the first host says of a number; there is only one."""
        return number

    def place(self, arrays: Tree) -> Tree:
        """Bring a tree of arrays to the device."""
        return keras.tree.map_structure(ops.convert_to_tensor, arrays)

    def place_batch(self, batch: Mapping[str, Any]) -> Tree:
        """Bring a batch to the device."""
        return self.place(batch)


class SharedDevices:
    """All of several JAX devices, of this host and of the others of its cluster.

    Parameters
    ----------
    count : int
        How many.

    Raises
    ------
    DevicesError
        If there are not as many.
    """

    def __init__(self, count: int) -> None:
        if count > len(jax.devices()):
            raise DevicesError(f"devices: expected 1..{len(jax.devices())}, found {count}")
        mesh = Mesh(np.array(jax.devices()[:count]), ("batch",))
        self.count = count
        self._whole = NamedSharding(mesh, PartitionSpec())
        self._split = NamedSharding(mesh, PartitionSpec("batch"))

    def agree(self, number: float) -> float:
        """What the first host says of a number that differs from host to host, such as the time."""
        return float(multihost_utils.broadcast_one_to_all(np.float32(number)))

    def place(self, arrays: Tree) -> Tree:
        """Copy a tree of arrays to every device."""
        return self._put(arrays, self._whole)

    def place_batch(self, batch: Mapping[str, Any]) -> Tree:
        """Give every device its part of a batch; each host has drawn all of it and keeps its own part."""
        return self._put(batch, self._split)

    def _put(self, arrays: Tree, sharding: Any) -> Tree:
        def put(array: Any) -> Any:
            whole = np.asarray(array)
            return jax.make_array_from_callback(whole.shape, sharding, lambda part: whole[part])

        return jax.tree.map(put, arrays)


def open_devices(count: int, batch: int) -> OneDevice | SharedDevices:
    """Return the devices to train on.

    Parameters
    ----------
    count : int
        How many, those of all hosts counted; 0 for all there are.
    batch : int
        Notes a step, an equal part for each.

    Raises
    ------
    DevicesError
        If `count` is more than there are, more than one with a backend other than JAX, or does not divide
        the batch.
    """
    if count == 0:
        count = len(jax.devices()) if keras.backend.backend() == "jax" else 1
    if count == 1:
        return OneDevice()
    if batch % count:
        raise DevicesError(f"{count} devices: expected a divisor of the batch of {batch}")
    if keras.backend.backend() != "jax":
        raise DevicesError(f"{count} devices: expected the jax backend, found {keras.backend.backend()}")
    return SharedDevices(count)
