"""Colours for classes that have none of their own."""

import colorsys

__all__ = ["color_of"]


def color_of(index: int) -> str:
    """Colour that neighbours in a table do not share: steps of the golden ratio, black for 0.

    Returns
    -------
    str
        ``#rrggbb``.
    """
    if index == 0:
        return "#000000"
    hue, value = index * 0.618034 % 1.0, (0.95, 0.7)[index % 2]
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.65, value)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
