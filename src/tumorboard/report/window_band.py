"""Windows of a slide as a band of pictures, with weight and place below each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tumorboard.prediction.kept_maps import N_LEAST, N_MOST, Windows

_GAP, _LINE = 6, 19
_INK, _GREY = "#1f2933", "#6b7785"


def band(windows: Windows, width: int) -> NDArray[np.uint8]:
    """(height, width, 3) a row of the windows with most weight, and one of those with least.

    Args:
        windows: Of one slide.
        width: Of the band, in pixels.
    """
    from PIL import Image, ImageDraw, ImageFont

    side = (width - (N_MOST - 1) * _GAP) // N_MOST
    step = _GAP + _LINE + side + 3 * _LINE + _GAP
    groups = [
        (f"{windows.slides}: windows with most attention", range(N_MOST)),
        ("with least", range(N_MOST, N_MOST + N_LEAST)),
    ]
    groups = [(title, slots) for title, slots in groups if windows.shown[slots[0]] >= 0]
    canvas = Image.new("RGB", (width, len(groups) * step), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(15)
    for number, (title, slots) in enumerate(groups):
        top = number * step + _GAP
        draw.text((0, top), title, fill=_INK, font=font)
        for column, slot in enumerate(slots):
            if windows.shown[slot] < 0:
                continue
            left = column * (side + _GAP)
            picture = Image.fromarray(
                np.ascontiguousarray(windows.pictures[slot].transpose(1, 2, 0))
            )
            canvas.paste(picture.resize((side, side)), (left, top + _LINE))
            x, y, weight = windows.places[windows.shown[slot]].tolist()
            words = ((f"{weight:.3g}", _INK), (f"x {x:g}", _GREY), (f"y {y:g}", _GREY))
            for line, (text, colour) in enumerate(words):
                place = (left, top + _LINE + side + 1 + line * _LINE)
                draw.text(place, text, fill=colour, font=font)
    return np.asarray(canvas)
