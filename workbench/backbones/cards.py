"""The cards of our own small pretrained backbones."""

from __future__ import annotations

import json
from typing import Any

from workbench import paths


def cards() -> dict[str, dict[str, Any]]:
    """Every card by the name of its backbone; `domain` is vision, language or speech."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(paths.weights().glob("*.json"))}
    return {name: {"domain": "vision"} | card for name, card in found.items() if "parameters" in card}
