"""Prepared arrays kept by content: done once, whatever file name or study asks for them."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

#: Raise when the way that prepared arrays are computed changes, so that old ones are not reused.
CACHE_VERSION = 1


def default_folder() -> Path:
    """`TUMORBOARD_CACHE`, else `~/.cache/tumorboard`."""
    named = os.environ.get("TUMORBOARD_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "tumorboard"


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a name beside `path`, fsync, rename: the final name is always complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Force a folder's files to the disk, so that a rename never uncovers an empty file."""
    for path in (*folder.iterdir(), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_atomic(path, lambda temporary: temporary.write_bytes(text.encode("utf-8")))


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class Cache:
    """Arrays by key, and file hashes remembered by (path, size, modification time).

    The hash of a file that did not change is not computed again, so that a second start of a study
    reads no input file twice. Use as a context manager, or call `close` to keep the hashes.

    Args:
        folder: Where arrays are kept; `default_folder()` where left out.
        workers: Threads that prepare what is not kept yet; 0 is one per core.
    """

    def __init__(self, folder: Path | None = None, *, workers: int = 0) -> None:
        self.folder = folder or default_folder()
        self.workers = workers or os.cpu_count() or 1
        self._index = self.folder / "hashes.json"
        self._hashes = _read_index(self._index)
        self._changed = False

    def __enter__(self) -> Cache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Keep the file hashes that were computed, beside those that others kept meanwhile."""
        if self._changed:
            write_text(self._index, json.dumps(_read_index(self._index) | self._hashes))
            self._changed = False

    def sha256(self, path: Path) -> str:
        """SHA-256 of a file, from memory while its size and modification time are unchanged."""
        name = str(path.absolute())
        status = path.stat()
        known = self._hashes.get(name)
        if known is not None and known[:2] == [status.st_size, status.st_mtime_ns]:
            return str(known[2])
        digest = sha256_file(path)
        self._hashes[name] = [status.st_size, status.st_mtime_ns, digest]
        self._changed = True
        return digest

    def key(self, settings: Mapping[str, object], *paths: Path) -> str:
        """Key of what `settings` make of the content of `paths`, whatever the files are called."""
        text = json.dumps(
            {
                "version": CACHE_VERSION,
                "settings": settings,
                "files": [self.sha256(p) for p in paths],
            },
            sort_keys=True,
        )
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    def path(self, key: str) -> Path:
        """Where the array of `key` is or will be."""
        return self.folder / key[:2] / f"{key}.npy"

    def load(self, key: str, *, mapped: bool = False) -> NDArray[Any] | None:
        """The array of `key`, memory-mapped on request; None where it is absent or damaged."""
        path = self.path(key)
        if not path.is_file():
            return None
        try:
            return np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        except (ValueError, EOFError):  # cut short by a full disk: preparing it again is exact
            return None

    def store(self, key: str, array: NDArray[Any]) -> None:
        """Keep `array` under `key`, atomically."""

        def write(temporary: Path) -> None:
            with temporary.open("wb") as handle:
                np.save(handle, array, allow_pickle=False)

        write_atomic(self.path(key), write)


def _read_index(path: Path) -> dict[str, list[Any]]:
    """File hashes that were kept; none where the index is absent or damaged."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # only a memory: computing the hashes again is exact
        return {}
    if not isinstance(index, dict):
        return {}
    entries = cast("dict[str, Any]", index)
    return {name: entry for name, entry in entries.items() if _is_entry(entry)}


def _is_entry(entry: object) -> bool:
    return isinstance(entry, list) and len(cast("list[object]", entry)) == 3
