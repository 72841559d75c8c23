"""Image tokens in a file: COCO's 5,000 test images alone need 9 GB."""

from __future__ import annotations

import os
import tempfile

import numpy as np
import torch
from torch import Tensor

from blipdb.errors import SetupError


class TokenStore:
    """Image tokens float32 [I, N, D] in a file without a name, in TMPDIR."""

    def __init__(self, images: int, length: int, width: int) -> None:
        """Reserve a temporary file.

        Raises:
            SetupError: there is no room for them.
        """
        shape = (images, length, width)
        with tempfile.TemporaryFile() as file:
            size = 4 * images * length * width
            try:
                os.posix_fallocate(file.fileno(), 0, max(size, 1))
            except OSError as error:
                raise SetupError(
                    f"{size / 1e9:.1f} GB of image tokens find no room in"
                    f" {tempfile.gettempdir()}: {error.strerror}",
                    "TMPDIR names another place for them.",
                ) from None
            self._tokens = np.memmap(file, np.float32, "r+", shape=shape)  # outlives the file

    def put(self, start: int, tokens: Tensor) -> None:
        """Store the tokens [B, N, D] of the images from `start` on."""
        self._tokens[start : start + len(tokens)] = tokens.detach().cpu().numpy()

    def get(self, image: int, device: torch.device) -> Tensor:
        """Load the tokens [1, N, D] of an image."""
        return torch.from_numpy(np.array(self._tokens[image : image + 1])).to(device)
