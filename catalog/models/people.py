"""The tables of stations, families and the people who sign in."""

from datetime import date
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Fen, Id, UtcTime


class Role(StrEnum):
    """What a member does; `catalog.access` says what each may do."""

    MANAGER = "manager"
    HOST = "host"
    ASSISTANT = "assistant"
    ORDER_DESK = "order_desk"
    FINANCE = "finance"
    VOLUNTEER = "volunteer"
    ARTISAN = "artisan"
    COUNTY = "county"


class Station(Base):
    """A township station: the shop that buyers see, and the unit that staff belong to.

    `pay_code_key` names the picture of its own payment code in the file store; where there is
    one, buyers may pay by it, and `pay_note` tells them how.

    Strangers can buy only while it `is_open`, which needs what the law wants on every page:
    `business_name`, `credit_code`, `complaints_phone`, `rules_url`; `icp` where it has its own
    domain. With `review_products` a second person looks at each product before it is sold. A
    family whose year comes to `alert_turnover_fen` is shown to the desk.
    """

    __tablename__ = "stations"

    id: Mapped[Id] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    place: Mapped[str] = mapped_column(String(120), default="")
    intro: Mapped[str] = mapped_column(Text, default="")
    phone: Mapped[str] = mapped_column(String(20), default="")
    pay_code_key: Mapped[str] = mapped_column(String(100), default="")
    pay_note: Mapped[str] = mapped_column(String(200), default="")
    is_open: Mapped[bool] = mapped_column(default=True, server_default=true())
    business_name: Mapped[str] = mapped_column(String(80), default="", server_default="")
    credit_code: Mapped[str] = mapped_column(String(30), default="", server_default="")
    icp: Mapped[str] = mapped_column(String(40), default="", server_default="")
    complaints_phone: Mapped[str] = mapped_column(String(20), default="", server_default="")
    rules_url: Mapped[str] = mapped_column(String(200), default="", server_default="")
    review_products: Mapped[bool] = mapped_column(default=False, server_default=false())
    alert_turnover_fen: Mapped[Fen] = mapped_column(default=8_000_000, server_default="8000000")


class Reach(StrEnum):
    """How a family is reached: on its own screen, by telephone, or on paper."""

    SCREEN = "screen"
    CALL = "call"
    PAPER = "paper"


class Registration(StrEnum):
    """By what right a family sells: a business licence, or the law's exemption from one."""

    UNKNOWN = "unknown"
    LICENCE = "licence"
    EXEMPT = "exempt"


class Workshop(Base):
    """A family that makes things. Its village is public, its street never is.

    `pay_way` (bank, wechat, cash) and `pay_to` say how its money is handed over. The `carer` is
    the member who looks after the family, and who is asked when it does not answer. It takes on
    `capacity_days` of carving at a time; 0 is no limit.
    """

    __tablename__ = "workshops"
    __table_args__ = (
        CheckConstraint("capacity_days >= 0", name="capacity_not_negative"),
        UniqueConstraint("station_id", "slug"),
        Index("ix_workshops_station", "station_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    slug: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(60))
    village: Mapped[str] = mapped_column(String(60), default="")
    craft: Mapped[str] = mapped_column(String(120), default="")
    story: Mapped[str] = mapped_column(Text, default="")
    phone: Mapped[str] = mapped_column(String(20), default="")
    active: Mapped[bool] = mapped_column(default=True)
    pay_way: Mapped[str] = mapped_column(String(10), default="cash")
    pay_to: Mapped[str] = mapped_column(String(80), default="")
    reached_by: Mapped[Reach] = mapped_column(default=Reach.SCREEN, server_default="screen")
    carer_id: Mapped[Id | None] = mapped_column(ForeignKey("members.id", use_alter=True))
    capacity_days: Mapped[int] = mapped_column(default=0, server_default="0")
    registration: Mapped[Registration] = mapped_column(
        default=Registration.UNKNOWN, server_default="unknown"
    )
    registration_no: Mapped[str] = mapped_column(String(60), default="", server_default="")

    makers: Mapped[list["Maker"]] = relationship(lazy="raise", order_by="Maker.id")


class Maker(Base):
    """One person of a workshop, as the family wishes to be named.

    `on_page` and `on_air` say where they agreed to be named, since `agreed_on` before `witness`.
    """

    __tablename__ = "makers"
    __table_args__ = (Index("ix_makers_workshop", "workshop_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id] = mapped_column(ForeignKey("workshops.id"))
    name: Mapped[str] = mapped_column(String(40))
    about: Mapped[str] = mapped_column(String(200), default="")
    on_page: Mapped[bool] = mapped_column(default=True, server_default=true())
    on_air: Mapped[bool] = mapped_column(default=True, server_default=true())
    agreed_on: Mapped[date | None]
    witness: Mapped[str] = mapped_column(String(40), default="", server_default="")


class Member(Base):
    """A person who signs in. An artisan belongs to a workshop; nobody else does.

    `pin_hash` guards the money pages of an artisan who signs in by a card. Whoever `sees_phones`
    may look at buyers' numbers, and each look is in the audit trail.
    """

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint(
            "(role = 'artisan') = (workshop_id IS NOT NULL)", name="artisan_has_workshop"
        ),
        Index("ix_members_station", "station_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id | None] = mapped_column(ForeignKey("workshops.id"))
    role: Mapped[Role]
    login: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    password_hash: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True)
    pin_hash: Mapped[str] = mapped_column(String(200), default="", server_default="")
    sees_phones: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[UtcTime]

    station: Mapped[Station] = relationship(lazy="raise")
    workshop: Mapped[Workshop | None] = relationship(lazy="raise", foreign_keys=[workshop_id])
