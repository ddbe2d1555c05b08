"""What a program says of a family, and for it: the interface has no boxes to tick."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.checks import BEIJING, Check
from catalog.consents import add_fact, agree_maker, words_of
from catalog.errors import Invalid
from catalog.workshops import workshop_for


async def speak_for(
    session: AsyncSession, actor: Actor, workshop_id: int, story: str, now: datetime
) -> None:
    """A program's word for a new family: each line of `story` a fact, and its makers named.

    Whoever sent it is the witness. Raises Invalid for lines that are too many, too long, unproven,
    or about illness or poverty: those the family is asked about by itself, at the desk.
    """
    check = Check()
    lines = check.text("story", story, "介绍", most=2000, least=0, lines=True).split("\n")
    check.done()
    today = now.astimezone(BEIJING).date().isoformat()
    agreed = {"on_page": "1", "on_air": "1", "witness": actor.name, "agreed_on": today}
    for line in filter(None, lines):
        try:
            await add_fact(session, actor, workshop_id, {**agreed, "text": line}, now)
        except Invalid as error:
            raise Invalid({"story": next(iter(error.errors.values()))}) from error
    workshop = await workshop_for(session, actor, workshop_id)
    for maker in workshop.makers:
        try:
            asked = {**agreed, "seen": words_of(maker)}
            await agree_maker(session, actor, workshop_id, maker.id, asked, now)
        except Invalid as error:
            raise Invalid({"makers": next(iter(error.errors.values()))}) from error
