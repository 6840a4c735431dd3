"""The API."""

import contextlib
import datetime
import json

from arq import create_pool
from arq.connections import RedisSettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app import crawls
from app.db import query
from app.settings import REDIS_HOST, REDIS_PORT, VERSION, WORKER_HEALTH_KEY, failure


def heartbeat_time(beat: str) -> str:
    """ARQ writes month, day and time; the year is this one."""
    now = datetime.datetime.now()
    stamp = datetime.datetime.strptime(f"{now.year} {beat[:15]}", "%Y %b-%d %H:%M:%S")
    return stamp.isoformat()


async def healthz(request: Request) -> JSONResponse:
    beat = await request.app.state.redis.get(WORKER_HEALTH_KEY)
    beat = beat.decode() if beat else None
    healthy = "HEALTHY" if beat else "UNHEALTHY"
    backend = "UNHEALTHY" if failure("BACKEND_UNHEALTHY") else "HEALTHY"
    whole = "HEALTHY" if healthy == backend == "HEALTHY" else "UNHEALTHY"
    detail = {
        "status": whole,
        "backend": {"status": backend},
        "worker": {
            "status": healthy,
            "last_heartbeat": heartbeat_time(beat) if beat else None,
            "details": beat or "no heartbeat of the worker found",
        },
    }
    return JSONResponse({"detail": detail}, status_code=200 if whole == "HEALTHY" else 503)


async def version(_: Request) -> JSONResponse:
    return JSONResponse({"version": VERSION})


async def add_note(request: Request) -> JSONResponse:
    n = int((await request.json())["n"])
    made = await query("INSERT INTO notes (n) VALUES (:n) RETURNING id, n", n=n)
    return JSONResponse(dict(made[0]), status_code=201)


async def count_notes(_: Request) -> JSONResponse:
    return JSONResponse({"count": (await query("SELECT count(*) AS n FROM notes"))[0]["n"]})


async def add_crawl(request: Request) -> JSONResponse:
    wish = await request.json()
    payload = await crawls.create(
        wish.get("url", "https://example.org/"),
        float(wish.get("seconds", 5)),
        float(wish.get("pages_per_second", 5)),
        wish.get("tenant"),
    )
    if payload is None:
        return JSONResponse({"detail": "no active tenant"}, status_code=409)
    redis = request.app.state.redis
    if wish.get("queued"):
        tenant = payload.pop("tenant_id")
        await redis.rpush(f"tenant:{tenant}:crawl_pending", json.dumps(payload))
    else:
        await crawls.enqueue(redis, payload)
    return JSONResponse({key: payload[key] for key in ("job_id", "run_id")}, status_code=201)


@contextlib.asynccontextmanager
async def lifespan(app: Starlette):
    app.state.redis = await create_pool(RedisSettings(host=REDIS_HOST, port=REDIS_PORT))
    yield
    await app.state.redis.aclose()


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/api/healthz", healthz),
        Route("/api/version", version),
        Route("/api/notes", add_note, methods=["POST"]),
        Route("/api/notes/count", count_notes),
        Route("/api/crawls", add_crawl, methods=["POST"]),
    ],
)
