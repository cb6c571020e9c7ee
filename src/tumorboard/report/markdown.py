"""Texts of a run in Markdown: nothing in them is read as markup."""

from __future__ import annotations


def plain(value: object) -> str:
    """Text that Markdown and HTML show as it is, on one line and within one cell."""
    text = " ".join(str(value).split())
    for sign, shown in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|")):
        text = text.replace(sign, shown)
    return text


def code(value: object) -> str:
    """The same between backquotes."""
    return " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
