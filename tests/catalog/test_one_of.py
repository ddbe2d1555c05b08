"""One statement for any number of values, on both databases."""

from sqlalchemy import String, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import literal_column

from catalog.db import Sessions
from catalog.models import Station
from catalog.one_of import one_of
from tests.making import make_station

BY_SLUG = select(Station.id).where(one_of(Station.slug, "slugs")).order_by(Station.id)
BY_ID = select(Station.slug).where(one_of(Station.id, "ids"), Station.slug != bindparam("not"))


async def test_rows_are_found_by_any_number_of_values(sessions: Sessions) -> None:
    first = await make_station(sessions, "zhongxing")
    second = await make_station(sessions, "o'hara\"")
    async with sessions() as session:
        for slugs, found in (
            ([], []),
            (["zhongxing"], [first.id]),
            (["o'hara\"", "nobody", "zhongxing", "zhongxing"], [first.id, second.id]),
            ({"o'hara\"": 1}.keys(), [second.id]),
        ):
            assert list(await session.scalars(BY_SLUG, {"slugs": slugs})) == found
        given = {"ids": (first.id, second.id, 2**62), "not": "zhongxing"}
        assert list(await session.scalars(BY_ID, given)) == ["o'hara\""]


def test_the_text_does_not_know_how_many() -> None:
    asked = one_of(literal_column("slug", String), "slugs")
    on_sqlite = asked.compile(dialect=sqlite.dialect())
    assert str(on_sqlite) == "slug IN (SELECT value FROM json_each(?))"
    on_postgresql = asked.compile(dialect=postgresql.asyncpg.dialect())
    assert str(on_postgresql) == "slug = ANY ($1::VARCHAR[])"
