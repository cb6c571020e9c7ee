"""Volumes read, resampled and cropped once, kept in the cache by content, and mapped from there."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.file_progress import FileProgress
from tumorboard.formats.image_fingerprints import SIDE_PX, Fingerprints, small_picture
from tumorboard.records import Cohort, FileRecord, Floats, Ints

log = logging.getLogger("tumorboard")


@dataclass(frozen=True)
class VolumeFiles:
    """What one volume is prepared from.

    Args:
        channels: Files of each channel, in natural order.
        mask: Files of the mask that it is cropped around.
        centre_mm: Point that it is cropped around, RAS+; empty for none.
    """

    channels: tuple[tuple[Path, ...], ...]
    mask: tuple[Path, ...] = ()
    centre_mm: tuple[float, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file, in order."""
        return tuple(path for files in (*self.channels, self.mask) for path in files)

    @property
    def where(self) -> Path:
        """What the first channel is called in messages."""
        return called(self.channels[0])


@dataclass(frozen=True)
class VolumeFacts:
    """What is remembered of a prepared volume, as plain data.

    Args:
        affine: (4, 4) voxel index of the prepared array -> world mm, RAS+.
        mean: (C,) mean of the prepared intensities where the scanner recorded something.
        sd: (C,) their standard deviation.
        landmarks: (C, 11) percentiles for harmonisation.
        quality: (measures,) of the middle plane.
        digest: Equal where the voxels that were read are.
        ignored: Number of a file among `VolumeFiles.files`, and why it is no part of the volume.
        notes: Sentences about this volume.
    """

    affine: Floats
    mean: Floats
    sd: Floats
    landmarks: Floats
    quality: Floats
    digest: str
    ignored: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()

    def encoded(self) -> NDArray[np.uint8]:
        """As an array that the cache can keep."""
        plain = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }
        return np.frombuffer(json.dumps(plain).encode("utf-8"), dtype=np.uint8)

    @classmethod
    def decoded(cls, array: NDArray[np.uint8]) -> VolumeFacts:
        """What `encoded` gave."""
        plain: dict[str, Any] = json.loads(array.tobytes())
        arrays = {
            name: np.asarray(plain[name], dtype=np.float64)
            for name in ("affine", "mean", "sd", "landmarks", "quality")
        }
        ignored = tuple((int(number), str(reason)) for number, reason in plain["ignored"])
        return cls(**arrays, digest=plain["digest"], ignored=ignored, notes=tuple(plain["notes"]))


#: Reads and prepares one volume: (C, X, Y, Z) float16 in 0..1, and what is remembered of it.
Prepare = Callable[[VolumeFiles], tuple[NDArray[np.float16], VolumeFacts]]


