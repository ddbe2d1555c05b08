"""Shows, line-ups and links as programs see and give them."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.interface import BodyId, Named
from live.consents import Way
from live.lineup import MOST_ITEMS
from live.links import link_url
from live.models import LineUpItem, Link, Placement, Show, ShowState
from live.shows import CHANNELS


class LineUpItemView(msgspec.Struct, kw_only=True):
    """One product of a show. `price_fen` is what it costs there.

    Pieces fenced and what the host notes are told to the show's own station only.
    """

    id: int
    product: int
    name: str
    workshop: Named
    price_fen: int
    show_price_fen: int | None
    minutes: int
    allotment: int | UnsetType = UNSET
    allotment_left: int | UnsetType = UNSET
    talking_points: str | UnsetType = UNSET
    do_not_say: str | UnsetType = UNSET
    speaker: str | UnsetType = UNSET

    @classmethod
    def of(cls, item: LineUpItem, *, whole: bool) -> "LineUpItemView":
        """Loaded with product and workshop; `whole` for the station itself."""
        product = item.product
        view = cls(
            id=item.id,
            product=product.id,
            name=product.name,
            workshop=Named(product.workshop.id, product.workshop.name),
            price_fen=item.show_price_fen or product.price_fen,
            show_price_fen=item.show_price_fen,
            minutes=item.minutes,
        )
        if whole:
            view.allotment, view.allotment_left = item.allotment, item.allotment_left
            view.talking_points, view.do_not_say = item.talking_points, item.do_not_say
            view.speaker = item.speaker
        return view


class ShowSummary(msgspec.Struct, kw_only=True):
    """A scheduled livestream, as in a list. `cover` is a photo of a product of its line-up."""

    id: int
    station: int
    title: str
    place: str
    channels: list[str]
    state: ShowState
    starts_at: datetime
    ends_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    host: Named
    rehearsal: bool
    cover: int | None

    @classmethod
    def of(cls, show: Show) -> "ShowSummary":
        """Loaded with its host."""
        return cls(
            id=show.id,
            station=show.station_id,
            title=show.title,
            place=show.place,
            channels=show.channels,
            state=show.state,
            starts_at=show.starts_at,
            ends_at=show.ends_at,
            started_at=show.started_at,
            ended_at=show.ended_at,
            host=Named(show.host.id, show.host.name),
            rehearsal=show.rehearsal,
            cover=show.cover_photo_id,
        )


class ShowPage(msgspec.Struct):
    """One page of shows. `next` is what to ask for with `?before=`; null on the last page."""

    items: list[ShowSummary]
    next: int | None


class ShowView(ShowSummary, kw_only=True):
    """A show with its line-up in order. `now` is the line-up item being shown."""

    now: int | None
    items: list[LineUpItemView]

    @classmethod
    def whole(cls, show: Show, *, own: bool = True) -> "ShowView":
        """Loaded with line-up and products; `own` for the show's own station."""
        return cls(
            **msgspec.structs.asdict(ShowSummary.of(show)),
            now=show.now_item_id,
            items=[LineUpItemView.of(item, whole=own) for item in show.items],
        )


Channels = Annotated[list[str], Meta(max_length=len(CHANNELS))]


class ShowChanges(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be changed of a show. Times without a zone are Beijing's.

    `state` may be `draft` or `ready`; going on air and off have their own addresses. `cover` is
    a photo of a product in the line-up.
    """

    title: str | UnsetType = UNSET
    place: str | UnsetType = UNSET
    channels: Channels | UnsetType = UNSET
    starts_at: datetime | UnsetType = UNSET
    ends_at: datetime | UnsetType = UNSET
    host: BodyId | UnsetType = UNSET
    state: ShowState | UnsetType = UNSET
    rehearsal: bool | UnsetType = UNSET
    cover: BodyId | UnsetType | None = UNSET


class NewShow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A show to be scheduled, as a draft. Its host is who asks, unless `host` says otherwise."""

    title: str
    place: str | UnsetType = UNSET
    channels: Channels | UnsetType = UNSET
    starts_at: datetime
    ends_at: datetime
    host: BodyId | UnsetType = UNSET
    rehearsal: bool | UnsetType = UNSET


class GivenConsent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The maker's word that this show may sell below the floor, down to `price_fen`."""

    given_by: str
    way: Way
    price_fen: int


class LineUpRow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One wanted row of a line-up. `allotment` pieces are fenced for the show."""

    product: BodyId
    show_price_fen: int | None = None
    allotment: int = 0
    minutes: int = 5
    talking_points: str = ""
    do_not_say: str = ""
    speaker: str = ""
    consent: GivenConsent | None = None


class LineUp(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The whole line-up, in order.

    With `order_reason`, even an empty one, an order that is not fair to all workshops is refused
    unless it says why; without, nothing is asked.
    """

    order_reason: str | None = None
    # `put_line_up` holds the limit and tells of it in words for people.
    items: Annotated[list[LineUpRow], Meta(description=f"At most {MOST_ITEMS}.")]


class Start(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why to go on air while points of the checklist are open; "" to be refused then."""

    despite: str | None = None


class Now(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The line-up item to be shown now."""

    lineup_item: BodyId


class NewLink(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A link to be made: for a product, a show, or a product in a show."""

    product: BodyId | None = None
    show: BodyId | None = None
    placement: Placement = Placement.CARD


class LinkView(msgspec.Struct, kw_only=True):
    """A link: its code, what the QR says, and where the QR's pictures are."""

    code: str
    url: str
    png: str
    svg: str
    product: int | None
    show: int | None
    placement: Placement

    @classmethod
    def of(cls, link: Link, public_url: str) -> "LinkView":
        picture = f"{public_url}/api/links/{link.code}"
        return cls(
            code=link.code,
            url=link_url(public_url, link.code),
            png=f"{picture}.png",
            svg=f"{picture}.svg",
            product=link.product_id,
            show=link.show_id,
            placement=link.placement,
        )
