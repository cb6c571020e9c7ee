"""Fingerprints of prepared images: what is identical, and small grey pictures to compare."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.formats.image_preparation import Preparation
from tumorboard.formats.prepared_images import PreparedImages, prepare

#: Height and width of the small grey pictures, in px. Both sides equal, whatever the proportions
#: of the image: a picture turned by 90 degrees then has a fingerprint turned by 90 degrees.
SIDE_PX = 64
#: Weights of red, green and blue in grey (ITU-R BT.601).
_LUMINANCE = np.asarray([0.299, 0.587, 0.114], dtype=np.float32)
_DIGEST_BYTES = 16


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of images, in the order of `PreparedImages`.

    Args:
        digest: One per image, equal where the prepared pixels are identical.
        picture: (images, 64, 64) grey, 0 to 255, stretched to a square.
    """

    digest: tuple[str, ...]
    picture: NDArray[np.float16]


def fingerprints(images: PreparedImages, *, name: str) -> Fingerprints:
    """Fingerprints of every image; kept in the cache for this set of images.

    Args:
        images: Prepared images of a cohort.
        name: The modality, for lines of progress.

    Raises:
        InputError: An image was changed or removed during the run.
    """
    cache, keys = images.cache, list(images.sources)
    settings = {"kind": "image fingerprints", "side": SIDE_PX, "images": keys}
    digest_key = cache.key({**settings, "of": "digest"})
    picture_key = cache.key({**settings, "of": "picture"})
    digest, picture = cache.load(digest_key), cache.load(picture_key)
    if digest is None or picture is None:
        digest, picture = _compute(images, name)
        cache.store(digest_key, digest)
        cache.store(picture_key, picture)
    return Fingerprints(tuple(row.tobytes().hex() for row in digest), picture)


def _compute(images: PreparedImages, name: str) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    square, number = _stretched(images, name)
    n = len(images.sources)
    digest = np.zeros((n, _DIGEST_BYTES), dtype=np.uint8)
    picture = np.zeros((n, SIDE_PX, SIDE_PX), dtype=np.float16)

    def one(i: int) -> None:
        pixels = images.stored(i)
        digest[i] = np.frombuffer(digest_of(pixels), dtype=np.uint8)
        picture[i] = small_picture(pixels if square is images else square.stored(number[i]))

    readable = np.flatnonzero(images.n_channels).tolist()  # no row shows the others
    with ThreadPoolExecutor(images.cache.workers) as pool:
        for _ in pool.map(one, readable):
            pass
    return digest, picture


def _stretched(images: PreparedImages, name: str) -> tuple[PreparedImages, list[int]]:
    """Images whose whole area is picture: padding would not turn with the picture."""
    sources = list(images.sources.values())
    if images.preparation.aspect == "stretch":
        return images, list(range(len(sources)))
    preparation = Preparation((SIDE_PX, SIDE_PX), "stretch", images.preparation.window)
    square, number, _ = prepare(sources, preparation, images.cache, name=f"{name} (audit)")
    return square, [number.get(source, -1) for source in sources]


def digest_of(pixels: NDArray[Any]) -> bytes:
    """Digest of an array of pixels: equal where type, shape and values are."""
    head = json.dumps([pixels.dtype.str, list(pixels.shape)]).encode()
    content = np.ascontiguousarray(pixels).tobytes()
    return hashlib.blake2b(head + content, digest_size=_DIGEST_BYTES).digest()


def small_picture(pixels: NDArray[Any]) -> NDArray[np.float16]:
    """Pixels (C, H, W), bytes or 0..1, as a small grey picture (64, 64), 0 to 255."""
    from PIL import Image

    scale = 1.0 if pixels.dtype == np.uint8 else 255.0
    values = pixels.astype(np.float32) * scale
    grey = values[0] if len(values) == 1 else np.tensordot(_LUMINANCE, values, axes=1)
    image = Image.fromarray(np.ascontiguousarray(grey, dtype=np.float32))
    # Pillow widens its bilinear filter when it makes an image smaller, so nothing aliases.
    small = image.resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float16)
