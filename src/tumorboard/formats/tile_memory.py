"""The tiles of a slide that were decoded last, within a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np
from numpy.typing import NDArray

Place = tuple[int, int, int]


class TileMemory:
    """Tiles by (level, row, column); the one not used for longest goes first.

    Args:
        limit_bytes: Bytes of decoded pixels that are kept at most.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.n_bytes = 0
        self._tiles: OrderedDict[Place, NDArray[np.uint8]] = OrderedDict()
        self._lock = Lock()

    def get(self, place: Place) -> NDArray[np.uint8] | None:
        """The tile at `place`, now the last one used; None where it is not kept."""
        with self._lock:
            tile = self._tiles.get(place)
            if tile is not None:
                self._tiles.move_to_end(place)
            return tile

    def keep(self, place: Place, tile: NDArray[np.uint8]) -> None:
        """Keep `tile`, unless it alone is more than the limit."""
        with self._lock:
            if place in self._tiles or tile.nbytes > self.limit_bytes:
                return
            self._tiles[place] = tile
            self.n_bytes += tile.nbytes
            while self.n_bytes > self.limit_bytes:
                self.n_bytes -= self._tiles.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Forget every tile."""
        with self._lock:
            self._tiles.clear()
            self.n_bytes = 0
