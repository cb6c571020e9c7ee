"""Stains of bright-field slides: optical density, their estimation, and Macenko normalisation.

Light that passes stained tissue is weakened by a factor per stain, so that optical densities add
up (Beer-Lambert) where colours do not. All densities here are decadic, with (byte + 1) / 256 for
the share of light that passes: white is 0 and every byte comes back as it was.

Reinhard's normalisation is in `reinhard`, random changes of stain in `stain_augmentation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.records import Floats

Bytes = NDArray[np.uint8]
Floats32 = NDArray[np.float32]

#: Fewer pixels with tissue than this say nothing certain about the first percentile of them.
MIN_TISSUE_PIXELS = 1000
#: Two estimated stains nearer than this are one: on the images of BreCaHAD haematoxylin and eosin
#: are 15 to 24 degrees apart.
_MIN_ANGLE_DEGREES = 2.0
#: Optical density (red, green, blue) of haematoxylin, eosin and DAB as measured on single-stained
#: slides, rows scaled to length 1: Ruifrok & Johnston, Anal Quant Cytol Histol 2001;23:291-299.
_HED = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
HED: Floats = _HED / np.linalg.norm(_HED, axis=1, keepdims=True)
#: Decadic optical density of each byte.
_OD_OF_BYTE = -np.log10((np.arange(256) + 1) / 256).astype(np.float32)
#: Values that are worked on at once, 8 patches of 64 x 64: their densities stay within a
#: processor's cache, and their memory is used again instead of given back and asked for.
BLOCK_VALUES = 8 * 3 * 64 * 64


@dataclass(frozen=True, kw_only=True)
class Stain:
    """How one slide is stained with haematoxylin and eosin.

    Args:
        vectors: (2, 3) optical density of red, green and blue by haematoxylin (first) and eosin,
            each row of length 1.
        maximum: (2,) concentration of each at its 99th percentile over the tissue.
    """

    vectors: Floats
    maximum: Floats

    def to_plain(self) -> dict[str, Any]:
        """As lists, for JSON."""
        return {"vectors": self.vectors.tolist(), "maximum": self.maximum.tolist()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Stain:
        """What `to_plain` wrote."""
        return cls(
            vectors=np.asarray(plain["vectors"], np.float64).reshape(2, 3),
            maximum=np.asarray(plain["maximum"], np.float64).reshape(2),
        )


def rgb_to_od(rgb: Bytes) -> Floats32:
    """Decadic optical density of bytes of any shape; white is 0, black 2.41."""
    return _OD_OF_BYTE[rgb]


def od_to_rgb(od: NDArray[np.floating[Any]]) -> Bytes:
    """Bytes of optical densities, rounded and cut to what a byte holds."""
    # exp is several times faster than 10 ** x
    light = np.exp(np.float32(-np.log(10)) * od.astype(np.float32, copy=False))
    return np.rint(np.clip(256 * light - 1, 0, 255)).astype(np.uint8)


def rgb_to_hed(rgb: Bytes) -> Floats32:
    """Concentrations (..., 3) of haematoxylin, eosin and DAB in pixels (..., 3)."""
    return rgb_to_od(rgb) @ np.linalg.inv(HED).astype(np.float32)


def hed_to_rgb(hed: NDArray[np.floating[Any]]) -> Bytes:
    """Pixels (..., 3) of concentrations (..., 3), the inverse of `rgb_to_hed`."""
    return od_to_rgb(hed @ HED)


def estimate_stains(
    pixels: Bytes,
    *,
    alpha: float = 1.0,
    beta: float = 0.15,
    min_pixels: int = MIN_TISSUE_PIXELS,
    where: str = "slide",
) -> Stain:
    """Directions and strengths of haematoxylin and eosin in the pixels of one slide.

    The pixels with tissue lie, as densities, in the plane of the two stains. Haematoxylin and eosin
    are the outermost directions in that plane; haematoxylin is the one that takes more red.

    Args:
        pixels: (n, 3) of one slide; glass may be among them.
        alpha: Percentage of pixels on each side that is taken for noise.
        beta: Pixels whose density (red, green, blue as a vector) is shorter are glass.
        min_pixels: Pixels with tissue that are needed.
        where: Name of the slide, for the error.

    Raises:
        InputError: Too little tissue, or a single stain.

    Source:
        Macenko et al., A method for normalizing histology slides for quantitative analysis, ISBI
        2009 (alpha 1, beta 0.15). The plane goes through the origin, as Beer-Lambert has it.
    """
    od = rgb_to_od(pixels.reshape(-1, 3))
    od = od[np.einsum("ij,ij->i", od, od) >= beta**2]
    if len(od) < max(min_pixels, 1):
        raise InputError(
            f"{where}: found {len(od)} pixels with tissue (optical density {beta:g} or more) of "
            f"{len(pixels)}, expected at least {min_pixels} to estimate its stains. Leave the "
            'slide out, take more of its pixels, or set stain normalisation to "none".'
        )
    vectors = _outermost(od, alpha)
    degrees = float(np.degrees(np.arccos(np.clip(vectors[0] @ vectors[1], -1.0, 1.0))))
    if degrees < _MIN_ANGLE_DEGREES:
        raise InputError(
            f"{where}: found one colour of stain (the two directions are {degrees:.1f} degrees "
            f"apart), expected haematoxylin and eosin, at least {_MIN_ANGLE_DEGREES:g} degrees. "
            'Leave the slide out, or set stain normalisation to "none".'
        )
    concentrations = od @ np.linalg.pinv(vectors).astype(np.float32)
    maximum = np.percentile(concentrations, 99, axis=0).astype(np.float64)
    return Stain(vectors=vectors, maximum=maximum)


def _outermost(od: Floats32, alpha: float) -> Floats:
    """(2, 3) the outermost directions of densities (n, 3) in their plane, haematoxylin first."""
    # Right singular vectors of `od`, from the 3 x 3 matrix of products: eigh sorts them upwards.
    _, axes = np.linalg.eigh((od.T @ od).astype(np.float64))
    first, second = axes[:, 2], axes[:, 1]
    first = first if first.sum() > 0 else -first
    plane = np.stack([first, second])
    along, across = (od @ plane.T.astype(np.float32)).T
    angles = np.percentile(np.arctan2(across, along), [alpha, 100 - alpha])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ plane
    return vectors if vectors[0, 0] >= vectors[1, 0] else vectors[::-1].copy()


def typical_stain(stains: Sequence[Stain]) -> Stain:
    """The middle of several slides' stains: what slides are normalised to, fitted on training ones.

    Medians by element, so that one badly stained slide does not move it; rows of length 1 again.
    """
    if not stains:
        raise InputError("stains: no training slide whose stains could be estimated.")
    vectors = np.median([stain.vectors for stain in stains], axis=0)
    return Stain(
        vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        maximum=np.median([stain.maximum for stain in stains], axis=0),
    )


def transfer_matrix(source: Stain, target: Stain) -> Floats:
    """(3, 3) what densities (as rows) of a slide are multiplied by to be stained like another.

    Concentrations are scaled from one slide's maximum to the other's. What neither stain explains
    is kept, along the direction that both lack: pigment and blood do not vanish, and a slide that
    is transferred to itself stays as it is.
    """
    scale = [*(target.maximum / source.maximum), 1.0]
    return np.linalg.inv(_with_rest(source)) @ np.diag(scale) @ _with_rest(target)


def _with_rest(stain: Stain) -> Floats:
    """Both vectors, and the direction at right angles to both (Ruifrok & Johnston's residual)."""
    rest = np.cross(stain.vectors[0], stain.vectors[1])
    return np.vstack([stain.vectors, rest / np.linalg.norm(rest)])


def macenko_normalise(patches: Bytes, source: Stain, target: Stain) -> Bytes:
    """Patches (n, 3, h, w) of a slide stained as `source`, stained as `target`.

    Source:
        Macenko et al., ISBI 2009; the part outside both stains is kept (`transfer_matrix`).
    """
    matrix = transfer_matrix(source, target)
    return restain(patches, np.broadcast_to(matrix, (len(patches), 3, 3)))


def restain(patches: Bytes, matrices: Floats) -> Bytes:
    """Patches (n, 3, h, w) whose densities, as rows, are multiplied by (n, 3, 3), one each."""
    columns = matrices.transpose(0, 2, 1).astype(np.float32)
    n, channels, height, width = patches.shape
    flat = patches.reshape(n, channels, height * width)
    result = np.empty(flat.shape, np.uint8)
    step = max(1, BLOCK_VALUES // max(1, channels * height * width))
    for start in range(0, n, step):
        block = slice(start, start + step)
        result[block] = od_to_rgb(columns[block] @ rgb_to_od(flat[block]))
    return result.reshape(patches.shape)
