"""Pictures that show that something was so."""

import pytest

from catalog.errors import Invalid, NotFound
from catalog.pictures import keep_picture, picture_at
from media.storage import Storage
from tests.pictures import CARVING


async def test_a_picture_is_kept_as_it_came_under_a_name_of_its_own() -> None:
    storage = Storage.open("memory:///")
    keys = [await keep_picture(storage, "papers", CARVING) for _ in range(2)]
    assert keys[0] != keys[1]
    assert {key.partition("/")[0] for key in keys} == {"papers"}
    assert await picture_at(storage, keys[0]) == (CARVING, "image/jpeg")


async def test_what_is_none_is_refused_at_its_field_and_what_is_not_there_not_found() -> None:
    storage = Storage.open("memory:///")
    for field in ("photo", "paper"):
        with pytest.raises(Invalid) as refusal:
            await keep_picture(storage, "papers", b"no picture", field=field)
        assert list(refusal.value.errors) == [field]
    for key in ("", f"papers/{'0' * 32}"):
        with pytest.raises(NotFound):
            await picture_at(storage, key)
