"""Samples -> token ids and mask, exactly what a trainer would compute the loss on."""
