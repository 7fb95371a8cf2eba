"""Alembic migrations of the store, run by ``models.store.database``."""
