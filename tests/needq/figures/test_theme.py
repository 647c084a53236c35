"""The theme: what is saved does not hang on the last bits of the layout's solver."""

import numpy
from matplotlib.layout_engine import ConstrainedLayoutEngine
from needq.figures import theme


class Trembling(ConstrainedLayoutEngine):
    """A layout whose positions are a little off, as another order of addition makes them."""

    def __init__(self, by):
        super().__init__()
        self.by = by

    def execute(self, fig):
        super().execute(fig)
        for axis in fig.axes:
            points = axis.get_position(original=True).get_points() * (1 + self.by)
            axis.set_position((*points[0], *(points[1] - points[0])), which="original")


def drawn(by):
    """Two panels, one with a square aspect."""
    figure, axes = theme.stack(2)
    axes[0][0].plot([0, 1, 4], [3, 5, 9])
    axes[1][0].imshow(numpy.eye(3))
    theme.set_title(axes[0][0], "A title that is long enough to need a second line in this panel")
    theme.write_footnote(figure, "small print")
    figure.set_layout_engine(Trembling(by))
    return figure


def test_the_last_bits_of_a_layout_change_no_byte(tmp_path):
    files = []
    for by in (0.0, 1e-15, -1e-15):
        theme.save(drawn(by), tmp_path / "a.svg", tmp_path / "a.png")
        files.append([(tmp_path / name).read_bytes() for name in ("a.svg", "a.png")])
    assert files[0] == files[1] == files[2]
    # so the figures compared can be told apart
    assert theme.svg_text(drawn(1e-3)).encode() != files[0][0]


def test_one_layout_for_every_file(tmp_path):
    figure = drawn(0.0)
    theme.save(figure, tmp_path / "a.svg", tmp_path / "a.png")
    assert theme.svg_text(figure).encode() == (tmp_path / "a.svg").read_bytes()
