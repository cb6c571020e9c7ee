"""Reinhard normalisation: the colours of a slide get another slide's mean and spread, in CIELAB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.records import Floats
from tumorboard.transforms.stains import BLOCK_VALUES

Bytes = NDArray[np.uint8]
Floats32 = NDArray[np.float32]

#: sRGB to XYZ for the white point D65: IEC 61966-2-1, as derived from its primaries.
_XYZ_OF_RGB = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
#: The white of these primaries, so that white has a* = b* = 0 exactly.
_WHITE = _XYZ_OF_RGB.sum(axis=1)
_TO_XYZ = (_XYZ_OF_RGB / _WHITE[:, None]).astype(np.float32)
_FROM_XYZ = np.linalg.inv(_XYZ_OF_RGB / _WHITE[:, None]).astype(np.float32)
#: CIE 15:2004, f(t): a cube root, and a line below (6/29)^3.
_DELTA = 6 / 29
_LAB_OF_F = np.array([[0, 116, 0], [500, -500, 0], [0, 200, -200]], np.float32)
_F_OF_LAB = np.linalg.inv(_LAB_OF_F.astype(np.float64)).astype(np.float32)
_VALUES = np.arange(256) / 255
#: Light of each byte.
_LINEAR = np.where(_VALUES <= 0.04045, _VALUES / 12.92, ((_VALUES + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)
#: Byte of light in steps of 1/65535: at the steepest point a step is a twentieth of a byte.
_LIGHT = np.arange(65536) / 65535
_BYTE_OF_LIGHT = np.rint(
    255 * np.where(_LIGHT <= 0.0031308, 12.92 * _LIGHT, 1.055 * _LIGHT ** (1 / 2.4) - 0.055)
).astype(np.uint8)
#: A spread of less than this is rounding: there is nothing that could be scaled.
_MIN_SD = 0.01


@dataclass(frozen=True, kw_only=True)
class LabMoments:
    """Mean and spread of the colours of one slide.

    Args:
        mean: (3,) of L*, a* and b*.
        sd: (3,) their standard deviations.
    """

    mean: Floats
    sd: Floats

    def to_plain(self) -> dict[str, Any]:
        """As lists, for JSON."""
        return {"mean": self.mean.tolist(), "sd": self.sd.tolist()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> LabMoments:
        """What `to_plain` wrote."""
        mean, sd = (np.asarray(plain[key], np.float64).reshape(3) for key in ("mean", "sd"))
        return cls(mean=mean, sd=sd)


def rgb_to_lab(pixels: Bytes) -> Floats32:
    """CIELAB (n, 3) of sRGB pixels (n, 3), white point D65: L* in 0..100."""
    return np.ascontiguousarray(_planes_to_lab(pixels.T).T)


def lab_to_rgb(lab: Floats32) -> Bytes:
    """SRGB pixels (n, 3) of CIELAB (n, 3); colours that sRGB lacks are cut."""
    return np.ascontiguousarray(_lab_to_planes(np.ascontiguousarray(lab.T)).T)


def lab_moments(pixels: Bytes, *, where: str = "slide") -> LabMoments:
    """Mean and spread of L*, a* and b* over the pixels (n, 3) of one slide.

    Give pixels with tissue only: the share of bare glass would move both, and is no property of
    the stain.

    Raises:
        InputError: No pixel, or pixels of one colour or of greys only.
    """
    if len(pixels) == 0:
        raise InputError(
            f"{where}: found no pixel with tissue, expected some to measure its colours. Leave the "
            'slide out, or set stain normalisation to "none".'
        )
    lab = rgb_to_lab(pixels.reshape(-1, 3)).astype(np.float64)
    moments = LabMoments(mean=lab.mean(axis=0), sd=lab.std(axis=0))
    if moments.sd.min() < _MIN_SD:
        sds = ", ".join(f"{sd:.3g}" for sd in moments.sd)
        raise InputError(
            f"{where}: the standard deviations of L*, a* and b* are {sds}, expected more than "
            f"{_MIN_SD:g} each: the pixels have one colour or are grey. Leave the slide out, or "
            'set stain normalisation to "none".'
        )
    return moments


def typical_moments(moments: Sequence[LabMoments]) -> LabMoments:
    """The middle of several slides' colours, medians by element: fitted on training slides."""
    if not moments:
        raise InputError("colours: no training slide whose colours could be measured.")
    return LabMoments(
        mean=np.median([one.mean for one in moments], axis=0),
        sd=np.median([one.sd for one in moments], axis=0),
    )


def reinhard_normalise(patches: Bytes, source: LabMoments, target: LabMoments) -> Bytes:
    """Patches (n, 3, h, w) with the colours of `source`, with those of `target`.

    Source:
        Reinhard et al., Color transfer between images, IEEE CG&A 2001;21:34-41, in CIELAB where
        the paper has the space l-alpha-beta: both part lightness from two axes of colour.
    """
    n, channels, height, width = patches.shape
    flat = patches.reshape(n, channels, height * width)
    scale = target.sd / source.sd
    shift = target.mean - scale * source.mean
    scale, shift = (value.astype(np.float32)[:, None] for value in (scale, shift))
    result = np.empty_like(flat)
    step = max(1, BLOCK_VALUES // max(1, channels * height * width))
    for start in range(0, n, step):
        block = slice(start, start + step)
        result[block] = _lab_to_planes(_planes_to_lab(flat[block]) * scale + shift)
    return result.reshape(patches.shape)


def _planes_to_lab(planes: Bytes) -> Floats32:
    """CIELAB (..., 3, n) of bytes (..., 3, n)."""
    t = _TO_XYZ @ _LINEAR[planes]
    f = np.cbrt(t)
    dark = t <= _DELTA**3  # few pixels: cheaper than a choice for each
    f[dark] = t[dark] / np.float32(3 * _DELTA**2) + np.float32(4 / 29)
    lab = _LAB_OF_F @ f
    lab[..., 0, :] -= 16
    return lab


def _lab_to_planes(lab: Floats32) -> Bytes:
    """Bytes (..., 3, n) of CIELAB (..., 3, n)."""
    raised = lab.copy()
    raised[..., 0, :] += 16
    f = _F_OF_LAB @ raised
    t = f * f * f
    dark = f <= _DELTA
    t[dark] = np.float32(3 * _DELTA**2) * (f[dark] - np.float32(4 / 29))
    light = np.clip(_FROM_XYZ @ t, 0, 1)
    return _BYTE_OF_LIGHT[np.rint(light * 65535).astype(np.uint16)]
