"""The store's tables. Types are those that SQLite and PostgreSQL share; times are naive UTC.

Adding a table: declare it here, add a migration under ``migrations/versions``, set ``HEAD`` to its revision. A test
compares the migrated database with these declarations.
"""

import sqlalchemy as sa

#: The newest migration. Known without importing Alembic, so that opening a store that is up to date stays fast.
HEAD = "0001"

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

#: 64 bits everywhere; SQLite numbers rows by itself only when the type is spelled INTEGER.
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

#: Tables of which no row is ever changed or removed; triggers hold them to that.
APPEND_ONLY = ("consents", "exports")

# Grain: one row per decision of a person on a purpose and channel, as recorded.
consents = sa.Table(
    "consents",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("identifier_type", sa.Text, nullable=False),
    sa.Column("identifier", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("decided_at", sa.DateTime, nullable=False),
    sa.Column("evidence", sa.Text),
    sa.Column("notice_version", sa.Text),
    sa.Column("recorded_at", sa.DateTime, nullable=False),
    sa.UniqueConstraint("batch", "position"),
    sa.CheckConstraint("state in ('granted', 'withdrawn')", name="state"),
    sa.Index("ix_consents_current", "purpose", "identifier_type", "identifier", "channel", "decided_at"),
    sqlite_autoincrement=True,
)

# Grain: one row per time that an identifier was put on the do-not-contact list; lifted_at null = still on it.
suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("identifier_type", sa.Text, nullable=False),
    sa.Column("identifier", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("added_at", sa.DateTime, nullable=False),
    sa.Column("lifted_at", sa.DateTime),
    sa.Index("ix_suppressions_active", "identifier_type", "identifier", "channel"),
    sqlite_autoincrement=True,
)

# Grain: one row per exported file.
exports = sa.Table(
    "exports",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("export_id", sa.Text, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("file_sha256", sa.Text, nullable=False),
    sa.Column("audience", sa.Text, nullable=False),
    sa.Column("audience_version", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("suppressed", sa.JSON, nullable=False),
    sa.Column("publication", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.UniqueConstraint("export_id", "file_name"),
    sqlite_autoincrement=True,
)
