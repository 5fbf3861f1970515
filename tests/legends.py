"""What the tests of pictures share."""

from matplotlib.figure import Figure


def is_inside(picture: Figure) -> bool:
    """Whether the legend below the panels ends where the picture does."""
    picture.draw_without_rendering()
    box = picture.legends[0].get_window_extent()
    return box.x0 >= 0 and box.x1 <= picture.bbox.width
