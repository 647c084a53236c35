"""What tests read from figures."""

from xml.etree import ElementTree

from contrast import contrast, luminance
from needq.figures import theme


def words(figure):
    """Every text in a figure."""
    figure.draw_without_rendering()
    texts = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return " ".join(" ".join(text.get_text() for text in texts).split())


def line(axis, label):
    """The line of that label."""
    (only,) = (drawn for drawn in axis.lines if drawn.get_label() == label)
    return only


def assert_same_bytes(draw, folder):
    """`draw` gives figures by name; drawn twice, their files have the same bytes and no date.

    Their letters can be read, and none is cut off.
    """
    for name, figure in draw().items():
        assert_readable(figure)
        theme.save(figure, folder / f"{name}.svg", folder / f"{name}.png")
    for name, figure in draw().items():
        svg, png = folder / "again.svg", folder / "again.png"
        theme.save(figure, svg, png)
        assert svg.read_bytes() == (folder / f"{name}.svg").read_bytes()
        assert png.read_bytes() == (folder / f"{name}.png").read_bytes()
        root = ElementTree.parse(svg).getroot()
        assert root.tag.endswith("svg")
        assert float(root.get("width").removesuffix("pt")) > 300
        assert b"<dc:date>" not in svg.read_bytes()
        assert b'href="http' not in svg.read_bytes()
        assert_whole(figure)  # last, since another drawing moves the layout


def assert_readable(figure):
    """The letters of a figure stand out from white; pale ones are on a colour of their own."""
    for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize")):
        if text.get_visible() and text.get_text().strip() and luminance(text.get_color()) < 0.8:
            assert contrast(text.get_color(), "white") >= 4.5, text.get_text()


def assert_whole(figure):
    """No title, legend or note runs out of its figure. (Labels of ticks out of sight may.)"""
    figure.draw_without_rendering()
    ticks = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for label in axis.get_ticklabels(which="both")
    }
    for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize")):
        if text not in ticks and text.get_visible() and text.get_text().strip():
            box, whole = text.get_window_extent(), figure.bbox
            ends = (box.x0, box.y0, whole.x1 - box.x1, whole.y1 - box.y1)
            assert min(ends) >= -1, f"{text.get_text()}: {ends} pixels from the edges"


def smallest_letters(figure, width=376):
    """The height of the smallest letters, in pixels, where a page shows a figure this wide."""
    texts = figure.findobj(lambda artist: hasattr(artist, "get_fontsize"))
    sizes = [text.get_fontsize() for text in texts if text.get_text().strip()]
    return min(sizes) * width / (72 * figure.get_figwidth())
