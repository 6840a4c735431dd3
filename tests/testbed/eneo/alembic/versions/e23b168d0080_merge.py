"""Merge: the head of v1.6.3."""

revision = "e23b168d0080"
down_revision = ("add_templates", "20250901_integrations")


def upgrade() -> None:
    pass
