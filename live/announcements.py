"""What a show has just sold, for the host to read out: a masked name, a city, the piece.

Nothing else of the buyer is kept here: no phone number, no address, and of the name no more than
is said aloud.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, String, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.access import Actor
from catalog.audit import record
from catalog.db import MOST_ID, UtcDateTime, table
from catalog.errors import NotFound
from live.models import Announcement, LineUpItem
from live.shows import show_for

MOST_UNREAD = 60
MOST_READ = 8
# The longest is 克孜勒苏柯尔克孜.
_MOST_CITY = 8
_MOST_LATIN = 20
_LEAST_CITY = 2

SOMEBODY = "一位买家"

# The usual surnames of two characters; every other is taken to be one.
_PAIRS = (
    "欧阳太史端木上官司马东方独孤南宫万俟闻人夏侯诸葛尉迟公羊赫连澹台皇甫宗政濮阳公冶太叔申屠公孙慕容仲孙"
    "钟离长孙宇文司徒鲜于司空闾丘子车亓官司寇巫马公西颛孙壤驷公良漆雕乐正宰父谷梁拓跋夹谷轩辕令狐段干百里"
    "呼延东郭南门羊舌微生梁丘左丘东门西门南荣第五"
)
COMPOUND = frozenset(_PAIRS[n : n + 2] for n in range(0, len(_PAIRS), 2))
_CITY_ENDS = ("自治州", "地区", "盟")

_announcements, _items = table(Announcement), table(LineUpItem)

# The show is the item's own: one statement for all sales of a batch, and nothing to look up.
_ADD = insert(_announcements).from_select(
    ["station_id", "show_id", "line_up_item_id", "who", "city", "quantity", "at"],
    select(
        _items.c.station_id,
        _items.c.show_id,
        _items.c.id,
        bindparam("who", type_=String()),
        bindparam("city", type_=String()),
        bindparam("pieces", type_=Integer()),
        bindparam("sold_at", type_=UtcDateTime()),
    ).where(_items.c.id == bindparam("item", type_=_items.c.id.type)),
)


@dataclass(frozen=True, slots=True)
class Sold:
    """Pieces of a line-up item that somebody has paid for; name and city as the buyer typed them."""

    item_id: int
    quantity: int
    name: str
    city: str
    at: datetime


async def add_all(session: AsyncSession, sold: Sequence[Sold]) -> None:
    """Write down what is to be read out. One statement, none where no show sold anything."""
    rows = [
        {
            "item": one.item_id,
            "who": masked(one.name),
            "city": city_name(one.city),
            "pieces": one.quantity,
            "sold_at": one.at,
        }
        for one in sold
    ]
    if rows:
        await session.execute(_ADD, rows)


async def feed(
    session: AsyncSession, show_id: int
) -> tuple[list[Announcement], list[Announcement]]:
    """What is still to be read out, the oldest first, and what was read out last; with the items."""
    of_show = (
        select(Announcement)
        .where(Announcement.show_id == show_id)
        .options(joinedload(Announcement.item).joinedload(LineUpItem.product))
    )
    unread = of_show.where(Announcement.read_at.is_(None)).order_by(Announcement.id)
    read = of_show.where(Announcement.read_at.is_not(None))
    read = read.order_by(Announcement.read_at.desc(), Announcement.id.desc())
    return (
        list(await session.scalars(unread.limit(MOST_UNREAD))),
        list(await session.scalars(read.limit(MOST_READ))),
    )


async def read_out(
    session: AsyncSession, actor: Actor, show_id: int, announcement_id: int, now: datetime
) -> None:
    """It was read out. The first to say so stands; repeating changes nothing. Raises NotFound."""
    await _set_read(session, actor, show_id, announcement_id, now, read_at=now)


async def put_back(
    session: AsyncSession, actor: Actor, show_id: int, announcement_id: int, now: datetime
) -> None:
    """It is to be read out after all. Repeating changes nothing. Raises NotFound."""
    await _set_read(session, actor, show_id, announcement_id, now, read_at=None)


async def _set_read(
    session: AsyncSession,
    actor: Actor,
    show_id: int,
    announcement_id: int,
    now: datetime,
    *,
    read_at: datetime | None,
) -> None:
    show = await show_for(session, actor, show_id)
    was_other = Announcement.read_at.is_(None) if read_at else Announcement.read_at.is_not(None)
    of_show = (Announcement.id == min(announcement_id, MOST_ID), Announcement.show_id == show.id)
    changed = await session.scalar(
        update(Announcement)
        .where(*of_show, was_other)
        .values(read_at=read_at)
        .returning(Announcement.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        if await session.scalar(select(Announcement.id).where(*of_show)) is None:
            raise NotFound(f"announcement {announcement_id}")
        return
    action = "announcement.read" if read_at else "announcement.put_back"
    record(session, actor, action, show, now, after={"announcement": changed})


def masked(name: str) -> str:
    """A name as it may be said aloud: "王*", "欧阳*", "J*"; for what is no name, "一位买家"."""
    letters = "".join(c for c in unicodedata.normalize("NFC", name) if _is_letter(c))
    if not letters:
        return SOMEBODY
    # Two characters alone are rather a name of the surname 欧 than a surname without a name.
    first = letters[:2] if letters[:2] in COMPOUND and len(letters) > 2 else letters[0]
    return f"{first.upper()}*"


def city_name(city: str) -> str:
    """A city as people say it: "兰州市" is "兰州"; empty for what is no city's name.

    Nothing after the city is told: a street that strayed into the field stays where it is.
    """
    words = "".join(c if _is_letter(c) else " " for c in unicodedata.normalize("NFC", city)).split()
    if not words:
        return ""
    name = " ".join(words) if words[0].isascii() else words[0]
    if (at := name.find("市")) >= _LEAST_CITY:
        return name[:at]
    for end in _CITY_ENDS:
        name = name.removesuffix(end) if len(name) - len(end) >= _LEAST_CITY else name
    return name if len(name) <= (_MOST_LATIN if name.isascii() else _MOST_CITY) else ""


def _is_letter(character: str) -> bool:
    # Digits are a phone number or a house that strayed into the field; symbols, emoji, and marks
    # without a letter are nothing to say aloud.
    return unicodedata.category(character).startswith("L")
