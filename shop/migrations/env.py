"""Alembic's entry: one migration run on the connection that `shop/migrate.py` hands over."""

from alembic import context

import catalog.models  # noqa: F401
import live.models  # noqa: F401
import shop.models  # noqa: F401
from catalog.db import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # SQLite can not alter a column; Alembic then copies the table.
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
