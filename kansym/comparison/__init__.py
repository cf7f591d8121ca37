"""Many methods on the same problems, within the same budget, before the same judge."""
