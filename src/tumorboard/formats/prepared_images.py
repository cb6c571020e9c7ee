"""Images decoded and resized once, kept in the cache by content, handed out as batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.file_progress import FileProgress
from tumorboard.formats.image_preparation import Preparation
from tumorboard.formats.slices import Slice
from tumorboard.records import Bools, Floats, Ints

log = logging.getLogger("tumorboard")

#: Up to this size all prepared images are kept in memory, above it they are read from the cache.
MEMORY_BYTES = 2 * 1024**3
#: Weights of red, green and blue in grey (ITU-R BT.601), in thousandths.
_LUMINANCE = (299, 587, 114)
# What is remembered of each image: channels, is float, then mean and mean square of R, G, B, grey.
_N_FACTS = 10


class PreparedImages:
    """Images in the cache: how many channels each has, its moments, and batches of them.

    Args:
        cache: Where they are kept.
        sources: Key in the cache -> the slice that it was prepared from, in the images' order.
        facts: (images, facts) channels and moments of each.
        preparation: What was done to each.
    """

    def __init__(
        self, cache: Cache, sources: Mapping[str, Slice], facts: Floats, preparation: Preparation
    ) -> None:
        self.cache = cache
        self._keys = tuple(sources)
        self._sources = tuple(sources.values())
        self._facts = facts
        self.preparation = preparation
        self._size = preparation.size
        self._memory: dict[int, NDArray[Any]] = {}
        self._is_loaded: dict[int, NDArray[np.bool_]] = {}
        self._measured: dict[str, dict[int, Floats]] = {}

    @property
    def n_channels(self) -> Ints:
        """(images,) 1 for a grey image, 3 for colour, 0 for one that could not be read."""
        return np.nan_to_num(self._facts[:, 0], nan=0.0).astype(np.int64)

    @property
    def sources(self) -> Mapping[str, Slice]:
        """Key in the cache -> the slice that it was prepared from, in the images' order."""
        return dict(zip(self._keys, self._sources, strict=True))

    @property
    def is_cropped(self) -> Bools:
        """(images,) whether each is a part of its file."""
        return np.asarray([len(source.box) > 0 for source in self._sources], dtype=np.bool_)

    def stored(self, i: int) -> NDArray[Any]:
        """Image `i` as it is kept, (C, H, W), C 1 or 3; read again each time."""
        image = self.cache.load(self._keys[i])
        return self._prepare_again(i) if image is None else image

    def moments(self, channels: int) -> tuple[Floats, Floats]:
        """Mean and mean square (images, channels) of the intensities in 0..1."""
        if channels == 1:
            return self._facts[:, 5:6], self._facts[:, 9:10]
        return self._facts[:, 2:5], self._facts[:, 6:9]

    def measure(
        self, index: Ints, of: Callable[[NDArray[np.float32]], Floats], *, kind: str
    ) -> Floats:
        """What `of` says of each image in grey, computed once and kept in the cache.

        Args:
            index: (n,) numbers of images.
            of: Grey images (1, H, W) in 0..1 to numbers (1, F).
            kind: Name of these numbers in the cache; change it when `of` changes.

        Returns:
            (n, F) numbers.
        """
        key = self.cache.key({"kind": kind, "images": self._keys})
        if kind not in self._measured:
            known = self.cache.load(key)
            self._measured[kind] = {} if known is None else dict(enumerate(known))
        known_of = self._measured[kind]
        new = [i for i in np.unique(index).tolist() if np.isnan(known_of.get(i, np.nan)).any()]
        for i in new:
            known_of[i] = of(self._load(i, 1, np.dtype(np.float32), mapped=False))[0]
        if new:
            empty = np.full_like(known_of[new[0]], np.nan)
            every = [known_of.get(i, empty) for i in range(len(self._keys))]
            self.cache.store(key, np.stack(every))
        return np.stack([known_of[i] for i in index.tolist()])

    def take(self, index: Ints, channels: int) -> NDArray[Any]:
        """Images of any shape of `index`: (*index.shape, channels, H, W).

        uint8 where all images of the cohort are, else float32 in 0..1.
        """
        shape = (len(self._keys), channels, *self._size)
        dtype = np.dtype(np.float32 if (self._facts[:, 1] > 0).any() else np.uint8)
        if np.prod(shape, dtype=np.int64) * dtype.itemsize > MEMORY_BYTES:
            images = [self._load(int(i), channels, dtype, mapped=True) for i in index.ravel()]
            return np.stack(images).reshape(*index.shape, *shape[1:])
        if channels not in self._memory:
            self._memory[channels] = np.empty(shape, dtype=dtype)
            self._is_loaded[channels] = np.zeros(len(self._keys), dtype=np.bool_)
        memory, is_loaded = self._memory[channels], self._is_loaded[channels]
        for i in np.unique(index[~is_loaded[index]]):
            memory[i] = self._load(int(i), channels, dtype, mapped=False)
            is_loaded[i] = True
        return memory[index]

    def _load(self, i: int, channels: int, dtype: np.dtype[Any], *, mapped: bool) -> NDArray[Any]:
        image = self.cache.load(self._keys[i], mapped=mapped)
        if image is None:
            image = self._prepare_again(i)
        image = _with_channels(image, channels)
        if image.dtype == dtype:
            return image
        return image.astype(np.float32) / np.float32(255)

    def _prepare_again(self, i: int) -> NDArray[Any]:
        """An image that was removed or damaged in the cache during the run.

        Raises:
            InputError: Its file is not what it was, or cannot be read any more.
        """
        item, key = self._sources[i], self._keys[i]
        _, found, reason = _key(item, self.preparation, self.cache)
        if not reason and found != key:
            reason = f"{item.path}: changed during the run. Start the same command again."
        if not reason:
            result = _prepare_one(item, key, self.preparation, self.cache)
            reason = result if isinstance(result, str) else ""
        image = None if reason else self.cache.load(key)
        if image is None:
            raise InputError(
                reason or f"{self.cache.path(key)}: cannot be kept. Is the disk of the cache full?"
            )
        log.warning("%s: prepared again, the cache had lost it", item.path)
        return image


