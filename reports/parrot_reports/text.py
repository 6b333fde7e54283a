"""Text from runs, made fit to be drawn and printed. Escaping is each format's own matter."""

import unicodedata

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def visible(text: str, keep: str = "") -> str:
    """Replace what is no character to be seen: controls, surrogates, marks, line ends.

    Control characters are not allowed in SVG at all, and a right-to-left override would turn
    round the rest of a line.

    Args:
        text: The text.
        keep: Characters to leave as they are, such as line ends where there is room for lines.
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(char) in _UNSEEN and char not in keep
        else char
        for char in text
    )


def shortened(text: str, most: int) -> str:
    """Cut a name to ``most`` characters: its end tells modes apart more than its middle."""
    text = visible(text)
    if len(text) <= most:
        return text
    head = (most - 1) * 2 // 3
    return text[:head] + _ELLIPSIS + text[len(text) - (most - 1 - head) :]
