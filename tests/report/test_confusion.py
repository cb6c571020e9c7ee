import numpy as np

from tumorboard.report.confusion import confusion_figure


def test_cells_show_counts_and_percentages_of_the_true_class() -> None:
    counts = np.asarray([[90.5, 9.5], [0.0, 0.0]])
    figure = confusion_figure({"fused": counts, "record": counts}, ["benign", "malignant"])
    axis = figure.axes[0]
    texts = [text.get_text() for text in axis.texts]
    assert texts == ["90.5\n90 %", "9.5\n10 %", "0\n0 %", "0\n0 %"]
    places = {text.get_text(): text.get_position() for text in axis.texts}
    assert places["9.5\n10 %"] == (1, 0)
    bottom, top = axis.get_ylim()
    assert bottom > top  # the first true class is the upper row
    assert len(figure.axes) == 2


def test_many_classes_still_fit() -> None:
    classes = [f"a rather long class {i}" for i in range(8)]
    figure = confusion_figure({"fused": np.eye(8) * 12}, classes)
    assert figure.get_size_inches()[1] > 5
    assert all(len(label.get_text()) <= 14 for label in figure.axes[0].get_xticklabels())
