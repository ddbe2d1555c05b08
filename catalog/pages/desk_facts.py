"""What is told of a family, at the desk: facts and names, each with the family's own answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import consents
from catalog.access import MANAGERS, STAFF, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import BEIJING
from catalog.consents import words_of
from catalog.errors import Invalid, NotFound
from catalog.facts import facts_of, is_delicate, removed_facts
from catalog.forms import read_form
from catalog.workshops import station_by_id, workshop_for
from media.paper import ConsentLine, ConsentSheet, print_consent_sheet

Typed = Mapping[str, str]

_FACTS = "/desk/workshops/{workshop_id:int}/facts"
_FACT = _FACTS + "/{fact_id:int}"


@get(_FACTS, opt=allow(STAFF), include_in_schema=False)
async def facts_page(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """Managers see and change everything; all others see what may be told."""
    return await _page(session, actor, workshop_id, now)


@get(_FACTS + "/sheet.pdf", opt=allow(MANAGERS), include_in_schema=False)
async def sheet(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Response[bytes]:
    """The consent sheet, to be read out and signed at the family's table."""
    workshop = await workshop_for(session, actor, workshop_id)
    facts = [(fact.text, fact) for fact in await facts_of(session, workshop_id)]
    people = [(words_of(maker), maker) for maker in workshop.makers]
    station = await station_by_id(session, workshop.station_id)
    facts_lines = [ConsentLine(w, one.delicate, one.on_page, one.on_air) for w, one in facts]
    name_lines = [ConsentLine(w, is_delicate(w), m.on_page, m.on_air) for w, m in people]
    today = now.astimezone(BEIJING)
    pdf = await print_consent_sheet(
        ConsentSheet(
            workshop=workshop.name,
            village=workshop.village,
            station=station.name,
            phone=station.phone,
            facts=facts_lines,
            names=name_lines,
            printed=f"{today.year}年{today.month}月{today.day}日打印",
        )
    )
    headers = {"Content-Disposition": f'inline; filename="consent-{workshop.id}.pdf"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


@post(_FACTS, opt=allow(MANAGERS), include_in_schema=False)
async def add(
    request: Request[Any, Any, Any],
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """One more fact, with the family's answer where it was asked already."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            fact = await consents.add_fact(session, actor, workshop_id, typed, now)
    except Invalid as error:
        return await _page(session, actor, workshop_id, now, "new", typed, error.errors)
    told = fact.on_page or fact.on_air
    return _back(workshop_id, "记下了。" if told else "记下了。家里还没有答应，哪里都不会说。")


async def _words(
    session: AsyncSession, actor: Actor, family: int, one: int, typed: Typed, now: datetime
) -> str:
    fact = await consents.change_words(session, actor, family, one, typed, now)
    told = fact.on_page or fact.on_air
    return "已保存。" if told else "已保存。话变了，要重新问过家里，现在哪里都不会说。"


async def _agree(
    session: AsyncSession, actor: Actor, family: int, one: int, typed: Typed, now: datetime
) -> str:
    fact = await consents.agree(session, actor, family, one, typed, now)
    return "记下了。" if fact.on_page or fact.on_air else "记下了，这条哪里都不说了。"


async def _agree_maker(
    session: AsyncSession, actor: Actor, family: int, one: int, typed: Typed, now: datetime
) -> str:
    maker = await consents.agree_maker(session, actor, family, one, typed, now)
    told = maker.on_page or maker.on_air
    return "记下了。" if told else "记下了，说到他时只说“这家的一位师傅”。"


async def _remove(
    session: AsyncSession, actor: Actor, family: int, one: int, typed: Typed, now: datetime
) -> str:
    await consents.remove_fact(session, actor, family, one, now)
    return "拿下了，哪里都不说了。要放回去，在页面最下面。"


async def _put_back(
    session: AsyncSession, actor: Actor, family: int, one: int, typed: Typed, now: datetime
) -> str:
    await consents.put_back(session, actor, family, one, now)
    return "放回来了，同意过的还算数。"


async def _move(
    session: AsyncSession, actor: Actor, family: int, one: int, typed: Typed, now: datetime
) -> str:
    by = -1 if typed.get("to") == "up" else 1
    await consents.move_fact(session, actor, family, one, by, now)
    return ""


_STEPS = {
    "words": _words,
    "agree": _agree,
    "name": _agree_maker,
    "remove": _remove,
    "put-back": _put_back,
    "move": _move,
}


@post(_FACT + "/{step:str}", opt=allow(MANAGERS), include_in_schema=False)
async def take_step(
    request: Request[Any, Any, Any],
    workshop_id: FromPath[int],
    fact_id: FromPath[int],
    step: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Something done to one fact, or (`name`) to one of the family's people."""
    if step not in _STEPS:
        raise NotFound(step)
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            said = await _STEPS[step](session, actor, workshop_id, fact_id, typed, now)
    except Invalid as error:
        at = f"{step}-{fact_id}"
        return await _page(session, actor, workshop_id, now, at, typed, error.errors)
    return _back(workshop_id, said)


def _back(workshop_id: int, said: str) -> Redirect:
    return see_other(f"/desk/workshops/{workshop_id}/facts", said)


async def _page(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    now: datetime,
    at: str = "",
    typed: Typed | None = None,
    errors: Mapping[str, str] | None = None,
) -> Template:
    """The page; `at` names the form whose faults these are ("new", "agree-7", "name-2")."""
    workshop = await workshop_for(session, actor, workshop_id)
    may_change = actor.role in MANAGERS
    facts = await facts_of(session, workshop_id)
    return page(
        "catalog/desk_facts.html",
        status=422 if errors else 200,
        workshop=workshop,
        facts=facts if may_change else [f for f in facts if f.on_page or f.on_air],
        hidden=0 if may_change else sum(not (f.on_page or f.on_air) for f in facts),
        removed=await removed_facts(session, workshop_id) if may_change else [],
        makers=[
            (maker, words_of(maker), is_delicate(words_of(maker))) for maker in workshop.makers
        ],
        may_change=may_change,
        at=at,
        typed=typed or {},
        errors=errors or {},
        summary={name and f"{name}-{at}": text for name, text in (errors or {}).items()},
        today=now.astimezone(BEIJING).date().isoformat(),
    )


ROUTES: list[ControllerRouterHandler] = [facts_page, sheet, add, take_step]
