"""Merge."""

revision = "merge_spaces_and_websites"
down_revision = ("add_spaces", "7d41e0a95c12")


def upgrade() -> None:
    pass
