"""Histogram harmonisation: the intensities of every scanner on one scale learned in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.records import Bools, Floats
from tumorboard.transforms.volume_planes import to_channels

#: Percentiles of the foreground that are matched: both ends and the deciles between.
PERCENTILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)
#: Landmarks this near to each other are one: there is no intensity between them.
_LEAST_STEP = 1e-6


def landmarks_of(values: NDArray[np.float32], inside: Bools, *, above_mean: bool) -> Floats:
    """(11,) percentiles of the foreground of one channel; NaN where there is none.

    Args:
        values: (X, Y, Z) intensities.
        inside: (X, Y, Z) True where the scanner recorded something.
        above_mean: The foreground is what is brighter than the mean, as suits MR; else everything.
    """
    chosen = values[inside]
    if above_mean and len(chosen):
        chosen = chosen[chosen > chosen.mean(dtype=np.float64)]
    if len(chosen) == 0:
        return np.full(len(PERCENTILES), np.nan)
    return np.percentile(chosen, PERCENTILES).astype(np.float64)


def standard_scale(landmarks: Floats, weight: Floats) -> Floats:
    """(C, 11) where the landmarks come to lie: their mean over training volumes, from 0 to 1.

    Each volume is first stretched so that its outer landmarks are 0 and 1.

    Args:
        landmarks: (n, C, 11) of training volumes.
        weight: (n,) of each; the volumes of one patient weigh as much as those of another.

    Source:
        Nyul and Udupa, Magn Reson Med 1999; 42: 1072-1081; with deciles: Nyul, Udupa and Zhang,
        IEEE Trans Med Imaging 2000; 19: 143-150.

    Raises:
        InputError: No training volume has a foreground.
    """
    usable = np.isfinite(landmarks).all(axis=2)
    first, last = landmarks[..., :1], landmarks[..., -1:]
    usable &= (last - first)[..., 0] > _LEAST_STEP
    if not usable.any(axis=0).all():
        raise InputError(
            "harmonise: no training volume has intensities to fit a common scale on; every one is "
            "constant."
        )
    share = np.where(usable, weight[:, None], 0.0)
    share = share / share.sum(axis=0)
    stretched = (landmarks - first) / np.where(usable[..., None], last - first, 1.0)
    return np.nansum(share[..., None] * np.where(usable[..., None], stretched, 0.0), axis=0)


def match_histogram(
    values: NDArray[np.floating], landmarks: Floats, standard: Floats
) -> NDArray[np.float32]:
    """One channel on the standard scale, linear between landmarks, clipped to 0..1.

    Args:
        values: Intensities of one channel.
        landmarks: (11,) of this volume; without foreground the values stay as they are.
        standard: (11,) from `standard_scale`.
    """
    flat = values.astype(np.float32)
    if not np.isfinite(landmarks).all() or landmarks[-1] - landmarks[0] <= _LEAST_STEP:
        return flat
    keep = np.concatenate([[True], np.diff(np.maximum.accumulate(landmarks)) > _LEAST_STEP])
    at, to = landmarks[keep], standard[keep]
    # the outer pieces go on beyond the outer landmarks, as in the source
    below, above = _beyond(at, to, first=True), _beyond(at, to, first=False)
    at = np.concatenate([below[:1], at, above[:1]])
    to = np.concatenate([below[1:], to, above[1:]])
    return np.clip(np.interp(flat, at, to), 0.0, 1.0).astype(np.float32)


def match_histograms(
    volumes: NDArray[np.floating], landmarks: Sequence[Floats], standard: Floats
) -> NDArray[np.float32]:
    """`match_histogram` of every channel of (n, C, X, Y, Z).

    Args:
        volumes: In 0..1.
        landmarks: (c, 11) of each volume; see `to_channels` where c is not C.
        standard: (C, 11).
    """
    result = np.empty(volumes.shape, dtype=np.float32)
    for place, marks in enumerate(landmarks):
        own = to_channels(marks, len(standard))
        for channel in range(len(standard)):
            result[place, channel] = match_histogram(
                volumes[place, channel], own[channel].astype(np.float64), standard[channel]
            )
    return result


def _beyond(at: Floats, to: Floats, *, first: bool) -> Floats:
    """(2,) a point one range further out on the line through the outer two landmarks."""
    inner, outer = (1, 0) if first else (-2, -1)
    reach = (at[0] - at[-1]) if first else (at[-1] - at[0])
    slope = (to[outer] - to[inner]) / (at[outer] - at[inner])
    return np.asarray([at[outer] + reach, to[outer] + reach * slope])
