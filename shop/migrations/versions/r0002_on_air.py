"""On air"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "overlays",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "policy",
            sa.Enum("qr", "price", "spoken", name="policy", native_enum=False, length=20),
            nullable=False,
        ),
        sa.Column(
            "side",
            sa.Enum("left", "right", name="side", native_enum=False, length=20),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_overlays_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overlays")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_overlays_token_hash")),
    )
    op.create_index("ix_overlays_station", "overlays", ["station_id"], unique=False)
    op.create_table(
        "calendar_feeds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("made_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["made_by"], ["members.id"], name=op.f("fk_calendar_feeds_made_by")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_calendar_feeds_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_calendar_feeds_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feeds")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feeds_token_hash")),
    )
    op.create_index("ix_calendar_feeds_station", "calendar_feeds", ["station_id"], unique=False)
    op.create_table(
        "check_marks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("show_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("point", sa.String(length=30), nullable=False),
        sa.Column(
            "member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_check_marks_member_id")
        ),
        sa.ForeignKeyConstraint(["show_id"], ["shows.id"], name=op.f("fk_check_marks_show_id")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_check_marks_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_marks")),
        sa.UniqueConstraint("show_id", "point", name=op.f("uq_check_marks_show_id_point")),
    )
    op.create_table(
        "price_consents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("show_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("given_by", sa.String(length=40), nullable=False),
        sa.Column("way", sa.String(length=20), nullable=False),
        sa.Column(
            "member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("price_fen > 0", name=op.f("ck_price_consents_price_positive")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_price_consents_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_price_consents_product_id")
        ),
        sa.ForeignKeyConstraint(["show_id"], ["shows.id"], name=op.f("fk_price_consents_show_id")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_price_consents_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_consents")),
    )
    op.create_index(
        "ix_price_consents_show_product", "price_consents", ["show_id", "product_id"], unique=False
    )
    op.create_table(
        "recordings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("show_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("lies_at", sa.String(length=300), nullable=False),
        sa.Column("keeper", sa.String(length=40), nullable=False),
        sa.Column("keep_until", sa.Date(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column(
            "member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_recordings_member_id")
        ),
        sa.ForeignKeyConstraint(["show_id"], ["shows.id"], name=op.f("fk_recordings_show_id")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_recordings_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
    )
    op.create_index("ix_recordings_show", "recordings", ["show_id"], unique=False)
    op.create_table(
        "show_roles",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("show_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.CheckConstraint("wanted > 0", name=op.f("ck_show_roles_wanted_positive")),
        sa.ForeignKeyConstraint(["show_id"], ["shows.id"], name=op.f("fk_show_roles_show_id")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_show_roles_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_show_roles")),
        sa.UniqueConstraint("show_id", "role", name=op.f("uq_show_roles_show_id_role")),
    )
    op.create_table(
        "watchings",
        sa.Column("show_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("process", sa.String(length=40), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["show_id"], ["shows.id"], name=op.f("fk_watchings_show_id")),
        sa.PrimaryKeyConstraint("show_id", "process", name=op.f("pk_watchings")),
    )
    op.create_table(
        "announcements",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("show_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "line_up_item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("who", sa.String(length=20), nullable=False),
        sa.Column("city", sa.String(length=20), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_announcements_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["line_up_item_id"], ["line_up_items.id"], name=op.f("fk_announcements_line_up_item_id")
        ),
        sa.ForeignKeyConstraint(["show_id"], ["shows.id"], name=op.f("fk_announcements_show_id")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_announcements_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
    )
    op.create_index("ix_announcements_show", "announcements", ["show_id", "id"], unique=False)
    op.create_table(
        "sign_ups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "show_role_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("signed_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column(
            "confirmed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "minutes IS NULL OR minutes >= 0", name=op.f("ck_sign_ups_minutes_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["members.id"], name=op.f("fk_sign_ups_confirmed_by")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_sign_ups_member_id")),
        sa.ForeignKeyConstraint(
            ["show_role_id"], ["show_roles.id"], name=op.f("fk_sign_ups_show_role_id")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_sign_ups_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ups")),
        sa.UniqueConstraint(
            "show_role_id", "member_id", name=op.f("uq_sign_ups_show_role_id_member_id")
        ),
    )
    op.create_index(
        "ix_sign_ups_station_member", "sign_ups", ["station_id", "member_id"], unique=False
    )
    op.create_table(
        "taps",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("show_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column(
            "member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column(
            "line_up_item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["line_up_item_id"], ["line_up_items.id"], name=op.f("fk_taps_line_up_item_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_taps_member_id")),
        sa.ForeignKeyConstraint(["show_id"], ["shows.id"], name=op.f("fk_taps_show_id")),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name=op.f("fk_taps_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taps")),
        sa.UniqueConstraint("station_id", "client_id", name=op.f("uq_taps_station_id_client_id")),
    )
    op.create_index("ix_taps_show", "taps", ["show_id", "id"], unique=False)
    op.create_table(
        "clips",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("link_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("airing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("file_url", sa.String(length=300), nullable=False),
        sa.Column("cut_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cut_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "cut_from IS NULL OR cut_from < cut_to", name=op.f("ck_clips_cut_in_order")
        ),
        sa.ForeignKeyConstraint(["airing_id"], ["airings.id"], name=op.f("fk_clips_airing_id")),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name=op.f("fk_clips_link_id")),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"], name=op.f("fk_clips_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clips")),
        sa.UniqueConstraint("link_id", name=op.f("uq_clips_link_id")),
    )
    op.create_index("ix_clips_station", "clips", ["station_id", "id"], unique=False)
    with op.batch_alter_table("airings") as airings:
        airings.add_column(_id("typed_by"))
        airings.create_foreign_key("fk_airings_typed_by", "members", ["typed_by"], ["id"])
    op.add_column(
        "line_up_items", sa.Column("sold_out_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("scans", _no("sold_out"))
    op.create_index(
        "ix_scans_missed",
        "scans",
        ["station_id", "at"],
        unique=False,
        sqlite_where=sa.text("sold_out = 1"),
        postgresql_where=sa.text("sold_out"),
    )
    with op.batch_alter_table("shows") as shows:
        shows.add_column(_no("rehearsal"))
        shows.add_column(_id("cover_photo_id"))
        shows.add_column(_words("order_reason", 200))
        shows.add_column(_id("controller_id"))
        shows.add_column(_words("controller_key", 40))
        shows.add_column(sa.Column("controller_at", sa.DateTime(timezone=True), nullable=True))
        shows.add_column(sa.Column("holds_paused_at", sa.DateTime(timezone=True), nullable=True))
        shows.create_foreign_key(
            "fk_shows_cover_photo_id", "photos", ["cover_photo_id"], ["id"], ondelete="SET NULL"
        )
        shows.create_foreign_key("fk_shows_controller_id", "members", ["controller_id"], ["id"])
    with op.batch_alter_table("holds") as holds:
        holds.add_column(_id("paused_by"))
        holds.add_column(sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
        holds.create_foreign_key("fk_holds_paused_by", "shows", ["paused_by"], ["id"])


def _id(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)


def _no(name: str) -> sa.Column[bool]:
    """A flag that the rows there are do not have."""
    return sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False)


def _words(name: str, most: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(most), server_default="", nullable=False)
