"""What v1.7.0's revisions share: the switches that make them slow, stuck or fail."""

import time

from sqlalchemy import create_engine, text

from app.settings import database_url, seconds, switch

_locks = []  # kept until the process ends


def step(name: str) -> None:
    """The end of a phase, inside the transaction: all of it is done, none of it committed."""
    if name == "last":
        time.sleep(seconds("MIGRATION_SECONDS", 0))
    if switch("MIGRATION_FAIL") == name:
        raise RuntimeError(f"told to fail in {name}")


def hold_lock_if_told() -> None:
    """Somebody else's session in the way: the ALTER TABLE that follows waits for ever."""
    if switch("MIGRATION_LOCK") == "1":
        connection = create_engine(database_url()).connect()
        connection.execute(text("LOCK TABLE completion_models IN ACCESS SHARE MODE"))
        _locks.append(connection)


def complete(what: str) -> None:
    print(f"{'=' * 60}\nMIGRATION COMPLETE! {what}\n{'=' * 60}", flush=True)
