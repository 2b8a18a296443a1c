"""What the clean model makes of a row as a whole, read off the pass that scores it."""

from gradsentry.features.means import PROMPT_WIDTH, RESPONSE_WIDTH, Means, batch_means

__all__ = ["PROMPT_WIDTH", "RESPONSE_WIDTH", "Means", "batch_means"]
