from tumorboard.transforms.linked import linked_groups


def test_links_join_groups_through_others() -> None:
    links = [("a", "b"), ("c", "d"), ("x", "y", "z"), ("d", "a"), ("e",)]
    assert [sorted(group) for group in linked_groups(links)] == [
        ["a", "b", "c", "d"],
        ["x", "y", "z"],
    ]


def test_nothing_linked_is_no_group() -> None:
    assert linked_groups([]) == []
    assert linked_groups([("a",), ("b", "b")]) == []
