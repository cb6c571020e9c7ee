"""What a fit computes on, and how precisely."""

from __future__ import annotations

from typing import Any

import torch

from tumorboard.errors import RunError


def choose_device(wanted: str) -> str:
    """`auto` takes a GPU where there is one.

    Raises:
        RunError: A device is asked for that is not there.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RunError(
            'runtime.device = "cuda", but torch sees no CUDA GPU here. Install a CUDA build of '
            "torch, or "
            'set runtime.device = "cpu".'
        )
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise RunError('runtime.device = "mps", but this machine has none. Use "cpu".')
    return wanted


def choose_precision(wanted: str, device: str, has_images: bool) -> Any:
    """Lightning's word for the precision; `auto`: bfloat16 for images where hardware has it."""
    words = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
    if wanted != "auto":
        return words[wanted]
    if not has_images:
        return "32-true"
    if device == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()  # pyright: ignore[reportPrivateUsage]
    return "bf16-mixed" if device == "cpu" and native else "32-true"
