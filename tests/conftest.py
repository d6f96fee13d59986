"""What holds for every test."""

from hypothesis import settings

# A busy machine is slow, and that is no failure.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
