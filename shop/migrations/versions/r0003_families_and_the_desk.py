"""Families and the desk"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _tables()
    _columns()
    _rights_as_they_were()
    _stories_become_facts()


def _tables() -> None:
    op.create_table(
        "artisan_cards",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("phone_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "issued_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "revoked_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["issued_by"], ["members.id"], name=op.f("fk_artisan_cards_issued_by")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_artisan_cards_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["revoked_by"], ["members.id"], name=op.f("fk_artisan_cards_revoked_by")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_artisan_cards_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artisan_cards")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_artisan_cards_token_hash")),
    )
    op.create_index("ix_artisan_cards_station", "artisan_cards", ["station_id"], unique=False)
    op.create_index(
        "uq_artisan_cards_in_use",
        "artisan_cards",
        ["member_id"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "claims",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("phrase", sa.String(length=40), nullable=False),
        sa.Column("proof", sa.String(length=200), nullable=False),
        sa.Column("proof_key", sa.String(length=100), nullable=False),
        sa.Column("made_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "confirmed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("confirmed_by <> made_by", name=op.f("ck_claims_two_persons")),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["members.id"], name=op.f("fk_claims_confirmed_by")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name=op.f("fk_claims_made_by")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_claims_product_id")),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name=op.f("fk_claims_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    op.create_index("ix_claims_product", "claims", ["product_id"], unique=False)
    op.create_table(
        "closures",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "workshop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "harvest",
                "festival",
                "illness",
                "other",
                name="closurereason",
                native_enum=False,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=100), nullable=False),
        sa.Column("made_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_on >= begins_on", name=op.f("ck_closures_ends_after_it_begins")),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name=op.f("fk_closures_made_by")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_closures_station_id")
        ),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name=op.f("fk_closures_workshop_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closures")),
    )
    op.create_index("ix_closures_station", "closures", ["station_id", "ends_on"], unique=False)
    op.create_index("ix_closures_workshop", "closures", ["workshop_id", "ends_on"], unique=False)
    op.create_table(
        "family_facts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "workshop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("delicate", sa.Boolean(), nullable=False),
        sa.Column("on_page", sa.Boolean(), nullable=False),
        sa.Column("on_air", sa.Boolean(), nullable=False),
        sa.Column("agreed_on", sa.Date(), nullable=True),
        sa.Column("witness", sa.String(length=40), nullable=False),
        sa.Column("made_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name=op.f("fk_family_facts_made_by")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_family_facts_station_id")
        ),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name=op.f("fk_family_facts_workshop_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family_facts")),
    )
    op.create_index(
        "ix_family_facts_workshop", "family_facts", ["workshop_id", "position"], unique=False
    )
    op.create_table(
        "handovers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "workshop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("given_by", sa.String(length=40), nullable=False),
        sa.Column("taken_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("picture_key", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("pieces > 0", name=op.f("ck_handovers_pieces_positive")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_handovers_station_id")
        ),
        sa.ForeignKeyConstraint(["taken_by"], ["members.id"], name=op.f("fk_handovers_taken_by")),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name=op.f("fk_handovers_workshop_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
    )
    op.create_index("ix_handovers_station", "handovers", ["station_id", "id"], unique=False)
    op.create_table(
        "letters",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "workshop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("week_on", sa.Date(), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("told_way", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_letters_station_id")
        ),
        sa.ForeignKeyConstraint(["told_by"], ["members.id"], name=op.f("fk_letters_told_by")),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name=op.f("fk_letters_workshop_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
        sa.UniqueConstraint("workshop_id", "week_on", name=op.f("uq_letters_workshop_id_week_on")),
    )
    op.create_index("ix_letters_station", "letters", ["station_id", "week_on"], unique=False)
    op.create_table(
        "product_reviews",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "state",
            sa.Enum("asked", "passed", "refused", name="reviewstate", native_enum=False, length=20),
            nullable=False,
        ),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("asked_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        _id("owner_id"),
        sa.Column(
            "decided_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("decided_by <> asked_by", name=op.f("ck_product_reviews_two_persons")),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["members.id"], name=op.f("fk_product_reviews_asked_by")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["members.id"], name=op.f("fk_product_reviews_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["members.id"], name=op.f("fk_product_reviews_owner_id")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_product_reviews_product_id")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_product_reviews_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_reviews")),
    )
    op.create_index(
        "ix_product_reviews_station_state",
        "product_reviews",
        ["station_id", "state", "id"],
        unique=False,
    )
    op.create_index(
        "uq_product_reviews_open",
        "product_reviews",
        ["product_id"],
        unique=True,
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_table(
        "workshop_checks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "workshop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "identity",
                "registration",
                "bank_name",
                "consent",
                name="checkkind",
                native_enum=False,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("paper_key", sa.String(length=100), nullable=False),
        sa.Column("renew_on", sa.Date(), nullable=True),
        sa.Column(
            "checked_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["checked_by"], ["members.id"], name=op.f("fk_workshop_checks_checked_by")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_workshop_checks_station_id")
        ),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name=op.f("fk_workshop_checks_workshop_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workshop_checks")),
    )
    op.create_index(
        "ix_workshop_checks_workshop",
        "workshop_checks",
        ["workshop_id", "kind", "id"],
        unique=False,
    )
    op.create_table(
        "date_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "work_order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "kept",
                "cancelled",
                "superseded",
                "undone",
                name="datechangestate",
                native_enum=False,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("was_on", sa.Date(), nullable=True),
        sa.Column("now_on", sa.Date(), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("made_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name=op.f("fk_date_changes_made_by")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_date_changes_station_id")
        ),
        sa.ForeignKeyConstraint(
            ["work_order_id"], ["work_orders.id"], name=op.f("fk_date_changes_work_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_date_changes")),
    )
    op.create_index(
        "ix_date_changes_work_order", "date_changes", ["work_order_id", "id"], unique=False
    )
    op.create_index(
        "uq_date_changes_asked",
        "date_changes",
        ["work_order_id"],
        unique=True,
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_table(
        "evidence",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "workshop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "work_order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "channel",
            sa.Enum("call", "visit", "slip", name="actchannel", native_enum=False, length=20),
            nullable=False,
        ),
        sa.Column("said_by", sa.String(length=40), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("file_key", sa.String(length=100), nullable=False),
        sa.Column("file_type", sa.String(length=40), nullable=False),
        sa.Column("made_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name=op.f("fk_evidence_made_by")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_evidence_station_id")
        ),
        sa.ForeignKeyConstraint(
            ["work_order_id"], ["work_orders.id"], name=op.f("fk_evidence_work_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name=op.f("fk_evidence_workshop_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index("ix_evidence_work_order", "evidence", ["work_order_id"], unique=False)
    op.create_index("ix_evidence_workshop", "evidence", ["workshop_id", "id"], unique=False)
    op.create_table(
        "stage_photos",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "work_order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "stage",
            sa.Enum(
                "wood",
                "cutting",
                "rough",
                "fine",
                "sanding",
                "oiling",
                "packing",
                name="stage",
                native_enum=False,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum("waiting", "ready", "failed", name="photostate", native_enum=False, length=20),
            nullable=False,
        ),
        sa.Column("folder", sa.String(length=40), nullable=False),
        sa.Column("original_key", sa.String(length=100), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=30), nullable=False),
        sa.Column("made_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name=op.f("fk_stage_photos_made_by")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_stage_photos_station_id")
        ),
        sa.ForeignKeyConstraint(
            ["work_order_id"], ["work_orders.id"], name=op.f("fk_stage_photos_work_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_photos")),
        sa.UniqueConstraint("folder", name=op.f("uq_stage_photos_folder")),
    )
    op.create_index("ix_stage_photos_work_order", "stage_photos", ["work_order_id"], unique=False)
    op.create_table(
        "piece_cards",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "order_line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("maker", sa.String(length=100), nullable=False),
        sa.Column("wood", sa.String(length=40), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("finished_on", sa.Date(), nullable=False),
        sa.Column("issued_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_piece_cards_number_positive")),
        sa.ForeignKeyConstraint(
            ["issued_by"], ["members.id"], name=op.f("fk_piece_cards_issued_by")
        ),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_lines.id"], name=op.f("fk_piece_cards_order_line_id")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_piece_cards_product_id")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_piece_cards_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_piece_cards")),
        sa.UniqueConstraint("code", name=op.f("uq_piece_cards_code")),
        sa.UniqueConstraint("product_id", "number", name=op.f("uq_piece_cards_product_id_number")),
    )
    op.create_index("ix_piece_cards_line", "piece_cards", ["order_line_id"], unique=False)
    op.create_table(
        "slips",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "work_order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "printed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "evidence_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_slips_evidence_id")
        ),
        sa.ForeignKeyConstraint(["printed_by"], ["members.id"], name=op.f("fk_slips_printed_by")),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name=op.f("fk_slips_station_id")),
        sa.ForeignKeyConstraint(
            ["work_order_id"], ["work_orders.id"], name=op.f("fk_slips_work_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slips")),
        sa.UniqueConstraint("code", name=op.f("uq_slips_code")),
        sa.UniqueConstraint("work_order_id", name=op.f("uq_slips_work_order_id")),
    )
    op.create_index("ix_slips_station", "slips", ["station_id", "answered_at"], unique=False)


def _columns() -> None:
    op.add_column("line_up_items", _words("speaker", 40))
    op.add_column("makers", _flag("on_page", given=True))
    op.add_column("makers", _flag("on_air", given=True))
    op.add_column("makers", sa.Column("agreed_on", sa.Date(), nullable=True))
    op.add_column("makers", _words("witness", 40))
    op.add_column("members", _words("pin_hash", 200))
    op.add_column("members", _flag("sees_phones"))
    op.add_column(
        "orders", sa.Column("language", sa.String(5), server_default="zh", nullable=False)
    )
    op.add_column("products", _flag("kept_at_station"))
    op.add_column("stations", _flag("is_open", given=True))
    op.add_column("stations", _words("business_name", 80))
    op.add_column("stations", _words("credit_code", 30))
    op.add_column("stations", _words("icp", 40))
    op.add_column("stations", _words("complaints_phone", 20))
    op.add_column("stations", _words("rules_url", 200))
    op.add_column("stations", _flag("review_products"))
    op.add_column(
        "stations",
        sa.Column("alert_turnover_fen", sa.BigInteger(), server_default="8000000", nullable=False),
    )
    with op.batch_alter_table("member_sessions") as sessions:
        sessions.add_column(_id("card_id"))
        sessions.add_column(_time("money_until"))
        sessions.create_foreign_key(
            "fk_member_sessions_card_id", "artisan_cards", ["card_id"], ["id"]
        )
    with op.batch_alter_table("buyer_requests") as requests:
        requests.add_column(_id("owner_id"))
        requests.create_foreign_key("fk_buyer_requests_owner_id", "members", ["owner_id"], ["id"])
    with op.batch_alter_table("notices") as notices:
        notices.add_column(sa.Column("cause", sa.String(60), nullable=True))
        notices.add_column(
            sa.Column("channel", sa.String(20), server_default="call", nullable=False)
        )
        notices.add_column(_time("sent_at"))
        notices.add_column(_words("problem", 200))
        notices.add_column(_id("owner_id"))
        notices.add_column(_number("tries"))
        notices.add_column(_time("try_after"))
        notices.create_unique_constraint("uq_notices_cause", ["cause"])
        notices.create_foreign_key("fk_notices_owner_id", "members", ["owner_id"], ["id"])
    with op.batch_alter_table("work_orders") as work_orders:
        work_orders.add_column(_time("started_at"))
        work_orders.add_column(_time("ready_at"))
        work_orders.add_column(_id("handover_id"))
        work_orders.create_foreign_key(
            "fk_work_orders_handover_id", "handovers", ["handover_id"], ["id"]
        )
    with op.batch_alter_table("workshops") as workshops:
        workshops.add_column(
            sa.Column(
                "reached_by",
                sa.Enum("screen", "call", "paper", name="reach", native_enum=False, length=20),
                server_default="screen",
                nullable=False,
            )
        )
        workshops.add_column(_id("carer_id"))
        workshops.add_column(_number("capacity_days"))
        workshops.add_column(
            sa.Column(
                "registration",
                sa.Enum(
                    "unknown",
                    "licence",
                    "exempt",
                    name="registration",
                    native_enum=False,
                    length=20,
                ),
                server_default="unknown",
                nullable=False,
            )
        )
        workshops.add_column(_words("registration_no", 60))
        workshops.create_foreign_key("fk_workshops_carer_id", "members", ["carer_id"], ["id"])
        workshops.create_check_constraint("capacity_not_negative", "capacity_days >= 0")


def _rights_as_they_were() -> None:
    """Until now these two roles saw buyers' numbers."""
    op.execute("UPDATE members SET sees_phones = true WHERE role IN ('manager', 'order_desk')")


