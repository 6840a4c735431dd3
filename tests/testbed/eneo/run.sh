#!/bin/sh
# Starts what this container is for. PID 1 is the shell that runs this script as its child; it
# hands no signal on, so what is exec'ed here never hears of `docker stop`.
set -e

if [ "$RUN_AS_WORKER" = true ]; then
    exec python3 -m app.worker
fi
if [ "$ENEO_VERSION" = v1.6.3 ] || [ "$TESTBED_MIGRATION_SKIP" != 1 ]; then
    alembic upgrade head
fi
sleep "${TESTBED_BOOT_SECONDS:-1}"
exec gunicorn --worker-class uvicorn.workers.UvicornWorker --bind 0.0.0.0:8000 app.web:app
