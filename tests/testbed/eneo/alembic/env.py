"""All pending revisions in one transaction: a migration happens whole or not at all."""

from logging.config import fileConfig

from alembic import context
from sqlalchemy import create_engine, pool

from app.settings import database_url

fileConfig(context.config.config_file_name, disable_existing_loggers=False)

with create_engine(database_url(), poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()
