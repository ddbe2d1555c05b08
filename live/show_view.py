"""A show as buyers see it: what is on, what is showing, and what each piece costs there now."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.errors import NotFound
from catalog.models import Kind, Product
from catalog.products import visible_to_buyers
from live.links import links_of_show
from live.models import LineUpItem, Show, ShowState
from live.shows import get_show


@dataclass(frozen=True, slots=True)
class ShownItem:
    """One line-up item as a buyer would get it from here. `free` is None for what is carved to order.

    `code` is the link that keeps the show's price and pieces; without one the buyer goes to the
    product's own page, where neither holds.
    """

    item: LineUpItem
    code: str
    on_air: bool

    @property
    def product(self) -> Product:
        return self.item.product

    @property
    def for_sale(self) -> bool:
        return visible_to_buyers(self.product)

    @property
    def price_fen(self) -> int:
        if self.code and self.item.show_price_fen is not None:
            return self.item.show_price_fen
        return self.product.price_fen

    @property
    def free(self) -> int | None:
        if self.code and self.item.sold_out_at is not None:
            return 0
        if self.product.kind == Kind.MADE_TO_ORDER:
            return None
        return self.product.stock.free + (self.item.allotment_left if self.code else 0)

    @property
    def href(self) -> str:
        return f"/products/{self.product.slug}" + (f"?link={self.code}" if self.code else "")


async def public_show(session: AsyncSession, show_id: int) -> tuple[Show, list[ShownItem]]:
    """The show and its line-up. Raises NotFound, also for a draft."""
    show = await get_show(session, show_id)
    if show.state == ShowState.DRAFT:
        raise NotFound(f"show {show_id} is a draft")
    codes: dict[int | None, str] = {}
    if show.state == ShowState.LIVE:
        for link in await links_of_show(session, show.id):
            codes.setdefault(link.product_id, link.code)
    items = [
        ShownItem(
            item,
            codes.get(item.product_id, codes.get(None, "")),
            item.id == show.now_item_id,
        )
        for item in show.items
    ]
    return show, items
