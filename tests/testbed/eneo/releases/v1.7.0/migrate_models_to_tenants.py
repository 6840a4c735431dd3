"""Phase 2, data: every active tenant gets its own copy of every global model."""

from alembic import op
from sqlalchemy import text

from app.migration import complete, step
from app.providers import upsert_provider

revision = "migrate_models_to_tenants"
down_revision = "add_model_providers"

KINDS = ("completion", "embedding", "transcription")
OWNED = {
    "completion": ("assistants", "apps", "app_runs", "services", "questions", "app_templates", "assistant_templates"),
    "embedding": ("groups", "info_blobs", "websites", "integration_knowledge"),
}


def upgrade() -> None:
    migrate(op.get_bind().execute)
    step("phase2")


def migrate(run) -> None:
    tenants = run(text("SELECT id, name, api_credentials FROM tenants WHERE state = 'active' ORDER BY name")).all()
    if not tenants:
        print("No active tenants found - skipping migration")
        return
    globals_of = "SELECT family FROM {}_models WHERE tenant_id IS NULL".format
    families = sorted(run(text(" UNION ".join(map(globals_of, KINDS)))).scalars())
    if not families:
        print("No global models found - skipping migration")
        return

    run(text("CREATE TEMP TABLE provider_map (tenant_id uuid, family text, provider_id uuid) ON COMMIT DROP"))
    for tenant in tenants:
        for family in families:
            provider = upsert_provider(run, tenant, family)
            run(
                text("INSERT INTO provider_map VALUES (:tenant, :family, :provider)"),
                {"tenant": tenant.id, "family": family, "provider": provider},
            )
    copy_models(run)
    move_references(run)
    validate(run)
    for kind in KINDS:
        run(text(f"DELETE FROM {kind}_models WHERE tenant_id IS NULL AND provider_id IS NULL"))
    complete(f"{len(tenants)} tenants, {len(families)} model families")


def copy_models(run) -> None:
    run(text("CREATE TEMP TABLE model_map (kind text, tenant_id uuid, old_id uuid, new_id uuid) ON COMMIT DROP"))
    for kind in KINDS:
        run(text(f"""
            INSERT INTO model_map SELECT '{kind}', t.id, m.id, gen_random_uuid()
            FROM tenants t CROSS JOIN {kind}_models m WHERE t.state = 'active' AND m.tenant_id IS NULL"""))
        run(text(f"""
            INSERT INTO {kind}_models (id, name, family, hosting, base_url, is_deprecated, tenant_id, provider_id)
            SELECT map.new_id, m.name, m.family, m.hosting, m.base_url, m.is_deprecated, map.tenant_id, p.provider_id
            FROM model_map map JOIN {kind}_models m ON m.id = map.old_id
            JOIN provider_map p ON p.tenant_id = map.tenant_id AND p.family = m.family
            WHERE map.kind = '{kind}'"""))


def move_references(run) -> None:
    for kind, tables in OWNED.items():
        for table in tables:
            run(text(f"""
                UPDATE {table} t SET {kind}_model_id = map.new_id FROM model_map map
                WHERE map.kind = '{kind}' AND map.old_id = t.{kind}_model_id AND map.tenant_id = t.tenant_id"""))
        run(text(f"""
            UPDATE spaces_{kind}_models s SET {kind}_model_id = map.new_id FROM spaces, model_map map
            WHERE spaces.id = s.space_id AND map.kind = '{kind}' AND map.old_id = s.{kind}_model_id
                AND map.tenant_id = spaces.tenant_id"""))
    for table in ("app_templates", "assistant_templates"):
        run(text(f"UPDATE {table} SET completion_model_id = NULL WHERE tenant_id IS NULL"))
    for kind in KINDS:
        run(text(f"""
            UPDATE {kind}_model_settings s SET model_id = map.new_id FROM model_map map
            WHERE map.kind = '{kind}' AND map.old_id = s.model_id AND map.tenant_id = s.tenant_id"""))


def validate(run) -> None:
    for kind, tables in OWNED.items():
        for table in (*tables, f"spaces_{kind}_models"):
            orphans = run(text(f"""
                SELECT count(*) FROM {table} t JOIN {kind}_models m ON m.id = t.{kind}_model_id
                WHERE m.tenant_id IS NULL""")).scalar()
            if orphans:
                raise RuntimeError(f"{orphans} rows of {table} still refer to global {kind} models")
