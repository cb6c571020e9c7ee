import numpy as np

from tumorboard.report.history import History
from tumorboard.report.overlaid_curves import best_epoch, overlaid_arms, overlay_figure


def _history(arm: str, fold: int, loss: list[float], f1: list[float]) -> History:
    columns = {"train_loss": loss, "validation_loss": loss, "validation_macro_f1": f1}
    return History(arm, f"1-{fold}", {name: np.asarray(v) for name, v in columns.items()})


HISTORIES = [
    _history("deep", 1, [0.9, 0.5, 0.7], [0.2, 0.6, 0.5]),
    _history("deep", 2, [0.8, 0.6, 0.4], [0.3, 0.4, 0.7]),
    _history("flat", 1, [0.7, 0.6], [0.5, np.nan]),
]


def test_arms_share_their_axes_and_each_fit_has_its_best_epoch() -> None:
    figure = overlay_figure(HISTORIES, arms=["deep", "logistic", "flat"])
    trained, loss, f1 = figure.axes
    assert trained.get_title(loc="left") == "training loss"
    assert not [line for line in trained.lines if line.get_linestyle() == "None"]
    assert [line for line in loss.lines if line.get_linestyle() == "None"]
    legend = trained.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["deep", "flat"]
    assert f1.get_title(loc="left") == "validation macro f1"
    marked = {
        tuple(np.ravel(line.get_xydata()).tolist())
        for line in f1.lines
        if line.get_linestyle() == "None"
    }
    assert marked == {(2, 0.6), (3, 0.7), (1, 0.5)}
    colours = {line.get_color() for line in f1.lines}
    assert len(colours) == 2  # the two arms, each in its own


def test_the_best_epoch_is_lowest_for_losses() -> None:
    curve = np.asarray([0.5, np.nan, 0.2, 0.9])
    assert best_epoch(curve, "validation_loss") == 2
    assert best_epoch(curve, "validation_brier") == 2
    assert best_epoch(curve, "validation_auroc") == 3
    assert best_epoch(np.asarray([np.nan]), "validation_auroc") is None


def test_only_trained_arms_in_the_order_of_the_report() -> None:
    assert overlaid_arms(HISTORIES, ["flat", "logistic", "deep"]) == ("flat", "deep")
    assert overlaid_arms(HISTORIES, ["flat", "deep"], at_most=1) == ("flat",)
