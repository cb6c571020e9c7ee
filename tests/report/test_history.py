from pathlib import Path

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.report.history import History, history_figure, mean_while_training, read_histories


def _write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "history.csv").write_text(text, encoding="utf-8")


def test_reads_every_fit_and_no_interrupted_one(tmp_path: Path) -> None:
    _write(tmp_path / "fused" / "1-2", "epoch,train_loss,validation_loss\n1,0.7,\n2,0.5,0.6\n")
    _write(tmp_path / "fused" / ".1-3.part", "epoch\n1\n")
    (history,) = read_histories(tmp_path)
    assert (history.arm, history.fold) == ("fused", "1-2")
    np.testing.assert_array_equal(history.columns["train_loss"], [0.7, 0.5])
    np.testing.assert_array_equal(history.columns["validation_loss"], [np.nan, 0.6])


def test_a_damaged_cell_is_named(tmp_path: Path) -> None:
    _write(tmp_path / "fused" / "1-1", "epoch,train_loss\n1,0.7\n2,0.x\n")
    with pytest.raises(
        InputError, match=r"row 3, column train_loss: found '0.x', expected a number"
    ):
        read_histories(tmp_path)


def test_mean_goes_on_while_half_of_the_folds_train() -> None:
    curves = [np.asarray(c) for c in ([1.0, 2.0, 3.0, 9.0], [3.0, 4.0, 5.0], [5.0], [7.0])]
    np.testing.assert_allclose(mean_while_training(curves), [4.0, 3.0, 4.0])


def test_two_panels_for_every_network_in_the_colour_of_its_arm() -> None:
    columns = {
        name: np.linspace(0.9, 0.4, 5)
        for name in ("train_loss", "validation_loss", "validation_auroc")
    }
    histories = [History("fused", f"1-{k}", columns) for k in range(3)]
    figure = history_figure(histories, arms=["record", "fused"])
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["fused: loss", "fused: AUROC"]
    thick = [line for line in figure.axes[1].lines if line.get_linewidth() > 2]
    assert [line.get_color() for line in thick] == ["#D55E00"]
