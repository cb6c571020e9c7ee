"""How figures look: an arm alike in all of them, readable in grey; and how they are written."""

from __future__ import annotations

import functools
import io
import re
import textwrap
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from tumorboard.cache import write_atomic, write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")

#: Okabe & Ito (2008): told apart with any colour blindness; without yellow, which paper loses.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES: tuple[Any, ...] = (
    "-", (0, (6, 2)), (0, (6, 2, 1.5, 2)), (0, (1.5, 1.5)), (0, (3, 1.5)),
    (0, (9, 2, 1.5, 2, 1.5, 2)), (0, (9, 3)),
)  # fmt: skip
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
MINUS = "\N{MINUS SIGN}"  # as wide as a plus
RED = "#b03a00"
INK, GREY, PALE = "#1f2933", "#6b7785", "#d5dbe1"

#: What is written below every figure; "" for nothing.
_LABEL: ContextVar[str] = ContextVar("label", default="")

#: An axis of differences reaches at least this far: a small gap shall not fill the figure.
HALF_WIDTH = 0.05

#: Width of the page's text column, inches: figures are drawn at the size they are shown.
PAGE_WIDTH = 10.0

_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same on every machine
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.facecolor": "white",
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "grid.color": "#e7ebef",
    "svg.fonttype": "path",  # text looks the same where the font is not installed
    "text.parse_math": False,  # a dollar sign in an arm's name is a dollar sign
    "path.simplify": True,
}


@dataclass(frozen=True)
class Mark:
    """How one arm is drawn in every figure."""

    colour: str
    dash: Any
    marker: str


def marks(arms: Sequence[str]) -> dict[str, Mark]:
    """One mark per arm; the first two arms should be the primary arm and its reference."""
    n = len(COLOURS)
    return {
        arm: Mark(COLOURS[i % n], DASHES[(i + i // n) % n], MARKERS[(i + i // n) % n])
        for i, arm in enumerate(arms)
    }


@contextmanager
def _settings(**more: object) -> Generator[None]:
    """This page's settings over matplotlib's own defaults, restored afterwards."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        for name, value in {**_SETTINGS, **more}.items():
            matplotlib.rcParams[name] = value  # pyright: ignore[reportArgumentType]
        yield


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with this page's settings, whatever the machine's matplotlib configuration says."""

    @functools.wraps(draw)
    def inner(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with _settings():
            return draw(*args, **kwargs)

    return inner


def new_figure(height: float, *, width: float = PAGE_WIDTH, fitted: bool = True) -> Figure:
    """An empty figure (inches) that fits its labels; no pyplot, so nothing global is touched."""
    from matplotlib.figure import Figure

    layout = "constrained" if fitted else None
    return Figure(figsize=(width, height), layout=layout, facecolor="white")


def panels(
    n: int, *, columns: int, height: float, header: float = 0.0, share_x: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure with `n` panels in rows of `columns`; left-over places are taken away.

    Args:
        height: Inches of one row.
        header: Inches above the first row.
    """
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    width = PAGE_WIDTH if columns > 1 else PAGE_WIDTH / 2
    figure = new_figure(rows * height + header, width=width)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=share_x)
    axes: list[Axes] = list(grid.ravel())
    for left_over in axes[n:]:
        left_over.remove()
    return figure, axes[:n]


def short(text: str, limit: int = 28) -> str:
    """A name cut to `limit` characters, so that one long name does not squeeze the figure."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


@contextmanager
def labelled_figures(label: str) -> Generator[None]:
    """Every figure that is written inside carries this label; "" writes none."""
    token = _LABEL.set(label)
    try:
        yield
    finally:
        _LABEL.reset(token)


def _put_label(figure: Figure) -> None:
    """The label below the drawing, in red: a figure that leaves its page takes the label along."""
    if not _LABEL.get():
        return
    width = 14 * figure.get_size_inches()[0]  # characters of this size
    text = textwrap.fill(_LABEL.get(), max(30, int(width)))
    style: dict[str, Any] = {"color": RED, "fontsize": 7.5, "fontweight": "bold"}
    if figure.get_layout_engine() is not None:
        figure.supxlabel(text, x=0.01, ha="left", **style)
        return
    width, height = figure.get_size_inches().tolist()
    more = 0.06 + 0.14 * (text.count("\n") + 1)  # inches below what was drawn
    figure.set_size_inches(width, height + more)
    for axis in figure.axes:
        x, y, w, h = axis.get_position().bounds
        share = height / (height + more)
        axis.set_position((x, (y * height + more) / (height + more), w, h * share))
    figure.text(0.01, 0.02 / (height + more), text, ha="left", va="bottom", **style)


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write NAME.svg and NAME.png below `folder`, equal bytes for equal numbers.

    Returns:
        The SVG for inlining into a page: no prolog, and ids that other figures do not share.
    """
    _put_label(figure)
    svg = folder / f"{name}.svg"
    no_date = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with _settings(**{"svg.hashsalt": name}):
        write_atomic(svg, lambda path: figure.savefig(path, format="svg", metadata=no_date))
        figure.set_layout_engine("none")  # fitted above; the PNG keeps the same places
        write_atomic(
            folder / f"{name}.png",
            lambda path: figure.savefig(path, format="png", dpi=200, metadata={"Software": None}),
        )
    text = svg.read_text(encoding="utf-8")
    write_text(svg, text)
    return inline_svg(text, name)


def svg_text(figure: Figure, name: str, *, tight: bool = False) -> str:
    """The figure as SVG for inlining, equal text for equal numbers, and no file.

    Args:
        name: Prefix of the ids, so that other figures on the page do not share them.
        tight: Cut to what is drawn, for a figure that is not laid out to fit.
    """
    _put_label(figure)
    text = io.StringIO()
    no_date = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with _settings(**{"svg.hashsalt": name}):
        box = "tight" if tight else None
        figure.savefig(text, format="svg", metadata=no_date, bbox_inches=box)
    return inline_svg(text.getvalue(), name)


def inline_svg(text: str, name: str) -> str:
    """The `<svg>` element alone, its ids prefixed with `name`, without addresses of any kind."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:xlink)?="[^"]*"', "", text)
    text = text.replace("xlink:href", "href")
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    return text.strip()
