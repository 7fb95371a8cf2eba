"""How data moves. Wiring, no business rule."""
