"""The ARQ worker, with the feeder beside it."""

import asyncio
import logging

from arq import func
from arq.connections import RedisSettings
from arq.worker import run_worker

from app import feeder
from app.crawls import crawl
from app.settings import REDIS_HOST, REDIS_PORT, WORKER_HEALTH_KEY, seconds


async def startup(ctx: dict) -> None:
    ctx["feeder"] = asyncio.create_task(feeder.run(ctx["redis"]))


async def shutdown(ctx: dict) -> None:
    ctx["feeder"].cancel()


class WorkerSettings:
    # Never tried again by itself: an interrupted crawl is for its user to start again.
    functions = [func(crawl, timeout=10 * 3600, max_tries=1)]
    retry_jobs = False
    on_startup = startup
    on_shutdown = shutdown
    redis_settings = RedisSettings(host=REDIS_HOST, port=REDIS_PORT)
    health_check_key = WORKER_HEALTH_KEY
    health_check_interval = seconds("WORKER_HEALTH_SECONDS", 1)
    job_completion_wait = int(seconds("JOB_COMPLETION_WAIT", 60))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    run_worker(WorkerSettings)