class PreparedVolumes:
    """Volumes in the cache: mapped from there, whole or in part, with where they lie.

    Args:
        cache: Where they are kept.
        sources: Key in the cache -> what it was prepared from, in the volumes' order.
        facts: What is remembered of each.
        apply: Prepares one volume again.
    """

    def __init__(
        self,
        cache: Cache,
        sources: Mapping[str, VolumeFiles],
        facts: Sequence[VolumeFacts],
        apply: Prepare,
    ) -> None:
        self.cache = cache
        self.facts = tuple(facts)
        self._keys = tuple(sources)
        self.sources = tuple(sources.values())
        self._apply = apply

    def stored(self, i: int) -> NDArray[np.float16]:
        """Volume `i` (C, X, Y, Z) in 0..1, mapped: only what is used is read.

        Raises:
            InputError: It was lost from the cache, and its files are not what they were.
        """
        array = self.cache.load(self._keys[i], mapped=True)
        return self._prepare_again(i) if array is None else array

    def patch(
        self, i: int, start: tuple[int, int, int], size: tuple[int, int, int]
    ) -> NDArray[np.float16]:
        """The box of `size` voxels from `start` on of volume `i`, which lies inside of it."""
        x, y, z = (slice(s, s + n) for s, n in zip(start, size, strict=True))
        return np.ascontiguousarray(self.stored(i)[:, x, y, z])

    def affines(self, index: Ints) -> Floats:
        """(n, 4, 4) affine of each prepared array."""
        return np.stack([self.facts[int(i)].affine for i in index]).reshape(-1, 4, 4)

    def fingerprints(self) -> Fingerprints:
        """Digest of the voxels that were read, and a small picture of each middle plane."""
        picture = np.zeros((len(self._keys), SIDE_PX, SIDE_PX), dtype=np.float16)
        for i in range(len(self._keys)):
            array = self.stored(i)
            picture[i] = small_picture(np.asarray(array[:1, :, :, array.shape[3] // 2]))
        return Fingerprints(tuple(facts.digest for facts in self.facts), picture)

    def _prepare_again(self, i: int) -> NDArray[np.float16]:
        source = self.sources[i]
        array, facts = self._apply(source)
        if facts.digest != self.facts[i].digest:
            raise InputError(
                f"{source.where}: changed during the run. Start the same command again."
            )
        self.cache.store(self._keys[i], array)
        log.warning("%s: prepared again, the cache had lost it", source.where)
        return array


def prepare_volumes(
    volumes: Sequence[VolumeFiles],
    apply: Prepare,
    settings: Mapping[str, object],
    cache: Cache,
    *,
    name: str,
) -> tuple[PreparedVolumes, Mapping[VolumeFiles, int], Mapping[VolumeFiles, str]]:
    """Prepare every volume that the cache does not hold yet, over several threads.

    Args:
        volumes: What to prepare; equal content is prepared once.
        apply: Prepares one.
        settings: What `apply` depends on beside the files.
        cache: Where prepared volumes are kept.
        name: The modality, for lines of progress.

    Returns:
        The volumes; the number of each among them; the reason for each that has none.
    """
    failed: dict[VolumeFiles, str] = {}
    keyed: dict[VolumeFiles, str] = {}
    with ThreadPoolExecutor(cache.workers) as pool:
        for volume, key, reason in pool.map(lambda v: _key(v, settings, cache), volumes):
            if reason:
                failed[volume] = reason
            else:
                keyed[volume] = key
        first = {key: volume for volume, key in reversed(keyed.items())}
        known = {key: _kept(key, cache) for key in first}
        todo = [key for key, facts in known.items() if facts is None]
        if todo:
            log.info("%s: preparing %d of %d volumes", name, len(todo), len(known))
        elif known:
            log.info("%s: %d volumes prepared earlier", name, len(known))
        progress = FileProgress(name, len(todo), "volumes prepared")
        unusable: dict[str, str] = {}
        results = pool.map(lambda key: _prepare_one(key, first[key], apply, cache), todo)
        for key, result in zip(todo, results, strict=True):
            if isinstance(result, str):
                unusable[key] = result
            else:
                known[key] = result
            progress.step()
    facts = {key: known[key] for key in sorted(known)}
    usable = {key: each for key, each in facts.items() if each is not None}
    number = {key: i for i, key in enumerate(usable)}
    failed |= {volume: unusable[key] for volume, key in keyed.items() if key in unusable}
    numbers = {volume: number[key] for volume, key in keyed.items() if key in number}
    sources = {key: first[key] for key in usable}
    return PreparedVolumes(cache, sources, list(usable.values()), apply), numbers, failed


def called(files: Sequence[Path]) -> Path:
    """The file, or the folder that holds several."""
    return files[0] if len(files) == 1 else files[0].parent


def _key(
    volume: VolumeFiles, settings: Mapping[str, object], cache: Cache
) -> tuple[VolumeFiles, str, str]:
    """The volume with its key in the cache, or the reason why it has none."""
    own = {
        **settings,
        "kind": "volume",
        "n_files": [len(files) for files in (*volume.channels, volume.mask)],
        "centre_mm": list(volume.centre_mm),
    }
    try:
        return volume, cache.key(own, *volume.files), ""
    except FileNotFoundError as error:
        return volume, "", f"{error.filename}: no such file."
    except OSError as error:
        return volume, "", f"{error.filename}: cannot be read ({error.strerror})."


def _facts_key(key: str, cache: Cache) -> str:
    return cache.key({"kind": "volume facts", "volume": key})


def _kept(key: str, cache: Cache) -> VolumeFacts | None:
    array = cache.load(_facts_key(key, cache))
    if array is None or cache.load(key, mapped=True) is None:  # absent or cut short
        return None
    return VolumeFacts.decoded(array)


def _prepare_one(key: str, volume: VolumeFiles, apply: Prepare, cache: Cache) -> VolumeFacts | str:
    try:
        array, facts = apply(volume)
    except InputError as error:
        return " ".join(error.problems)
    except OSError as error:
        return f"{volume.where}: cannot be read ({error.strerror or error})."
    cache.store(key, array)
    cache.store(_facts_key(key, cache), facts.encoded())
    return facts


def volume_records(
    cohort: Cohort, name: str, wanted: Mapping[int, VolumeFiles],
    rejected: Mapping[int, tuple[Path, str]], volumes: PreparedVolumes, number: Ints,
) -> tuple[FileRecord, ...]:  # fmt: skip
    """What became of every file; a file used by one row stays used whatever another row says."""
    states: dict[Path, FileRecord] = {}
    for row, files in wanted.items():
        if row in rejected:
            continue
        ignored = dict(volumes.facts[int(number[row])].ignored)
        for place, path in enumerate(files.files):
            state = "ignored" if place in ignored else "used"
            reason = ignored.get(place, "")
            states[path] = FileRecord(path, state, reason, name, cohort.patient_id[row])
    for row, (_, reason) in rejected.items():
        for path in cohort.files[name][row]:
            record = FileRecord(path, "rejected", reason, name, cohort.patient_id[row])
            states.setdefault(path, record)
    return tuple(states.values())
