"""from the panel's order to the archive: assignments, recusals, inquiries, showings, publications, appeals

Revision: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "special_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("works", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_special_day")),
    )
    op.create_table(
        "declaration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("declared_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_declaration_cycle_id_cycle")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_declaration_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration")),
        sa.UniqueConstraint("cycle_id", "user_id", name=op.f("uq_declaration_cycle_id_user_id")),
    )
    with op.batch_alter_table("declaration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_declaration_cycle_id"), ["cycle_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_declaration_user_id"), ["user_id"], unique=False)

    op.create_table(
        "phrase",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_phrase_cycle_id_cycle")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phrase")),
        sa.UniqueConstraint(
            "cycle_id", "user_id", "code", "text", name=op.f("uq_phrase_cycle_id_user_id_code_text")
        ),
    )
    with op.batch_alter_table("phrase", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_phrase_cycle_id"), ["cycle_id"], unique=False)

    op.create_table(
        "showing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("most", sa.String(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("spread", sa.String(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=True),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_showing_cycle_id_cycle")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_showing")),
    )
    with op.batch_alter_table("showing", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_showing_cycle_id"), ["cycle_id"], unique=False)

    op.create_table(
        "appeal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("result_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("wanted", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "filed",
                "assigned",
                "upheld",
                "rejected",
                "withdrawn",
                name="appealstate",
                native_enum=False,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("old_points", sa.String(), nullable=True),
        sa.Column("old_verdict", sa.String(), nullable=True),
        sa.Column("points", sa.String(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("filed_by", sa.Integer(), nullable=False),
        sa.Column("filed_at", sa.DateTime(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("applied_result_id", sa.Integer(), nullable=True),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["applied_result_id"], ["result.id"], name=op.f("fk_appeal_applied_result_id_result")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["user.id"], name=op.f("fk_appeal_decided_by_user")),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_appeal_entry_id_entry")),
        sa.ForeignKeyConstraint(["filed_by"], ["user.id"], name=op.f("fk_appeal_filed_by_user")),
        sa.ForeignKeyConstraint(["result_id"], ["result.id"], name=op.f("fk_appeal_result_id_result")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal")),
    )
    with op.batch_alter_table("appeal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_appeal_entry_id"), ["entry_id"], unique=False)

    op.create_table(
        "archive",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("result_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_archive_cycle_id_cycle")),
        sa.ForeignKeyConstraint(["made_by"], ["user.id"], name=op.f("fk_archive_made_by_user")),
        sa.ForeignKeyConstraint(["result_id"], ["result.id"], name=op.f("fk_archive_result_id_result")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive")),
    )
    with op.batch_alter_table("archive", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_archive_cycle_id"), ["cycle_id"], unique=False)

    op.create_table(
        "assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_assignment_cycle_id_cycle")),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_assignment_entry_id_entry")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_assignment_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        sa.UniqueConstraint("user_id", "entry_id", "code", name=op.f("uq_assignment_user_id_entry_id_code")),
    )
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assignment_cycle_id"), ["cycle_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assignment_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assignment_user_id"), ["user_id"], unique=False)

    op.create_table(
        "inquiry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("question", sa.String(length=1000), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("answer", sa.String(length=2000), nullable=False),
        sa.Column("answered_by", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["answered_by"], ["user.id"], name=op.f("fk_inquiry_answered_by_user")),
        sa.ForeignKeyConstraint(["asked_by"], ["user.id"], name=op.f("fk_inquiry_asked_by_user")),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_inquiry_entry_id_entry")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiry")),
    )
    with op.batch_alter_table("inquiry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inquiry_entry_id"), ["entry_id"], unique=False)

    op.create_table(
        "publication",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("result_id", sa.Integer(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("working_days", sa.Integer(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("recipients", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("contact", sa.String(length=200), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("published_by", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_publication_cycle_id_cycle")),
        sa.ForeignKeyConstraint(["published_by"], ["user.id"], name=op.f("fk_publication_published_by_user")),
        sa.ForeignKeyConstraint(["result_id"], ["result.id"], name=op.f("fk_publication_result_id_result")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publication")),
    )
    with op.batch_alter_table("publication", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_publication_cycle_id"), ["cycle_id"], unique=False)

    op.create_table(
        "recusal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("own", "former", "relative", "other", name="recusalkind", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("declared_by", sa.Integer(), nullable=False),
        sa.Column("declared_at", sa.DateTime(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["cycle_id"], ["cycle.id"], name=op.f("fk_recusal_cycle_id_cycle")),
        sa.ForeignKeyConstraint(["declared_by"], ["user.id"], name=op.f("fk_recusal_declared_by_user")),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_recusal_entry_id_entry")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_recusal_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recusal")),
        sa.UniqueConstraint("user_id", "entry_id", name=op.f("uq_recusal_user_id_entry_id")),
    )
    with op.batch_alter_table("recusal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recusal_cycle_id"), ["cycle_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_recusal_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_recusal_user_id"), ["user_id"], unique=False)

    op.create_table(
        "turn",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("showing_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "presenting",
                "scoring",
                "revealed",
                "settled",
                name="turnstate",
                native_enum=False,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("points", sa.String(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("settled_by", sa.Integer(), nullable=True),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_turn_entry_id_entry")),
        sa.ForeignKeyConstraint(["settled_by"], ["user.id"], name=op.f("fk_turn_settled_by_user")),
        sa.ForeignKeyConstraint(["showing_id"], ["showing.id"], name=op.f("fk_turn_showing_id_showing")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turn")),
        sa.UniqueConstraint("showing_id", "entry_id", name=op.f("uq_turn_showing_id_entry_id")),
    )
    with op.batch_alter_table("turn", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_turn_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_turn_showing_id"), ["showing_id"], unique=False)

    op.create_table(
        "appeal_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("appeal_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("uploaded_by", sa.Integer(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_appeal_file_appeal_id_appeal")),
        sa.ForeignKeyConstraint(["uploaded_by"], ["user.id"], name=op.f("fk_appeal_file_uploaded_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal_file")),
    )
    with op.batch_alter_table("appeal_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_appeal_file_appeal_id"), ["appeal_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appeal_file_sha256"), ["sha256"], unique=False)

    op.create_table(
        "appeal_review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("appeal_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("assigned_by", sa.Integer(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(), nullable=False),
        sa.Column("points", sa.String(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("said_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_appeal_review_appeal_id_appeal")),
        sa.ForeignKeyConstraint(["assigned_by"], ["user.id"], name=op.f("fk_appeal_review_assigned_by_user")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_appeal_review_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal_review")),
        sa.UniqueConstraint("appeal_id", "user_id", name=op.f("uq_appeal_review_appeal_id_user_id")),
    )
    with op.batch_alter_table("appeal_review", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_appeal_review_appeal_id"), ["appeal_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appeal_review_user_id"), ["user_id"], unique=False)

    op.create_table(
        "turn_score",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("turn_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.String(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["turn_id"], ["turn.id"], name=op.f("fk_turn_score_turn_id_turn")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_turn_score_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turn_score")),
        sa.UniqueConstraint("turn_id", "user_id", name=op.f("uq_turn_score_turn_id_user_id")),
    )
    with op.batch_alter_table("turn_score", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_turn_score_turn_id"), ["turn_id"], unique=False)

    with op.batch_alter_table("cycle", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "ties",
                sa.Enum("skip", "dense", name="tierule", native_enum=False, length=16),
                server_default="skip",
                nullable=False,
            )
        )
        batch_op.add_column(sa.Column("tie_break", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("practice", sa.Boolean(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("assigned", sa.Boolean(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("deliberation_until", sa.DateTime(), nullable=True))

    with op.batch_alter_table("volume", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pictures", sa.Integer(), server_default="1", nullable=False))

    with op.batch_alter_table("mark", schema=None) as batch_op:
        batch_op.add_column(sa.Column("basis", sa.String(), server_default="", nullable=False))

    with op.batch_alter_table("result", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rules", sa.JSON(), server_default="{}", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("result", schema=None) as batch_op:
        batch_op.drop_column("rules")

    with op.batch_alter_table("mark", schema=None) as batch_op:
        batch_op.drop_column("basis")

    with op.batch_alter_table("volume", schema=None) as batch_op:
        batch_op.drop_column("pictures")

    with op.batch_alter_table("cycle", schema=None) as batch_op:
        batch_op.drop_column("deliberation_until")
        batch_op.drop_column("assigned")
        batch_op.drop_column("practice")
        batch_op.drop_column("tie_break")
        batch_op.drop_column("ties")

    with op.batch_alter_table("turn_score", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_turn_score_turn_id"))

    op.drop_table("turn_score")
    with op.batch_alter_table("appeal_review", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_appeal_review_user_id"))
        batch_op.drop_index(batch_op.f("ix_appeal_review_appeal_id"))

    op.drop_table("appeal_review")
    with op.batch_alter_table("appeal_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_appeal_file_sha256"))
        batch_op.drop_index(batch_op.f("ix_appeal_file_appeal_id"))

    op.drop_table("appeal_file")
    with op.batch_alter_table("turn", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_turn_showing_id"))
        batch_op.drop_index(batch_op.f("ix_turn_entry_id"))

    op.drop_table("turn")
    with op.batch_alter_table("recusal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recusal_user_id"))
        batch_op.drop_index(batch_op.f("ix_recusal_entry_id"))
        batch_op.drop_index(batch_op.f("ix_recusal_cycle_id"))

    op.drop_table("recusal")
    with op.batch_alter_table("publication", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_publication_cycle_id"))

    op.drop_table("publication")
    with op.batch_alter_table("inquiry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inquiry_entry_id"))

    op.drop_table("inquiry")
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assignment_user_id"))
        batch_op.drop_index(batch_op.f("ix_assignment_entry_id"))
        batch_op.drop_index(batch_op.f("ix_assignment_cycle_id"))

    op.drop_table("assignment")
    with op.batch_alter_table("archive", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_archive_cycle_id"))

    op.drop_table("archive")
    with op.batch_alter_table("appeal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_appeal_entry_id"))

    op.drop_table("appeal")
    with op.batch_alter_table("showing", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_showing_cycle_id"))

    op.drop_table("showing")
    with op.batch_alter_table("phrase", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_phrase_cycle_id"))

    op.drop_table("phrase")
    with op.batch_alter_table("declaration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_declaration_user_id"))
        batch_op.drop_index(batch_op.f("ix_declaration_cycle_id"))

    op.drop_table("declaration")
    op.drop_table("special_day")
