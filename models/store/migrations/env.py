"""Alembic's entry: runs on the connection that ``models.store.database`` hands over, in its transaction."""

from alembic import context

from models.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can undo DDL, and the caller has begun a real transaction: a migration happens whole or not at all.
    transactional_ddl=True,
)
context.run_migrations()
