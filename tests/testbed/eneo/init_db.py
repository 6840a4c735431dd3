"""db-init: brings the schema to this release's head, or says why not and exits 1."""

import sys
import traceback

from alembic import command
from alembic.config import Config

from app.settings import failure

try:
    if failure("MIGRATION_SKIP") != "1":
        command.upgrade(Config("alembic.ini"), "head")
except Exception as error:
    traceback.print_exc()
    print(f"Alembic migrations failed: {error}")
    sys.exit(1)
print("Alembic migrations ran successfully.")
