"""Polygons that cannot be meant: they cross themselves or cover next to nothing."""

from __future__ import annotations

from collections.abc import Sequence

from vision.geometry import Point, crossing

SMALLEST = 1e-4  # of the picture: a patch of 6 x 4 pixels in a picture of 640 x 360


def shape_fault(polygon: Sequence[Point]) -> str | None:
    """What is odd about a polygon (0..1 coordinates), in words; None where nothing is."""
    count = len(polygon)
    for i in range(count):
        for j in range(i + 2, count):
            if i == 0 and j == count - 1:
                continue  # neighbours around the corner
            if crossing(polygon[i], polygon[i + 1], polygon[j], polygon[(j + 1) % count]) is not None:
                return (
                    f"the outline crosses itself (sides {i + 1} and {j + 1}); give the corners in order around the area"
                )
    area = (
        abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True))) / 2
    )
    if area < SMALLEST:
        return f"the area is next to nothing ({area:.6f} of the picture)"
    return None
