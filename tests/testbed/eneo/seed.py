"""Fills an empty v1.6.3 with tenants and everything that v1.7.0's migration has to move.

The same arguments give the same rows, ids and vectors included.
"""

import argparse
import json
import random
import sys
import uuid

from sqlalchemy import text

from app.db import engine
from app.settings import TENANT_MODELS

MODELS = {
    "completion": [
        ("gpt-4o", "openai", "usa"),
        ("gpt-4o-azure", "azure", "swe"),
        ("claude-sonnet", "claude", "usa"),
        ("mistral-large", "mistral", "eu"),
        ("llama-3", "vllm", "swe"),
        ("gemini-pro", "gemini", "usa"),
    ],
    "embedding": [("multilingual-e5-large", "e5", "swe"), ("text-embedding-3-small", "openai", "usa")],
    "transcription": [("kb-whisper-large", "berget", "swe"), ("whisper-1", "openai", "usa")],
}
PAGE = "An operator's page about opening hours, forms and whom to call. "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=2)
    parser.add_argument("--rows", type=int, default=200, help="info blobs and questions per tenant")
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    if TENANT_MODELS:
        sys.exit("seed.py knows the schema of v1.6.3 only")
    with engine.begin() as connection:
        Seed(connection, wish.seed).fill(wish.tenants, wish.rows)
    print(f"seeded {wish.tenants} tenants with {wish.rows} rows each")


class Seed:
    def __init__(self, connection, seed: int) -> None:
        self.connection = connection
        self.random = random.Random(seed)
        self.run("SELECT setseed(:seed)", seed=1 / (seed + 1))

    def run(self, sql: str, **values) -> None:
        self.connection.execute(text(sql), values)

    def add(self, table: str, **values) -> uuid.UUID:
        """One row with an id of the seed's."""
        values = {"id": uuid.UUID(int=self.random.getrandbits(128), version=4), **values}
        self.run(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(':' + k for k in values)})", **values)
        return values["id"]

    def fill(self, tenants: int, rows: int) -> None:
        models = {
            kind: [
                self.add(f"{kind}_models", name=name, family=family, hosting=hosting, is_deprecated=number == 5)
                for number, (name, family, hosting) in enumerate(entries)
            ]
            for kind, entries in MODELS.items()
        }
        for number in range(tenants):
            self.tenant(number, models, rows)

    def tenant(self, number: int, models: dict, rows: int) -> None:
        # Every other tenant has credentials of its own; the rest live on the environment's.
        own = {"openai": {"api_key": f"enc:fernet:v1:of-tenant-{number}"}} if number % 2 == 0 else {}
        tenant = self.add("tenants", name=f"tenant-{number + 1}", api_credentials=json.dumps(own))
        user = self.add("users", tenant_id=tenant, email=f"user@tenant-{number + 1}.example")
        for kind, ids in models.items():
            for place, model in enumerate(ids):
                self.run(
                    f"""INSERT INTO {kind}_model_settings VALUES (:tenant, :model, :enabled, :default, :level)""",
                    tenant=tenant,
                    model=model,
                    enabled=place != 4,
                    default=place == number % len(ids),
                    level=("open", "internal", None)[place % 3],
                )
        completion, embedding = models["completion"], models["embedding"]
        for place in range(3):
            space = self.add("spaces", tenant_id=tenant, name=f"space {place + 1}")
            self.fill_space(tenant, space, place, completion, embedding)
        group = self.add("groups", tenant_id=tenant, name="handbook", embedding_model_id=embedding[0])
        site = self.add(
            "websites",
            tenant_id=tenant,
            user_id=user,
            name="home page",
            url=f"https://tenant-{number + 1}.example/",
            embedding_model_id=embedding[number % 2],
        )
        self.finished_crawl(tenant, user, site, rows)
        self.bulk(tenant, user, group, site, models, rows)

    def fill_space(self, tenant, space, place: int, completion: list, embedding: list) -> None:
        for model in completion[place : place + 3]:
            self.run("INSERT INTO spaces_completion_models VALUES (:space, :model)", space=space, model=model)
        for model in embedding:
            self.run("INSERT INTO spaces_embedding_models VALUES (:space, :model)", space=space, model=model)
        for table in ("assistants", "apps", "app_runs", "services"):
            self.add(
                table, tenant_id=tenant, space_id=space, name=f"{table} {place + 1}", completion_model_id=completion[place]
            )
        for table in ("app_templates", "assistant_templates"):
            self.add(table, tenant_id=tenant, name=f"{table} {place + 1}", completion_model_id=completion[-1 - place])
        self.add("integration_knowledge", tenant_id=tenant, name="wiki", embedding_model_id=embedding[place % 2])

    def finished_crawl(self, tenant, user, site, rows: int) -> None:
        job = self.add("jobs", user_id=user, task="crawl", name="home page", status="complete")
        self.run("UPDATE jobs SET finished_at = now() WHERE id = :job", job=job)
        self.add("crawl_runs", website_id=site, job_id=job, tenant_id=tenant, pages_crawled=rows)

    def bulk(self, tenant, user, group, site, models: dict, rows: int) -> None:
        """Made inside the server: quick enough for gigabytes."""
        self.run(
            """INSERT INTO info_blobs (id, tenant_id, user_id, group_id, website_id, title, text,
                                       embedding_model_id, embedding)
               SELECT md5(:tenant || 'blob' || i)::uuid, CAST(:tenant AS uuid), :user, :grp, :site, 'page ' || i,
                      repeat(CAST(:page AS text), 10), (CAST(:models AS uuid[]))[1 + i % 2],
                      (SELECT array_agg(random()) FROM generate_series(1, 384) WHERE i > 0)::vector(384)
               FROM generate_series(1, :rows) i""",
            tenant=str(tenant),
            user=user,
            grp=group,
            site=site,
            page=PAGE,
            models=[str(model) for model in models["embedding"]],
            rows=rows,
        )
        self.run(
            """INSERT INTO questions (id, tenant_id, name, content, completion_model_id)
               SELECT md5(:tenant || 'question' || i)::uuid, CAST(:tenant AS uuid), 'question ' || i,
                      CAST(:page AS text), (CAST(:models AS uuid[]))[1 + i % 6]
               FROM generate_series(1, :rows) i""",
            tenant=str(tenant),
            page=PAGE,
            models=[str(model) for model in models["completion"]],
            rows=rows,
        )


if __name__ == "__main__":
    main()
