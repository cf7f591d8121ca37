"""Which variables meet, and how: structure found in closed form, in numpy and scipy."""
