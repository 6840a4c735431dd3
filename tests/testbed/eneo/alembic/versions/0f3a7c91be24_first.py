"""Tenants, users, jobs."""

from alembic import op

revision = "0f3a7c91be24"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.execute("""
        CREATE TABLE tenants (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE,
            state text NOT NULL DEFAULT 'active', api_credentials jsonb NOT NULL DEFAULT '{}',
            created_at timestamptz NOT NULL DEFAULT now())""")
    op.execute("""
        CREATE TABLE users (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL REFERENCES tenants,
            email text NOT NULL UNIQUE, created_at timestamptz NOT NULL DEFAULT now())""")
    op.execute("""
        CREATE TABLE jobs (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES users,
            task text NOT NULL, name text, status text NOT NULL DEFAULT 'queued', result_location text,
            created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
            finished_at timestamptz)""")
    op.execute("CREATE TABLE notes (id bigserial PRIMARY KEY, n bigint NOT NULL, created_at timestamptz DEFAULT now())")
