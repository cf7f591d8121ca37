"""From networks and blocks to formulas: snapping, spans, constants, description length and the front."""
