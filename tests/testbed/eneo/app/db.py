"""One pool of connections per process, kept open while idle as the real app does."""

import asyncio

from sqlalchemy import create_engine, text

from app.settings import database_url

engine = create_engine(database_url(), pool_pre_ping=True, pool_size=5)


def rows(sql: str, **values) -> list:
    """Runs one statement in a transaction of its own; its rows, if it returns any."""
    with engine.begin() as connection:
        result = connection.execute(text(sql), values)
        return list(result.mappings()) if result.returns_rows else []


async def query(sql: str, **values) -> list:
    return await asyncio.to_thread(rows, sql, **values)
