"""Windows of many slides at once: which slide, where, how large, and in which size it is wanted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.file_progress import FileProgress
from tumorboard.formats.slides import Slide, SlideInfo, open_slide
from tumorboard.records import Floats, Ints

Bytes = NDArray[np.uint8]

#: Slides that are open at once: bounds file handles and tiles in memory.
_OPEN = 64


class SlideWindows:
    """Slides that stay open while windows are cut from them.

    Args:
        infos: Every slide, each once.
        cache: Where decoded images are kept.
    """

    def __init__(self, infos: Sequence[SlideInfo], cache: Cache) -> None:
        self.infos = tuple(infos)
        self.cache = cache
        self._open: OrderedDict[int, Slide] = OrderedDict()

    def slide(self, number: int) -> Slide:
        """One slide, opened where it is not open; the one unused longest is closed for it.

        Raises:
            InputError: The file was removed or damaged during the run.
        """
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        path = self.infos[number].path
        try:
            slide = open_slide(path, cache=self.cache)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{path}: cannot be read any more ({reason}).") from error
        self._open[number] = slide
        if len(self._open) > _OPEN:
            _, oldest = self._open.popitem(last=False)
            oldest.close()
        return slide

    def cut(
        self, number: Ints, x_px: Floats, y_px: Floats, *, window_px: Ints, size: tuple[int, int]
    ) -> Bytes:
        """Windows (n, 3, *size) around centres, mirrored at borders and resized where needed.

        Args:
            number: (n,) which slide.
            x_px: (n,) centres in pixels of level 0, from the left edge.
            y_px: (n,) from the top edge.
            window_px: (slides,) side of the windows of each slide, in pixels of level 0.
            size: Height and width that windows are handed over in.
        """
        cut = np.empty((len(number), 3, *size), dtype=np.uint8)
        if len(number) == 0:
            return cut
        order = np.argsort(number, kind="stable")
        slides, starts = np.unique(number[order], return_index=True)
        for slide, chosen in zip(slides.tolist(), np.split(order, starts[1:]), strict=True):
            windows = self.slide(slide).windows(x_px[chosen], y_px[chosen], int(window_px[slide]))
            cut[chosen] = resized(windows, size)
        return cut


def open_each(
    paths: Sequence[Path], cache: Cache, *, name: str
) -> tuple[Mapping[Path, SlideInfo], Mapping[Path, str]]:
    """Open every file once: what each is, and why each that cannot be used cannot.

    Args:
        paths: The files.
        cache: Where decoded images are kept.
        name: The modality, for lines of progress.
    """
    infos: dict[Path, SlideInfo] = {}
    failed: dict[Path, str] = {}
    every = dict.fromkeys(paths)
    progress = FileProgress(name, len(every), "slides opened", is_brief=True)
    for path in every:
        try:
            with open_slide(path, cache=cache) as slide:
                infos[path] = slide.info
        except InputError as error:
            failed[path] = str(error)
        except FileNotFoundError:
            failed[path] = f"{path}: no such file."
        except OSError as error:
            failed[path] = f"{path}: cannot be read ({error.strerror or error})."
        progress.step()
    return infos, failed


def resized(windows: Bytes, size: tuple[int, int]) -> Bytes:
    """Windows (n, 3, h, w) in another size: bicubic, smoothed where they get smaller."""
    if windows.shape[2:] == size:
        return windows
    import torch
    from torch.nn.functional import interpolate

    stored = torch.from_numpy(np.ascontiguousarray(windows))
    return interpolate(stored, size=size, mode="bicubic", antialias=True).numpy()
