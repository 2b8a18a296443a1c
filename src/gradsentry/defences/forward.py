"""The features that one forward pass gives: spectra, and the last prompt token's state."""

from __future__ import annotations

import numpy as np

from gradsentry.defences.base import Features, RowExtractor
from gradsentry.defences.reading import Reading

CROPS = (1, 4, 8, 16)
K = 64


class Forward(RowExtractor):
    """One pass for several defences, and for every region and k that may be asked for later.

    The features: `spectrum_C` for each crop C, the 64 largest singular values of `G[: V // C, : d // C]`;
    `state`, [d], what enters the output projection at the last prompt token.
    """

    name = "forward"

    def of_reading(self, reading: Reading) -> Features:
        """Returns the features of one row."""
        from gradsentry import spectra

        D, A = reading.factor(), reading.states
        values: Features = {
            f"spectrum_{crop}": spectra.singular_values(
                D[:, : D.shape[1] // crop], A[:, : A.shape[1] // crop], K
            )
            .cpu()
            .numpy()
            .astype(np.float32)
            for crop in CROPS
        }
        values["state"] = A[0].cpu().numpy()
        return values
