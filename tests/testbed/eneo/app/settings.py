"""Environment variables. The switches of the test bed begin with TESTBED_ (see its README)."""

import os

from sqlalchemy import URL

VERSION = os.environ.get("ENEO_VERSION", "unknown")
TENANT_MODELS = VERSION != "v1.6.3"  # which schema this code was written for


def switch(name: str, default: str = "") -> str:
    return os.environ.get(f"TESTBED_{name}") or default


def seconds(name: str, default: float) -> float:
    return float(switch(name, str(default)))


def failure(name: str) -> str:
    """A failure to be had in the new release only: the one gone back to must work."""
    return switch(name) if TENANT_MODELS else ""


def database_url() -> URL:
    return URL.create(
        "postgresql+psycopg",
        username=os.environ.get("POSTGRES_USER", "postgres"),
        password=os.environ.get("POSTGRES_PASSWORD"),
        host=os.environ.get("POSTGRES_HOST", "db"),
        port=int(os.environ.get("POSTGRES_PORT", "5432")),
        database=os.environ.get("POSTGRES_DB", "eneo"),
    )


REDIS_HOST = os.environ.get("REDIS_HOST", "redis")
REDIS_PORT = int(os.environ.get("REDIS_PORT", "6379"))
WORKER_HEALTH_KEY = "arq:queue:health-check"
FEEDER_KEY = "crawl_feeder:leader"