def _stories_become_facts() -> None:
    """What a family's page said so far, line by line; who agreed to it was not written down."""
    workshops = sa.table(
        "workshops", sa.column("id"), sa.column("station_id"), sa.column("story", sa.Text)
    )
    facts = sa.table(
        "family_facts",
        sa.column("station_id"),
        sa.column("workshop_id"),
        sa.column("position"),
        sa.column("text"),
        sa.column("delicate", sa.Boolean),
        sa.column("on_page", sa.Boolean),
        sa.column("on_air", sa.Boolean),
        sa.column("witness"),
        sa.column("made_at", sa.DateTime(timezone=True)),
    )
    bind = op.get_bind()
    now = datetime.now(UTC)
    if bind.dialect.name == "sqlite":
        now = now.replace(tzinfo=None)
    for workshop_id, station_id, story in bind.execute(
        sa.select(workshops.c.id, workshops.c.station_id, workshops.c.story)
    ).all():
        lines = [line.strip() for line in story.split("\n") if line.strip()]
        parts = [line[at : at + 300] for line in lines for at in range(0, len(line), 300)]
        for position, part in enumerate(parts):
            bind.execute(
                facts.insert().values(
                    station_id=station_id,
                    workshop_id=workshop_id,
                    position=position,
                    text=part,
                    delicate=False,
                    on_page=True,
                    on_air=True,
                    witness="",
                    made_at=now,
                )
            )


def _id(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)


def _flag(name: str, *, given: bool = False) -> sa.Column[bool]:
    """A flag that the rows there are have, or have not."""
    default = sa.true() if given else sa.false()
    return sa.Column(name, sa.Boolean(), server_default=default, nullable=False)


def _words(name: str, most: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(most), server_default="", nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default="0", nullable=False)


def _time(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)
