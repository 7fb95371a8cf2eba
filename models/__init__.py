"""The business, in plain Python: what is promised, how a rule reads, who may see what."""