def prepare(
    slices: Sequence[Slice], preparation: Preparation, cache: Cache, *, name: str
) -> tuple[PreparedImages, Mapping[Slice, int], Mapping[Slice, str]]:
    """Prepare every image that the cache does not hold yet, over several threads.

    Args:
        slices: What to prepare; equal content is prepared once.
        preparation: What is done to each.
        cache: Where prepared images are kept.
        name: The modality, for lines of progress.

    Returns:
        The images; the number of each slice among them; the reason for each slice that has none.
    """
    failed: dict[Slice, str] = {}
    with ThreadPoolExecutor(cache.workers) as pool:
        keyed: dict[Slice, str] = {}
        for item, key, reason in pool.map(lambda s: _key(s, preparation, cache), slices):
            if reason:
                failed[item] = reason
            else:
                keyed[item] = key
        first = {key: item for item, key in reversed(keyed.items())}
        keys = sorted(first)
        facts_key = cache.key({"kind": "image facts", "images": keys})
        facts = cache.load(facts_key)
        if facts is None:
            facts = np.full((len(keys), _N_FACTS), np.nan)
        todo = [
            i for i, key in enumerate(keys)
            if np.isnan(facts[i, 0]) or cache.load(key, mapped=True) is None  # absent or cut short
        ]  # fmt: skip
        if todo:
            log.info("%s: preparing %d of %d images", name, len(todo), len(keys))
        elif keys:
            log.info("%s: %d images prepared earlier", name, len(keys))
        progress = FileProgress(name, len(todo), "images prepared")
        unusable: dict[str, str] = {}
        work = pool.map(lambda i: _prepare_one(first[keys[i]], keys[i], preparation, cache), todo)
        for i, result in zip(todo, work, strict=True):
            if isinstance(result, str):
                unusable[keys[i]] = result
            else:
                facts[i] = result
            progress.step()
    if len(todo) > len(unusable):
        cache.store(facts_key, facts)
    number = {key: i for i, key in enumerate(keys)}
    failed |= {item: unusable[key] for item, key in keyed.items() if key in unusable}
    numbers = {item: number[key] for item, key in keyed.items() if key not in unusable}
    sources = {key: first[key] for key in keys}
    return PreparedImages(cache, sources, facts, preparation), numbers, failed


def _key(item: Slice, preparation: Preparation, cache: Cache) -> tuple[Slice, str, str]:
    """The slice with its key in the cache, or the reason why it has none."""
    # what was prepared before pictures could be cropped stays
    box = {"box": list(item.box)} if item.box else {}
    try:
        return item, cache.key(preparation.settings(item.offset) | box, item.path), ""
    except FileNotFoundError:
        return item, "", f"{item.path}: no such file."
    except OSError as error:
        return item, "", f"{item.path}: cannot be read ({error.strerror})."


def _prepare_one(item: Slice, key: str, preparation: Preparation, cache: Cache) -> Floats | str:
    """Facts of one image, prepared now if the cache lacks it; the reason if it is unusable."""
    image = cache.load(key)
    if image is None:
        try:
            image = preparation.apply(item)
        except InputError as error:
            return str(error)
        except OSError as error:
            return f"{item.path}: cannot be read ({error.strerror or error})."
        cache.store(key, image)
    unit = image.astype(np.float64) / (255.0 if image.dtype == np.uint8 else 1.0)
    colours = np.broadcast_to(unit, (3, *unit.shape[1:]))
    grey = np.tensordot(np.asarray(_LUMINANCE) / 1000, colours, axes=1)[np.newaxis]
    every = np.concatenate([colours, grey]).reshape(4, -1)
    is_float = image.dtype != np.uint8
    return np.asarray([len(image), is_float, *every.mean(axis=1), *(every**2).mean(axis=1)])


def _with_channels(image: NDArray[Any], channels: int) -> NDArray[Any]:
    """Grey repeated as red, green and blue; colour to grey by luminance."""
    if len(image) == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=0)
    if image.dtype == np.uint8:
        total = np.tensordot(np.asarray(_LUMINANCE), image.astype(np.int64), axes=1)
        return ((total + 500) // 1000).astype(np.uint8)[np.newaxis]
    grey = np.tensordot(np.asarray(_LUMINANCE) / 1000, image, axes=1)
    return grey.astype(np.float32)[np.newaxis]


def grey_of(images: NDArray[Any]) -> NDArray[np.float32]:
    """Grey images (n, H, W) in 0..1 of (n, C, H, W): bytes or 0..1, one channel or three."""
    grey = np.stack([_with_channels(image, 1)[0] for image in images])
    return grey.astype(np.float32) / np.float32(255) if images.dtype == np.uint8 else grey


def file_paths(slices: Sequence[Slice]) -> tuple[Path, ...]:
    """Files of these slices without repetition."""
    return tuple(dict.fromkeys(item.path for item in slices))
