"""A local stand-in for every outside system: one population with its truth, one face for each interface."""
