"""Picture files: found, checked and decoded, each that cannot be read with the reason why."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import paths

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from torch import Tensor

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")  # plain pictures; no format that can carry code or links
MOST_PIXELS = 50_000_000  # looked up in the header, before anything is decoded


def found(folder: Path) -> tuple[list[Path], list[str]]:
    """Every picture below `folder` in the order of names, and a sentence on each that is left out.

    Hidden files, and files of other endings, are none; links are followed to files inside `folder` alone.
    """
    files, left_out, root = [], [], folder.resolve()
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(at) / name
            if name.startswith(".") or path.suffix.lower() not in ENDINGS:
                continue
            if not path.is_file():
                left_out.append(f"{path.relative_to(folder)}: no file")
            elif path.is_symlink() and not path.resolve().is_relative_to(root):
                left_out.append(f"{path.relative_to(folder)}: a link that leaves the folder")
            else:
                files.append(path)
    return files, left_out


def picture(path: Path, side: int) -> np.ndarray:
    """A picture as uint8 (3, side, side): turned as its EXIF says, its short side resized, its middle cut out.

    Of an animation the first frame; transparency lies on white; 16 bits become 8. Raises ValueError with the reason.
    """
    import numpy as np
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise ValueError(f"{opened.width} x {opened.height} pixels are more than {MOST_PIXELS:,}")
            opened.draft("RGB", (2 * side, 2 * side))
            upright = ImageOps.exif_transpose(opened)
            fitted = ImageOps.fit(_rgb(upright), (side, side), Image.Resampling.BICUBIC)
            return np.asarray(fitted).transpose(2, 0, 1)
    except ValueError:
        raise
    except Exception as error:  # Pillow raises whatever its decoders do
        reason = "no picture in it" if type(error).__name__ == "UnidentifiedImageError" else str(error)
        raise ValueError("empty" if not path.stat().st_size else reason or type(error).__name__) from error


def _rgb(opened: Image.Image) -> Image.Image:
    """Any mode as RGB."""
    import numpy as np
    from PIL import Image

    if opened.mode.startswith("I") or opened.mode == "F":
        values = np.asarray(opened, dtype=np.float64)
        top = 65535 if opened.mode.startswith("I") else max(1.0, float(values.max()))
        return Image.fromarray((values / top * 255).clip(0, 255).astype("uint8")).convert("RGB")
    if opened.has_transparency_data:
        clear = opened.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return opened.convert("RGB")


def decoded(files: list[Path], side: int) -> tuple[Tensor, list[str], dict[int, str]]:
    """Pictures uint8 (files, 3, side, side), a hash of each file's bytes, and by position why one cannot be read.

    Kept for the next time, by path, size and time of change of each file.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    listed = json.dumps([side, [[str(f), f.stat().st_size, f.stat().st_mtime_ns] for f in files]])
    kept = paths.cache() / "pictures" / hashlib.sha256(listed.encode("utf-8", "backslashreplace")).hexdigest()[:32]
    try:
        about = json.loads(kept.with_suffix(".json").read_text())
        pictures = load_file(kept.with_suffix(".safetensors"))["pictures"]
        return pictures, about["hashes"], {int(at): why for at, why in about["broken"].items()}
    except (OSError, ValueError, KeyError, SafetensorError):
        pass
    pictures, broken = torch.zeros(len(files), 3, side, side, dtype=torch.uint8), {}

    def read(at: int) -> str:
        try:
            pictures[at] = torch.from_numpy(picture(files[at], side).copy())
            return hashlib.sha256(files[at].read_bytes()).hexdigest()
        except (ValueError, OSError) as error:
            broken[at] = str(error)
            return ""

    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")  # of oddities in EXIF; what cannot be decoded raises
        hashes = list(pool.map(read, range(len(files))))
    _keep(kept, pictures, {"hashes": hashes, "broken": broken})
    return pictures, hashes, dict(sorted(broken.items()))


def _keep(kept: Path, pictures: Tensor, about: dict[str, Any]) -> None:
    """Write aside and rename; a full or read-only disk only costs the next run the same work."""
    from safetensors.torch import save_file

    aside = kept.with_name(f".{os.getpid()}-{kept.name}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_file({"pictures": pictures}, aside)
        os.replace(aside, kept.with_suffix(".safetensors"))
        aside.write_text(json.dumps(about))
        os.replace(aside, kept.with_suffix(".json"))
    except Exception:
        aside.unlink(missing_ok=True)
