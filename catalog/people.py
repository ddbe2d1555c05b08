"""Members: who signs in, with which role."""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from catalog.access import MEMBERS, WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.checks import Check, clean
from catalog.errors import Invalid, NotFound
from catalog.models import Member, Role, Workshop
from catalog.own import own

# What a role is called in front of people.
ROLE_NAMES = {
    Role.MANAGER: "管理员",
    Role.HOST: "主播",
    Role.ASSISTANT: "助播",
    Role.ORDER_DESK: "订单员",
    Role.FINANCE: "财务",
    Role.VOLUNTEER: "志愿者",
    Role.ARTISAN: "手艺人",
    Role.COUNTY: "县里",
}

# What a station's manager may make somebody; who looks for the county is made by `xiangbo county`.
STATION_ROLES = {role: name for role, name in ROLE_NAMES.items() if role in MEMBERS}

LEAST_PASSWORD = 8
MOST_PASSWORD = 128

# RFC 9106's second recommended choice is 64 MiB and 3 passes; OWASP's floor for argon2id is
# 19 MiB and 2. A station runs on one small machine, so the floor, with one lane.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")


def read_login(value: object) -> str:
    """A login as it is kept and compared: small letters, ends trimmed."""
    return clean(str(value or "")).lower()


def read_new_login(check: Check, value: object) -> str:
    """A login for a new member."""
    login = read_login(value)
    if not _LOGIN.fullmatch(login):
        check.fault("login", "登录名用 2 到 40 个小写字母、数字、点或横线。")
    return login


async def list_members(session: AsyncSession, station_id: int) -> list[Member]:
    """The station's members, with their workshops; who looks for the county is none of them."""
    query = select(Member).where(Member.station_id == station_id, Member.role.in_(MEMBERS))
    query = query.order_by(Member.id)
    return list(await session.scalars(query.options(selectinload(Member.workshop))))


async def add_member(
    session: AsyncSession, actor: Actor, values: Mapping[str, Any], now: datetime
) -> Member:
    """Make a member of the actor's station. Raises Invalid with every fault, keeping nothing."""
    check = Check()
    name = check.text("name", values.get("name"), "姓名", most=40)
    role = check.choice("role", values.get("role"), "角色", Role)
    if role is not None and role not in STATION_ROLES:
        check.fault("role", "请选择角色。")
    login = read_new_login(check, values.get("login"))
    password = read_password(check, values.get("password"))
    workshop_id = await _workshop_of(session, check, actor, role, values.get("workshop_id"))
    check.done()
    if await session.scalar(select(Member.id).where(Member.login == login)) is not None:
        raise Invalid({"login": "这个登录名已经有人用了。"})
    member = new_member(actor.station_id, role, login, name, password, workshop_id, now)
    return await _add(session, actor, member, now)


async def add_artisan(
    session: AsyncSession, actor: Actor, workshop_id: int, name: object, now: datetime
) -> Member:
    """An artisan of a family of the station who signs in by card alone: nobody knows the password.

    Raises Invalid, and NotFound for another station's family.
    """
    check = Check()
    called = check.text("name", name, "姓名", most=40)
    check.done()
    await own(session, actor, Workshop, workshop_id)
    login, password = f"card-{secrets.token_hex(6)}", secrets.token_urlsafe(24)
    member = new_member(actor.station_id, Role.ARTISAN, login, called, password, workshop_id, now)
    return await _add(session, actor, member, now)


async def _add(session: AsyncSession, actor: Actor, member: Member, now: datetime) -> Member:
    session.add(member)
    await session.flush()
    kept = {field: getattr(member, field) for field in ("role", "login", "name", "workshop_id")}
    record(session, actor, "member.add", member, now, after=kept, workshop_id=member.workshop_id)
    return member


def new_member(
    station_id: int,
    role: Role | None,
    login: str,
    name: str,
    password: str,
    workshop_id: int | None,
    now: datetime,
) -> Member:
    """A member with the password hashed; the caller has checked the values and adds the row.

    Who calls buyers for a living sees their numbers from the start.
    """
    return Member(
        station_id=station_id,
        workshop_id=workshop_id,
        role=role,
        login=login,
        name=name,
        password_hash=HASHER.hash(password),
        sees_phones=role in WORK_ORDER_DESK,
        created_at=now,
    )


def read_password(check: Check, value: object) -> str:
    """A new password, kept as typed. Length is the one rule (NIST SP 800-63B, 3.1.1.2)."""
    password = str(value or "")
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        check.fault("password", f"密码要 {LEAST_PASSWORD} 到 {MOST_PASSWORD} 个字符。")
    return password


async def _workshop_of(
    session: AsyncSession, check: Check, actor: Actor, role: Role | None, typed: object
) -> int | None:
    if role != Role.ARTISAN:
        return None
    workshop_id = check.integer("workshop_id", typed, "作坊", least=1, most=2**62)
    workshop = await session.get(Workshop, workshop_id)
    if workshop is None or workshop.station_id != actor.station_id:
        check.fault("workshop_id", "请选择手艺人的作坊。")
    return workshop_id


async def set_active(
    session: AsyncSession, actor: Actor, member_id: int, active: bool, now: datetime
) -> Member:
    """Let a member sign in again, or no more. Raises NotFound, and Invalid for oneself."""
    member = await _member_for(session, actor, member_id)
    if member.id == actor.member_id:
        raise Invalid({"active": "不能停用自己。"})
    before, member.active = member.active, active
    record(
        session,
        actor,
        "member.active",
        member,
        now,
        before={"active": before},
        after={"active": active},
        workshop_id=member.workshop_id,
    )
    return member


async def set_sees_phones(
    session: AsyncSession, actor: Actor, member_id: int, sees: bool, now: datetime
) -> Member:
    """Give the right to look at buyers' numbers, or take it. Raises NotFound."""
    member = await _member_for(session, actor, member_id)
    before, member.sees_phones = member.sees_phones, sees
    record(
        session,
        actor,
        "member.sees_phones",
        member,
        now,
        before={"sees_phones": before},
        after={"sees_phones": sees},
        workshop_id=member.workshop_id,
    )
    return member


async def _member_for(session: AsyncSession, actor: Actor, member_id: int) -> Member:
    member = await session.get(Member, member_id)
    own = member is not None and member.station_id == actor.station_id
    if member is None or not own or member.role not in MEMBERS:
        raise NotFound(f"member {member_id}")
    return member
