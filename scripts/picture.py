"""Put the overlays of ``make demo`` side by side into the README's picture.

Usage: ``python scripts/picture.py demo docs/demo.png``
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

HEIGHT = 360
GAP = 12


def main(demo: Path, target: Path) -> None:
    """Scale the three overlays to one height and join them."""
    overlays = [
        Image.open(next(demo.glob(f"{name}-*/overlay.png"))).convert("RGB") for name in ("brick", "brain", "vase")
    ]
    scaled = [picture.resize((round(picture.width * HEIGHT / picture.height), HEIGHT)) for picture in overlays]
    width = sum(picture.width for picture in scaled) + GAP * (len(scaled) - 1)
    sheet = Image.new("RGB", (width, HEIGHT), "white")
    left = 0
    for picture in scaled:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    sheet.save(target, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
