"""A plot as SVG text, drawn by hand: one line, two axes."""

from collections.abc import Sequence
from math import log10

WIDTH, HEIGHT, MARGIN = 640, 360, 56


def svg(points: Sequence[tuple[float, float]], title: str, across: str, up: str) -> str:
    """`points` are (x, y) with x > 0, drawn on a logarithmic x axis."""
    right = log10(max(x for x, _ in points)) or 1.0
    top = max(y for _, y in points) * 1.15

    def place(x: float, y: float) -> tuple[float, float]:
        return MARGIN + log10(x) / right * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - y / top * (HEIGHT - 2 * MARGIN)

    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{WIDTH / 2}" y="24" text-anchor="middle" font-size="15">{title}</text>',
        f'<path d="M{MARGIN},{MARGIN} V{HEIGHT - MARGIN} H{WIDTH - MARGIN}" fill="none" stroke="#444"/>',
        f'<polyline points="{path}" fill="none" stroke="#1f6feb" stroke-width="2"/>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">{across}</text>',
        f'<text x="18" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 18 {HEIGHT / 2})">{up}</text>',
    ]
    for x, y in points:
        left, height = place(x, y)
        parts += [
            f'<circle cx="{left:.1f}" cy="{height:.1f}" r="3.5" fill="#1f6feb"/>',
            f'<text x="{left:.1f}" y="{height - 9:.1f}" text-anchor="middle">{y:.0f}</text>',
            f'<text x="{left:.1f}" y="{HEIGHT - MARGIN + 16}" text-anchor="middle">{x:g}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
