import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from tumorboard.report.curves import Fit, Kind, curve_figure, mean_curves


def _fits(n_fits: int = 10, n: int = 40, n_classes: int = 2, *, ties: bool = False) -> list[Fit]:
    rng = np.random.default_rng(3)
    fits: list[Fit] = []
    for k in range(n_fits):
        truth = rng.integers(0, n_classes, size=n)
        logits = rng.normal(size=(n, n_classes)) + 1.2 * np.eye(n_classes)[truth]
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        if ties:
            p = np.round(p, 1)
        fits.append(Fit(np.arange(n) + n * (k % 5), truth, p))
    return fits


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(
    ("kind", "area"), [("roc", roc_auc_score), ("precision_recall", average_precision_score)]
)
def test_area_below_the_mean_curve_is_the_mean_area_of_the_models(kind: Kind, area, ties) -> None:
    fits = _fits(ties=ties)
    expected = np.mean([area(fit.truth == 1, fit.probability[:, 1]) for fit in fits])
    (curve,) = mean_curves(fits, kind=kind, n_bootstrap=50)
    assert curve.area == pytest.approx(expected, abs=0.004)


def test_several_classes_end_with_their_macro_mean() -> None:
    fits = _fits(n_classes=3)
    *classes, macro = mean_curves(fits, kind="roc", n_bootstrap=50)
    assert len(classes) == 3
    assert macro.area == pytest.approx(np.mean([curve.area for curve in classes]))
    expected = np.mean(
        [roc_auc_score(fit.truth == k, fit.probability[:, k]) for fit in fits for k in range(3)]
    )
    assert macro.area == pytest.approx(expected, abs=0.004)


def test_band_holds_the_curve_and_shrinks_with_patients() -> None:
    (few,) = mean_curves(_fits(n=20), kind="roc")
    (many,) = mean_curves(_fits(n=320), kind="roc")
    for curve in (few, many):
        assert np.all(curve.low <= curve.mean)
        assert np.all(curve.mean <= curve.high)
    ratio = (few.high - few.low)[50:100].mean() / (many.high - many.low)[50:100].mean()
    assert 2.5 < ratio < 6  # 16 times the patients: a quarter of the width


def test_width_of_the_band_is_that_of_a_plain_loop() -> None:
    """The vectorised bootstrap against one `np.interp` per draw of patients."""
    (fit,) = _fits(n_fits=1, n=60)
    (curve,) = mean_curves([fit], kind="roc", n_bootstrap=400)
    rng = np.random.default_rng(1)
    grid_at = 60
    values: list[float] = []
    for _ in range(400):
        rows = rng.integers(0, 60, size=60)
        truth, score = fit.truth[rows] == 1, fit.probability[rows, 1]
        cut = np.quantile(score[~truth], 1 - (grid_at + 0.5) / 200)
        values.append(float(np.mean(score[truth] > cut)))
    assert (curve.high - curve.low)[grid_at] / 2 == pytest.approx(1.96 * np.std(values), rel=0.35)


def test_a_fold_without_events_is_left_out() -> None:
    fits = _fits()
    empty = Fit(fits[0].patient, np.zeros(40, dtype=np.int64), fits[0].probability)
    (with_empty,) = mean_curves([*fits, empty], kind="roc", n_bootstrap=50)
    (without,) = mean_curves(fits, kind="roc", n_bootstrap=50)
    assert with_empty.area == pytest.approx(without.area)


def test_figure_has_a_panel_for_every_arm_and_shows_the_prevalence() -> None:
    arms = {"fused": _fits(), "record": _fits(n=30)}
    figure = curve_figure(
        arms, kind="precision_recall", classes=["benign", "malignant"], n_bootstrap=50
    )
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["All arms", "fused", "record"]
    truth = np.concatenate([fit.truth for fits in arms.values() for fit in fits])
    notes = [text.get_text() for text in figure.axes[1].texts]
    assert notes == [f"chance {np.mean(truth):.2f}"]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_roc_curves_are_drawn_from_corner_to_corner(n_classes: int) -> None:
    arms = {"a": _fits(n_classes=n_classes), "b": _fits(n_classes=n_classes)}
    classes = ["x", "y", "z"][:n_classes]
    figure = curve_figure(arms, kind="roc", classes=classes, n_bootstrap=30)
    drawn = [line for axis in figure.axes for line in axis.lines]
    assert len(drawn) > 6
    for line in drawn:
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        assert (x[0], y[0]) == (0, 0)
        assert (x[-1], y[-1]) == (1, 1)
        assert (np.diff(y) >= -1e-12).all()
