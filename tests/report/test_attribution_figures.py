"""Figures of attributions: what they say, and that shap leaves nothing behind."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from tumorboard.explain import Attributions, Importance
from tumorboard.report import attribution_figures
from tumorboard.report.attribution_figures import (
    bar_svg,
    beeswarm_svg,
    feature_labels,
    scale_words,
    waterfall_svg,
)

FEATURES = ("age", "signs", "size", "size")
MODALITIES = ("record", "record", "record", "lab")


def made(*, n: int = 20, absent: bool = False, texts: bool = False) -> Attributions:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n, 4)) * [1.0, 0.5, 0.2, 0.1]
    if absent:
        values[:3, 3] = np.nan
    cells = ["dense", "a=b $x$", "soft", ""] if texts else ["54", "a=b $x$", "12.5", "3"]
    base = np.full(n, -0.4)
    output = base + np.nansum(values, axis=1)
    return Attributions(MODALITIES, FEATURES, (tuple(cells),) * n, values, base, output, "logit")


IMPORTANCE = Importance(
    MODALITIES, FEATURES, np.array([0.1, -0.01, np.nan, 0.0]),
    np.array([0.05, -0.02, np.nan, np.nan]), np.array([0.15, 0.0, np.nan, np.nan]), "auroc",
)  # fmt: skip


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """What a drawing says: paths of letters become words."""
    settings = attribution_figures.styled.__globals__["_SETTINGS"]
    monkeypatch.setitem(settings, "svg.fonttype", "none")

    def words(svg: str) -> list[str]:
        return [
            re.sub(r"\s+", " ", "".join(node.itertext())).strip()
            for node in ET.fromstring(svg).iter()
            if node.tag.endswith("text")
        ]

    return words


def test_waterfall_tells_the_patients_values(texts: Callable[[str], list[str]]) -> None:
    said = texts(waterfall_svg(made(), 0, name="w", outcome="malignant", n_shown=3))
    assert "age: 54" in said
    assert "2 others together" in said
    found = made()
    probability = 1 / (1 + np.exp(-found.output[0]))
    assert any(f"(probability {probability:.2f})" in text for text in said)
    assert any("(probability 0.40)" in text for text in said)
    every = texts(waterfall_svg(made(), 0, name="w", outcome="malignant"))
    assert "signs: a=b $x$" in every
    assert "log-odds of malignant" in said


def test_absent_features_are_left_out(texts: Callable[[str], list[str]]) -> None:
    labels = {("lab", "size"): "size in the laboratory"}
    said = texts(waterfall_svg(made(absent=True), 0, name="w", outcome="malignant", labels=labels))
    assert not any(text.startswith("size in the laboratory") for text in said)
    assert "size (record): 12.5" in said
    swarm = texts(beeswarm_svg(made(absent=True), name="b", outcome="malignant"))
    assert "17 of 20: those with every feature" in swarm


def test_a_swarm_of_text_alone_has_no_colour_bar(texts: Callable[[str], list[str]]) -> None:
    swarm = texts(beeswarm_svg(made(texts=True), name="b", outcome="malignant"))
    assert not any("value (grey" in text for text in swarm)
    swarm = texts(beeswarm_svg(made(), name="b", outcome="malignant"))
    assert any("value (grey" in text for text in swarm)


def test_bars_of_importance_are_ordered_and_have_intervals(
    texts: Callable[[str], list[str]],
) -> None:
    said = texts(bar_svg(IMPORTANCE, name="i"))
    assert [text for text in said if text in ("age", "signs", "size (lab)", "size (record)")] == [
        "age", "size (lab)", "signs",
    ]  # fmt: skip
    assert "fall of AUROC when shuffled (line: 95 % interval)" in said
    said = texts(bar_svg(made(), name="a", outcome="malignant"))
    assert "mean size of the move of the log-odds of malignant" in said


@pytest.mark.parametrize("n_shown", [1, 2, 10])
def test_one_line_or_many(n_shown: int) -> None:
    for svg in (
        waterfall_svg(made(), 1, name="w", outcome="x", n_shown=n_shown, is_log_odds=False),
        beeswarm_svg(made(), name="b", outcome="x", n_shown=n_shown),
        bar_svg(made(), name="c", n_shown=n_shown),
        bar_svg(IMPORTANCE, name="d", n_shown=n_shown),
    ):
        assert svg.startswith("<svg")
        ET.fromstring(svg)


def test_nothing_global_is_left() -> None:
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.normal(size=3)  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    before = (
        dict(matplotlib.rcParams), plt.isinteractive(), plt.get_fignums(),
    )  # fmt: skip
    first = beeswarm_svg(made(), name="b", outcome="x")
    assert first == beeswarm_svg(made(), name="b", outcome="x")
    after = (
        dict(matplotlib.rcParams), plt.isinteractive(), plt.get_fignums(),
    )  # fmt: skip
    assert before == after
    assert np.array_equal(np.random.normal(size=3), expected)  # noqa: NPY002


def test_names() -> None:
    assert feature_labels(made(), {("lab", "size"): "dose"}) == [
        "age", "signs", "size (record)", "dose",
    ]  # fmt: skip
    assert scale_words("probability", "malignant") == "probability of malignant"
    assert scale_words("logit", "", is_log_odds=False) == "score"
