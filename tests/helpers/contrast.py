"""Contrast of two colours, as WCAG 2.2 defines it: from 1 to 21; text needs 4.5."""

from matplotlib.colors import to_rgb


def luminance(colour):
    """The relative luminance of a colour, from 0 to 1."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one, other):
    """The contrast of two colours."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
