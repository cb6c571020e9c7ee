from pathlib import Path

import numpy as np
from PIL import Image

from tumorboard.report.style import labelled_figures, new_figure, save

LABEL = "Simulated pairing: not of the same people."


def _red_pixels(path: Path) -> int:
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return int(((pixels[..., 0] > 150) & (pixels[..., 1] < 90) & (pixels[..., 2] < 60)).sum())


def test_a_label_is_drawn_into_every_figure_and_only_there(tmp_path: Path) -> None:
    for fitted in (True, False):
        name = f"figure-{fitted}"
        for label in ("", LABEL):
            figure = new_figure(2.0, width=4.0, fitted=fitted)
            axis = figure.add_axes((0, 0, 1, 1)) if not fitted else figure.subplots()
            axis.plot([0, 1], [0, 1], color="black")
            with labelled_figures(label):
                save(figure, tmp_path, name)
            red = _red_pixels(tmp_path / f"{name}.png")
            assert (red > 200) == bool(label)
        box = figure.axes[0].get_position()
        assert box.y0 > 0.04  # the drawing made room: nothing lies under the label
