"""Embeddings of texts computed once: kept in memory up to a bound, and on disk by content."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tumorboard.cache import Cache

Array = NDArray[Any]


class Memory:
    """Arrays by key; the one that was not asked for longest goes first.

    Args:
        most_bytes: Bytes of all arrays together.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.n_bytes = 0
        self._arrays: OrderedDict[str, Array] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Array | None:
        """The array of a key, or None."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
            return self._arrays.get(key)

    def put(self, key: str, array: Array) -> None:
        """Keep an array, unless it alone is over the bound."""
        if array.nbytes > self.most_bytes:
            return
        with self._lock:
            before = self._arrays.pop(key, None)
            self.n_bytes += array.nbytes - (before.nbytes if before is not None else 0)
            self._arrays[key] = array
            while self.n_bytes > self.most_bytes:
                _, gone = self._arrays.popitem(last=False)
                self.n_bytes -= gone.nbytes

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._arrays.clear()
            self.n_bytes = 0


#: Shared by all encoders of a process: folds embed the same notes. 512 MB.
MEMORY = Memory(2**29)


class KeptEmbeddings:
    """Embeddings of texts by what made them; neither a key nor a file tells the text.

    Args:
        settings: Everything beside the text that the embedding depends on.
        memory: Where they are kept in this process.
    """

    def __init__(self, settings: Mapping[str, object], *, memory: Memory = MEMORY) -> None:
        self.settings = dict(settings)
        self.memory = memory
        self._cache: Cache | None = None
        #: Off for texts that nobody will ask for again.
        self.is_on_disk = True

    def __deepcopy__(self, memo: dict[int, object]) -> KeptEmbeddings:
        """Of a copied network: the same embeddings, which are neither copied nor read anew."""
        made = KeptEmbeddings(self.settings, memory=self.memory)
        made.is_on_disk = self.is_on_disk
        return made

    def get(self, text: str, part: str) -> Array | None:
        """What is kept of a text, or None."""
        key = self._key(text, part)
        found = self.memory.get(key)
        if found is None:
            found = self._disk.load(key)
            if found is not None:
                self.memory.put(key, found)
        return found

    def put(self, text: str, part: str, array: Array) -> None:
        """Keep a part of what was made of a text: "pooled" or "tokens"."""
        key = self._key(text, part)
        whole = np.ascontiguousarray(array)
        self.memory.put(key, whole)
        if self.is_on_disk:
            self._disk.store(key, whole)

    @property
    def _disk(self) -> Cache:
        if self._cache is None:
            self._cache = Cache()
        return self._cache

    def _key(self, text: str, part: str) -> str:
        return self._disk.key({"of": "embedding", "part": part, "text": text, **self.settings})


@contextmanager
def kept_in_memory(network: nn.Module) -> Generator[None]:
    """Embeddings of this network's encoders stay off the disk, such as those of changed notes."""
    kept = [
        value
        for part in network.modules()
        for value in vars(part).values()
        if isinstance(value, KeptEmbeddings)
    ]
    before = [one.is_on_disk for one in kept]
    for one in kept:
        one.is_on_disk = False
    try:
        yield
    finally:
        for one, was in zip(kept, before, strict=True):
            one.is_on_disk = was
