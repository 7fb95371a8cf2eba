"""Rule tags: who gets one and who loses it in a run, and the periods that follow. Pure functions on frames."""
