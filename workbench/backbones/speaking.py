"""A small encoder of speech: transformers' Whisper encoder on log-mel frames of clips of any length."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SpeechEncoder(nn.Module):
    """Log-mel frames (batch, frames, bands), NaN beyond a clip's end, as features (batch, width).

    `config`: keywords of transformers' `WhisperConfig`. What is beyond a clip's end stays NaN from layer to layer and
    is neither heard nor counted, so a clip's features do not depend on its batch, and the network can be cut between
    any two layers. Features are the mean over a clip's frames of what was heard, and its spread (standard deviation):
    `width` is twice the layers'. What is beyond `max_source_positions` is not heard.
    """

    def __init__(self, config: dict[str, Any]):
        from transformers import WhisperConfig
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        super().__init__()
        about = WhisperConfig(**config)
        self.encoder = WhisperEncoder(about)
        self.width, self.bands = 2 * int(about.d_model), int(about.num_mel_bins)

    def forward(self, frames: Tensor) -> Tensor:
        x = self.heard(frames)
        gone = torch.isnan(x)
        x = self.encoder.layer_norm(torch.where(gone, torch.zeros_like(x), x))
        count = (~gone).sum(1)
        mean = x.masked_fill(gone, 0.0).sum(1) / count
        spread = (x - mean[:, None]).square().masked_fill(gone, 0.0).sum(1) / count
        return torch.cat([mean, (spread + 1e-5).sqrt()], 1)

    def heard(self, frames: Tensor) -> Tensor:
        """What is heard at each time, before the last norm: (batch, frames / 2, width), NaN beyond a clip's end."""
        body = self.encoder
        x = frames[:, : 2 * body.max_source_positions]
        gone = torch.isnan(x[:, :, 0])[:, :, None]
        x = torch.where(torch.isnan(x), torch.zeros_like(x), x).transpose(1, 2)
        x = F.gelu(body.conv1(x)).masked_fill(gone.transpose(1, 2), 0.0)
        x = F.gelu(body.conv2(x)).transpose(1, 2)
        x = x + body.embed_positions.weight[: x.shape[1]]
        x = torch.where(gone[:, ::2], torch.full_like(x, torch.nan), x)
        for layer in body.layers:
            x = _masked(layer, x)
        return x

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Which weights belong to which layer, in timm's manner."""
        return {
            "stem": r"^encoder\.(?:conv|embed_positions)",
            "blocks": [(r"^encoder\.layers\.(\d+)", None), (r"^encoder\.layer_norm", (99999,))],
        }


def _masked(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer over the frames that are there."""
    gone = torch.isnan(x)
    clean = torch.where(gone, torch.zeros_like(x), x)
    heard = layer(clean, ~gone[:, None, None, :, 0])
    return torch.where(gone, torch.full_like(x, torch.nan), heard)
