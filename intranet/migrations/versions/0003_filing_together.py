"""filing together: delegation, confirmation, versions and periods of files, submissions, carried values

Revision: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delegation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("given_by", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_delegation_entry_id_entry")),
        sa.ForeignKeyConstraint(["given_by"], ["user.id"], name=op.f("fk_delegation_given_by_user")),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_delegation_school_id_school")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
        sa.UniqueConstraint(
            "entry_id", "school_id", "ref", name=op.f("uq_delegation_entry_id_school_id_ref")
        ),
    )
    with op.batch_alter_table("delegation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delegation_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_delegation_school_id"), ["school_id"], unique=False)

    op.create_table(
        "form_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("what", sa.String(length=1000), nullable=False),
        sa.Column("original", sa.String(), nullable=False),
        sa.Column("category", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_form_line_entry_id_entry")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_line")),
        sa.UniqueConstraint("entry_id", "form", "ref", name=op.f("uq_form_line_entry_id_form_ref")),
    )
    with op.batch_alter_table("form_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_form_line_entry_id"), ["entry_id"], unique=False)

    op.create_table(
        "submission",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("printed", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("submitted_by", sa.Integer(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=False),
        sa.Column("scan_sha256", sa.String(), nullable=False),
        sa.Column("scan_name", sa.String(length=255), nullable=False),
        sa.Column("scan_media_type", sa.String(), nullable=False),
        sa.Column("scan_by", sa.Integer(), nullable=True),
        sa.Column("scan_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_submission_entry_id_entry")),
        sa.ForeignKeyConstraint(["scan_by"], ["user.id"], name=op.f("fk_submission_scan_by_user")),
        sa.ForeignKeyConstraint(["submitted_by"], ["user.id"], name=op.f("fk_submission_submitted_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint("entry_id", "round", name=op.f("uq_submission_entry_id_round")),
    )
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submission_entry_id"), ["entry_id"], unique=False)

    op.create_table(
        "confirmation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("school_id", sa.Integer(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("open", "confirmed", "disputed", name="confirmstate", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("proposal", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("said_by", sa.Integer(), nullable=False),
        sa.Column("said_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_confirmation_entry_id_entry")),
        sa.ForeignKeyConstraint(["row_id"], ["fact_row.id"], name=op.f("fk_confirmation_row_id_fact_row")),
        sa.ForeignKeyConstraint(["said_by"], ["user.id"], name=op.f("fk_confirmation_said_by_user")),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_confirmation_school_id_school")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmation")),
        sa.UniqueConstraint("row_id", "school_id", name=op.f("uq_confirmation_row_id_school_id")),
    )
    with op.batch_alter_table("confirmation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_confirmation_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_confirmation_row_id"), ["row_id"], unique=False)

    op.create_table(
        "evidence_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("evidence_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("uploaded_by", sa.Integer(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_evidence_version_evidence_id_evidence")
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by"], ["user.id"], name=op.f("fk_evidence_version_uploaded_by_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_version")),
        sa.UniqueConstraint("evidence_id", "n", name=op.f("uq_evidence_version_evidence_id_n")),
    )
    with op.batch_alter_table("evidence_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evidence_version_evidence_id"), ["evidence_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evidence_version_sha256"), ["sha256"], unique=False)

    op.create_table(
        "pending_upload",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("replaces", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_pending_upload_entry_id_entry")),
        sa.ForeignKeyConstraint(
            ["replaces"], ["evidence.id"], name=op.f("fk_pending_upload_replaces_evidence")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_pending_upload_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_upload")),
        sa.UniqueConstraint("token", name=op.f("uq_pending_upload_token")),
    )
    with op.batch_alter_table("pending_upload", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pending_upload_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pending_upload_user_id"), ["user_id"], unique=False)

    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("carried", sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table("cycle", schema=None) as batch_op:
        batch_op.add_column(sa.Column("max_returns", sa.Integer(), server_default="3", nullable=False))

    # Inline: a constraint added by copying the table would drop one that others refer to.
    reference = sa.ForeignKey("entry.id", name="fk_entry_carried_from_entry")
    op.add_column("entry", sa.Column("carried_from", sa.Integer(), reference), inline_references=True)

    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.add_column(sa.Column("period_from", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("period_until", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("carried", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))

    with op.batch_alter_table("fact_row", schema=None) as batch_op:
        batch_op.add_column(sa.Column("carried", sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table("user", schema=None) as batch_op:
        batch_op.add_column(sa.Column("email", sa.String(length=254), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("user", schema=None) as batch_op:
        batch_op.drop_column("email")

    with op.batch_alter_table("fact_row", schema=None) as batch_op:
        batch_op.drop_column("carried")

    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_column("version")
        batch_op.drop_column("carried")
        batch_op.drop_column("period_until")
        batch_op.drop_column("period_from")

    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.drop_column("carried_from")

    with op.batch_alter_table("cycle", schema=None) as batch_op:
        batch_op.drop_column("max_returns")

    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.drop_column("carried")

    with op.batch_alter_table("pending_upload", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pending_upload_user_id"))
        batch_op.drop_index(batch_op.f("ix_pending_upload_entry_id"))

    op.drop_table("pending_upload")
    with op.batch_alter_table("evidence_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evidence_version_sha256"))
        batch_op.drop_index(batch_op.f("ix_evidence_version_evidence_id"))

    op.drop_table("evidence_version")
    with op.batch_alter_table("confirmation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_confirmation_row_id"))
        batch_op.drop_index(batch_op.f("ix_confirmation_entry_id"))

    op.drop_table("confirmation")
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_submission_entry_id"))

    op.drop_table("submission")
    with op.batch_alter_table("form_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_form_line_entry_id"))

    op.drop_table("form_line")
    with op.batch_alter_table("delegation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delegation_school_id"))
        batch_op.drop_index(batch_op.f("ix_delegation_entry_id"))

    op.drop_table("delegation")
