"""Websites, their crawls, collections and the pages found."""

from alembic import op

revision = "7d41e0a95c12"
down_revision = "add_ai_models"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE websites (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL REFERENCES tenants,
            user_id uuid REFERENCES users, name text, url text NOT NULL,
            embedding_model_id uuid REFERENCES embedding_models,
            created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now())""")
    op.execute("""
        CREATE TABLE crawl_runs (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), website_id uuid NOT NULL REFERENCES websites,
            job_id uuid REFERENCES jobs, tenant_id uuid NOT NULL REFERENCES tenants,
            pages_crawled integer NOT NULL DEFAULT 0, files_downloaded integer NOT NULL DEFAULT 0,
            pages_failed integer NOT NULL DEFAULT 0, files_failed integer NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now())""")
    op.execute("""
        CREATE TABLE groups (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL REFERENCES tenants,
            name text NOT NULL, embedding_model_id uuid REFERENCES embedding_models,
            created_at timestamptz NOT NULL DEFAULT now())""")
    op.execute("""
        CREATE TABLE info_blobs (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL REFERENCES tenants,
            user_id uuid REFERENCES users, group_id uuid REFERENCES groups, website_id uuid REFERENCES websites,
            title text, text text, embedding_model_id uuid REFERENCES embedding_models, embedding vector(384),
            created_at timestamptz NOT NULL DEFAULT now())""")
