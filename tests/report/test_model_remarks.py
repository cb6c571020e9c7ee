from tumorboard.report.model_remarks import said_once


def test_remarks_that_differ_in_numbers_only_are_one_with_ranges() -> None:
    remarks = [
        ("fused", "In 2 of 2 classes there are 5 patients, and 9 are needed.", 2),
        ("fused", "In 2 of 2 classes there are 4 patients, and 9 are needed.", 1),
        ("record", "In 2 of 2 classes there are 4 patients, and 9 are needed.", 3),
        ("record", "Not calibrated (platt): slope -0.01.", 1),
        ("record", "Not calibrated (platt): slope -3.73.", 1),
    ]
    assert said_once(remarks, ["fused", "record"], 6) == [
        "In 2 of 2 classes there are 4 to 5 patients, and 9 are needed. (6 of 6 models)",
        "Not calibrated (platt): slope -3.73 to -0.01. (2 of 6 models: record)",
    ]
    assert said_once([], ["fused"], 1) == []
