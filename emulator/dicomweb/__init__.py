"""WADO-RS, QIDO-RS and STOW-RS."""
