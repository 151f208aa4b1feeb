"""One picture file as pixels: any usual format and mode, in little more memory than the picture takes as decoded."""

from __future__ import annotations

import io
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")  # plain pictures; no format that can carry code or links
MOST_PIXELS = 50_000_000  # looked up in the header, before anything is decoded
LARGE, STRIP = 4_000_000, 1_000_000  # pixels from which on a picture is converted in strips, and those of a strip
HUGE = 16_000_000  # pixels from which on one picture is decoded at a time
TURNED = 0x0112  # how a camera was held, in EXIF

_one_huge = threading.Lock()


def picture(content: bytes, side: int) -> np.ndarray:
    """A picture as uint8 (3, side, side): turned as its EXIF says, its short side resized, its middle cut out.

    Of an animation the first frame; transparency lies on white; 16 bits become 8. Raises ValueError with the reason.
    """
    import numpy as np
    from PIL import Image, ImageOps

    if not content:
        raise ValueError("empty")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise ValueError(f"{opened.width} x {opened.height} pixels are more than {MOST_PIXELS:,}")
            whole = opened.width * opened.height if opened.info.get("progressive") else 0  # held whole in any case
            opened.draft("RGB", (2 * side, 2 * side))
            pixels = opened.width * opened.height
            with _one_huge if max(pixels, whole) > HUGE else nullcontext():
                shown = _shrunk(opened, side) if pixels > LARGE else _rgb(ImageOps.exif_transpose(opened))
            return np.asarray(ImageOps.fit(shown, (side, side), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    except ValueError:
        raise
    except Exception as error:  # Pillow raises whatever its decoders do
        unknown = type(error).__name__ == "UnidentifiedImageError"
        raise ValueError("no picture in it" if unknown else str(error) or type(error).__name__) from error


def _shrunk(opened: Image.Image, side: int) -> Image.Image:
    """The middle square of a large picture as RGB, upright, its side at least 3 times `side`.

    It is converted and shrunk strip by strip, so that beside the picture as decoded hardly any memory is taken: a file
    of 95 kB may hold 49 million pixels of 16 bits.
    """
    from PIL import Image, ImageOps

    opened.load()
    short, white = min(opened.size), _white(opened)
    left, above = (opened.width - short) // 2, (opened.height - short) // 2
    factor = max(1, short // (3 * side))
    high = max(1, STRIP // short // factor) * factor
    found = Image.new("RGB", (-(-short // factor),) * 2)
    for y in range(0, short, high):
        strip = opened.crop((left, above + y, left + short, above + min(y + high, short)))
        found.paste(_rgb(strip, white).reduce(factor), (0, y // factor))
    found.getexif()[TURNED] = opened.getexif().get(TURNED, 1)
    return ImageOps.exif_transpose(found)


def _white(opened: Image.Image) -> float:
    """The value that is white, of modes with other values than bytes."""
    return max(1.0, float(opened.getextrema()[1])) if opened.mode == "F" else 65535.0  # type: ignore[arg-type]


def _rgb(opened: Image.Image, white: float | None = None) -> Image.Image:
    """Any mode as RGB."""
    import numpy as np
    from PIL import Image

    if opened.mode.startswith("I") or opened.mode == "F":
        values = np.asarray(opened, dtype=np.float64)
        top = white or _white(opened)
        return Image.fromarray((values / top * 255).clip(0, 255).astype("uint8")).convert("RGB")
    if opened.has_transparency_data:
        clear = opened.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return opened.convert("RGB")
