"""Who is who: pure functions over observations of identifiers."""
