"""Moves crawls from the tenants' lists into ARQ, in whichever worker leads."""

import asyncio
import json
import logging
import uuid

from app.crawls import enqueue
from app.db import query
from app.settings import FEEDER_KEY, seconds, switch

log = logging.getLogger("feeder")
ME = str(uuid.uuid4())

# Only the owner may renew: a key that somebody else has put there must run out by itself.
RENEW = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('expire', KEYS[1], ARGV[2]) or 0"


async def leads(redis) -> bool:
    ttl = int(seconds("FEEDER_TTL_SECONDS", 5))
    if await redis.set(FEEDER_KEY, ME, nx=True, ex=ttl):
        return True
    return bool(await redis.eval(RENEW, 1, FEEDER_KEY, ME, ttl))


async def active(redis) -> int:
    """Crawls that run (three missed beats = dead) and those that ARQ has but did not begin."""
    beat = seconds("CRAWL_HEARTBEAT_SECONDS", 1)
    running = await query(
        """SELECT count(*) AS n FROM jobs WHERE task = 'crawl' AND status = 'in progress'
           AND updated_at > now() - make_interval(secs => :limit)""",
        limit=3 * beat,
    )
    waiting = 0
    for job in await redis.zrange("arq:queue", 0, -1):
        waiting += not await redis.exists(b"arq:in-progress:" + job)
    return running[0]["n"] + waiting


async def feed(redis) -> None:
    limit = int(switch("MAX_CRAWLS", "2"))
    async for key in redis.scan_iter("tenant:*:crawl_pending"):
        while await active(redis) < limit:
            item = await redis.lpop(key)
            if item is None:
                break
            await enqueue(redis, json.loads(item))


async def run(redis) -> None:
    while True:
        try:
            if await leads(redis):
                await feed(redis)
        except Exception:  # a database or Redis that is away for a while must not end the feeding
            log.exception("feeding failed")
        await asyncio.sleep(seconds("FEEDER_SECONDS", 1))
