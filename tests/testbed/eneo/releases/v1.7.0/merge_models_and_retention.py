"""Merge."""

revision = "merge_models_and_retention"
down_revision = ("move_settings_to_models", "c0ffee170042")


def upgrade() -> None:
    pass
