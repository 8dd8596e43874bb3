"""Colours for classes, as many as are needed, for light and dark pages alike."""

from __future__ import annotations

import colorsys


def pick_colours(count: int) -> tuple[str, ...]:
    """Give distinct colours.

    Hues follow the golden angle; the relative luminance alternates between 0.16 and 0.26, which
    keeps a contrast of at least 3 : 1 on both grounds (WCAG 2.1, 1.4.11).

    Example:
        >>> len(set(pick_colours(24)))
        24
    """
    colours = []
    for number in range(count):
        hue = (0.58 + number * 0.381966) % 1.0
        wanted = (0.16, 0.26)[number % 2]
        low, high = 0.0, 1.0
        for _ in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if _shine(hue, middle) < wanted else (low, middle)
        channels = colorsys.hls_to_rgb(hue, low, 0.75)
        colours.append("#" + "".join(f"{round(255 * channel):02x}" for channel in channels))
    return tuple(colours)


def _shine(hue: float, lightness: float) -> float:
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in colorsys.hls_to_rgb(hue, lightness, 0.75)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
