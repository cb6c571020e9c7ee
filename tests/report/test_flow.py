from itertools import pairwise

from matplotlib.patches import FancyBboxPatch

from tumorboard.records import FlowStep
from tumorboard.report.flow import CohortFlow, empty_columns, flow_figure, missing_figure


def _texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def _flow(*steps: FlowStep) -> CohortFlow:
    return CohortFlow(200, 260, steps, 180, {"benign": 108, "malignant": 72}, {"ultrasound": 171})


def test_counts_and_reasons_are_in_the_boxes() -> None:
    flow = _flow(FlowStep("no outcome", 19, 30), FlowStep("no image", 1, 1))
    texts = _texts(flow_figure(flow))
    for text in (
        "Found: 200 patients", "260 rows of the cohort table", "• 19 patients, 30 rows: no outcome",
        "• 1 patient, 1 row: no image", "Analysed: 180 patients", "108 patients",
        "171 patients (95 %)",
    ):  # fmt: skip
        assert text in texts
    assert flow.is_explained


def test_many_steps_say_who_is_left_after_each() -> None:
    steps = [
        FlowStep("no code of the disease " * 5, 100, 150),
        FlowStep("not the index admission", 0, 40),
        FlowStep("no laboratory value", 1, 1),
    ]
    figure = flow_figure(CohortFlow(200, 460, steps, 99, {"died": 9, "alive": 90}, {"record": 99}))
    texts = _texts(figure)
    for text in (
        "100 patients left, 310 rows", "100 patients left, 270 rows", "99 patients left, 269 rows",
        "no patient, 40 rows: not the index admission", "1 patient, 1 row: no laboratory value",
    ):  # fmt: skip
        assert text in texts
    assert max(map(len, texts)) <= 60
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
    boxes = [patch.get_bbox() for patch in patches]
    assert len(boxes) > 6
    tops = sorted((box.y0, box.y1) for box in boxes if box.x0 > 3)
    assert all(low[1] < high[0] for low, high in pairwise(tops) if low != high)
    # reasons that do not add up are listed: a running count would be wrong
    wrong = _texts(flow_figure(CohortFlow(200, 260, steps, 95, {}, {})))
    assert not any("left," in text for text in wrong)


def test_says_so_where_the_reasons_do_not_add_up() -> None:
    flow = _flow(FlowStep("no image", 15, 20))
    assert not flow.is_explained
    assert "(reasons overlap, or took rows of patients who stayed)" in _texts(flow_figure(flow))


def test_long_reasons_are_wrapped_and_many_classes_make_rows() -> None:
    flow = CohortFlow(
        90, 90, [FlowStep("word " * 40, 30, 30)], 60, {f"class{i}": 5 for i in range(12)}, {}
    )
    texts = _texts(flow_figure(flow))
    assert max(map(len, texts)) <= 62
    assert "class11" in texts


def test_missing_cells_the_emptiest_first() -> None:
    figure = missing_figure({"Age": 13, "Signs": 0, "Tissue": 130}, n_rows=260)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["Tissue", "Age"]
    assert _texts(figure) == ["130 (50 %)", "13 (5 %)"]
    assert figure.axes[0].get_title(loc="left") == "Missing cells; 1 column complete"


def test_too_many_columns_are_counted() -> None:
    figure = missing_figure({f"c{i}": i for i in range(40)}, n_rows=100)
    assert len(figure.axes[0].get_yticklabels()) == 25
    assert "14 more in cohort.json" in figure.axes[0].get_title(loc="left")


def test_columns_that_miss_alike_share_a_bar_and_empty_ones_are_only_named() -> None:
    missing = {"width_px": 128, **{f"flag_{i}": 100 for i in range(60)}, "age": 3, "sex": 0}
    figure = missing_figure(missing, n_rows=128)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["flag_0 and 59 more", "age"]
    assert _texts(figure) == ["100 (78 %)", "3 (2 %)"]
    assert figure.axes[0].get_title(loc="left") == "Missing cells; 1 column complete"
    assert empty_columns(missing, n_rows=128) == ["width_px"]
