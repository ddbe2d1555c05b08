"""The paper pack of a show: what a team goes on with when the network is away."""

from datetime import datetime, timedelta

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import SHOW_VIEWERS, Actor, allow
from catalog.checks import BEIJING
from catalog.models import Kind
from catalog.words import yuan
from catalog.workshops import station_by_id
from live.links import link_url, links_of_show
from live.models import LineUpItem, Link, Placement, Show
from live.shows import show_for, span_text
from media.paper import Pack, PackItem, print_pack

# Of several codes of a piece the one that viewers saw on the screen, then what is said or shown.
_RATHER = (Placement.OVERLAY, Placement.SPOKEN, Placement.CARD, Placement.TAG, Placement.VIDEO)


@get("/desk/shows/{show_id:int}/pack.pdf", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def pack(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    public_url: NamedDependency[str],
    show_id: FromPath[int],
) -> Response[bytes]:
    """Run of show, codes, boxes to tally in; A4, to be printed before the show."""
    show = await show_for(session, actor, show_id)
    links = _by_product(await links_of_show(session, show.id))
    station = await station_by_id(session, show.station_id)
    due = show.starts_at
    items = []
    for number, item in enumerate(show.items, 1):
        items.append(_item(number, item, due, links.get(item.product_id), public_url))
        due += timedelta(minutes=item.minutes)
    own = links.get(None)
    facts = Pack(
        title=show.title,
        when=f"{span_text(show)}（北京时间）",
        station=station.name,
        facts=_facts(show),
        phones=[("社工站", station.phone)] if station.phone else [],
        url=link_url(public_url, own.code) if own else "",
        code=own.code if own else "",
        items=items,
        printed=f"{_clock(now, day=True)} 打印",
    )
    headers = {"Content-Disposition": f'inline; filename="show-{show.id}-pack.pdf"'}
    return Response(await print_pack(facts), media_type="application/pdf", headers=headers)


def _by_product(links: list[Link]) -> dict[int | None, Link]:
    """The code to print for each product, and under None the show's own."""
    worst_first = sorted(links, key=lambda link: (-_RATHER.index(link.placement), -link.id))
    return {link.product_id: link for link in worst_first}


def _facts(show: Show) -> list[tuple[str, str]]:
    minutes = sum(item.minutes for item in show.items)
    facts = [
        ("主播", show.host.name),
        ("地点", show.place),
        ("平台", "、".join(show.channels)),
        ("讲解单", f"{len(show.items)} 件，{minutes} 分钟"),
        ("彩排", "是，不收真钱" if show.rehearsal else ""),
    ]
    return [(label, words) for label, words in facts if words]


def _item(
    number: int, item: LineUpItem, due: datetime, link: Link | None, public_url: str
) -> PackItem:
    product = item.product
    return PackItem(
        number=number,
        due=_clock(due),
        minutes=item.minutes,
        name=product.name,
        facts=" · ".join(filter(None, (product.workshop.name, product.wood, product.size))),
        price_text=f"¥{yuan(item.show_price_fen or product.price_fen)}",
        pieces=_pieces(item),
        talking_points=item.talking_points,
        do_not_say=item.do_not_say,
        speaker=item.speaker,
        url=link_url(public_url, link.code) if link else "",
        code=link.code if link else "",
    )


def _pieces(item: LineUpItem) -> str:
    product = item.product
    if product.kind == Kind.MADE_TO_ORDER:
        return f"定做，约 {product.work_days} 天" if product.work_days else "定做"
    there = product.stock.free + item.allotment_left
    if product.kind == Kind.ONE_OF_A_KIND:
        return "仅此一件" if there else "没有了"
    return f"有 {there} 件" + (f"，留 {item.allotment_left} 件" if item.allotment_left else "")


def _clock(at: datetime, *, day: bool = False) -> str:
    at = at.astimezone(BEIJING)
    return f"{at.month}月{at.day}日 {at:%H:%M}" if day else f"{at:%H:%M}"


ROUTES: list[ControllerRouterHandler] = [pack]
