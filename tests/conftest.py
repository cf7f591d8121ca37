"""Property tests draw the same examples on every run: a failure is a change of the code, not of the dice."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
