"""Crawls: their rows, their way into ARQ, and the task itself."""

import asyncio
import time
import uuid
from urllib.parse import parse_qs, urlencode, urlsplit

from app.db import query
from app.settings import TENANT_MODELS, seconds

# The query that tells one release's code from the other's: old code dies on the new schema.
EMBEDDING_MODEL = (
    """SELECT w.embedding_model_id AS model, w.tenant_id FROM websites w
       JOIN embedding_models m ON m.id = w.embedding_model_id AND m.tenant_id = w.tenant_id AND m.is_enabled
       WHERE w.id = :website_id"""
    if TENANT_MODELS
    else """SELECT w.embedding_model_id AS model, w.tenant_id FROM websites w
       JOIN embedding_model_settings s ON s.model_id = w.embedding_model_id AND s.tenant_id = w.tenant_id
            AND s.is_org_enabled
       WHERE w.id = :website_id"""
)


async def create(url: str, length: float, rate: float, tenant: str | None) -> dict | None:
    """Makes website, job and run; the payload that a queue carries, or None without a tenant.

    How long and how fast to crawl is part of the address, so that a payload of the real app's
    keys, made by anyone from the rows, says it too.
    """
    owner = await query(
        """SELECT t.id AS tenant_id, u.id AS user_id,
                  (SELECT w.embedding_model_id FROM websites w WHERE w.tenant_id = t.id
                    AND w.embedding_model_id IS NOT NULL ORDER BY w.url LIMIT 1) AS model
           FROM tenants t JOIN users u ON u.tenant_id = t.id
           WHERE t.state = 'active' AND (CAST(:tenant AS text) IS NULL OR t.name = :tenant)
           ORDER BY t.name, u.email LIMIT 1""",
        tenant=tenant,
    )
    if not owner:
        return None
    ids = {name: uuid.uuid4() for name in ("website_id", "job_id", "run_id")}
    address = f"{url}{'&' if '?' in url else '?'}{urlencode({'seconds': length, 'pages_per_second': rate})}"
    await query(
        """WITH website AS (
             INSERT INTO websites (id, tenant_id, user_id, name, url, embedding_model_id)
             VALUES (:website_id, :tenant_id, :user_id, 'crawl', :url, :model)),
           job AS (
             INSERT INTO jobs (id, user_id, task, name, status)
             VALUES (:job_id, :user_id, 'crawl', :url, 'queued'))
           INSERT INTO crawl_runs (id, website_id, job_id, tenant_id)
           VALUES (:run_id, :website_id, :job_id, :tenant_id)""",
        url=address,
        **owner[0],
        **ids,
    )
    return {
        **{name: str(value) for name, value in ids.items()},
        "tenant_id": str(owner[0]["tenant_id"]),
        "user_id": str(owner[0]["user_id"]),
        "url": address,
        "download_files": False,
        "crawl_type": "crawl",
    }


async def enqueue(redis, payload: dict) -> None:
    """The ARQ job has the id of the row in `jobs`."""
    payload = {key: value for key, value in payload.items() if key != "tenant_id"}
    await redis.enqueue_job("crawl", payload, _job_id=payload["job_id"])


async def set_status(job_id: str, status: str) -> None:
    await query(
        """UPDATE jobs SET status = :status, updated_at = now(),
                  finished_at = CASE WHEN :status IN ('complete', 'failed') THEN now() END
           WHERE id = :id""",
        id=job_id,
        status=status,
    )


async def crawl(ctx: dict, payload: dict) -> None:
    """Runs for its seconds, or until it is told to end. A cancelled crawl's job stays `in progress`, as in Eneo."""
    job_id, run_id = payload["job_id"], payload["run_id"]
    await set_status(job_id, "in progress")
    try:
        found = await query(EMBEDDING_MODEL, website_id=payload["website_id"])
        if not found:
            raise RuntimeError("the website's embedding model is not enabled")
        await fetch_pages(ctx["redis"], payload, found[0], job_id, run_id)
    except Exception:
        await set_status(job_id, "failed")
        raise
    await set_status(job_id, "complete")


async def fetch_pages(redis, payload: dict, site: dict, job_id: str, run_id: str) -> None:
    wish = parse_qs(urlsplit(payload["url"]).query)
    length = float(wish.get("seconds", ["5"])[0])
    pause = 1 / float(wish.get("pages_per_second", ["5"])[0])
    beat = seconds("CRAWL_HEARTBEAT_SECONDS", 1)
    start = last_beat = time.monotonic()
    page = 0
    while time.monotonic() - start < length and not await redis.exists(f"testbed:end:{job_id}"):
        page += 1
        await query(
            """WITH page AS (
                 INSERT INTO info_blobs (tenant_id, user_id, website_id, title, text, embedding_model_id, embedding)
                 SELECT :tenant_id, :user_id, :website_id, :title, repeat(:title, 40), :model,
                        array_agg(random())::vector(384) FROM generate_series(1, 384))
               UPDATE crawl_runs SET pages_crawled = pages_crawled + 1, updated_at = now() WHERE id = :run_id""",
            **site,
            user_id=payload["user_id"],
            website_id=payload["website_id"],
            title=f"page {page} of {payload['url']} ",
            run_id=run_id,
        )
        if time.monotonic() - last_beat >= beat:
            last_beat = time.monotonic()
            await query("UPDATE jobs SET updated_at = now() WHERE id = :id", id=job_id)
        await asyncio.sleep(min(pause, max(0, start + length - time.monotonic())))
