"""Products, photos and workshops as programs see and give them."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from catalog.access import STAFF, Actor
from catalog.facts import people_on_page
from catalog.interface import BodyId
from catalog.models import Kind, Photo, PhotoState, Product, ProductState, Stock, Workshop
from catalog.products import belongs_to
from media.photos import SIZES

_FORMATS = ("avif", "webp", "jpg")


class Sizes(msgspec.Struct):
    """Addresses of one format: at most 320, 640 and 1280 pixels wide."""

    s: str
    m: str
    l: str  # noqa: E741 - the name of the file


class PhotoUrls(msgspec.Struct):
    """Addresses of the renditions, smallest file first."""

    avif: Sizes
    webp: Sizes
    jpg: Sizes


class PhotoView(msgspec.Struct, kw_only=True):
    """A photo. `urls` is null until it is `ready`; `problem` says why one `failed`."""

    id: int
    state: PhotoState
    width: int
    height: int
    urls: PhotoUrls | None
    problem: str

    @classmethod
    def of(cls, photo: Photo) -> "PhotoView":
        return cls(
            id=photo.id,
            state=photo.state,
            width=photo.width,
            height=photo.height,
            urls=_urls(photo) if photo.ready else None,
            problem=photo.problem,
        )


def _urls(photo: Photo) -> PhotoUrls:
    def sizes(extension: str) -> Sizes:
        return Sizes(**{size: f"{photo.base}/{size}.{extension}" for size in SIZES})

    return PhotoUrls(**{extension: sizes(extension) for extension in _FORMATS})


class StockView(msgspec.Struct):
    """Pieces on hand, those of them promised, and those a buyer can have."""

    on_hand: int
    held: int
    free: int

    @classmethod
    def of(cls, stock: Stock) -> "StockView":
        return cls(on_hand=stock.on_hand, held=stock.held, free=stock.free)


class WorkshopRef(msgspec.Struct):
    """The workshop that makes a product."""

    id: int
    name: str
    slug: str


class ProductView(msgspec.Struct, kw_only=True):
    """A design that a workshop sells. `floor_fen` is told to its own station and family only."""

    id: int
    station: int
    name: str
    name_en: str
    slug: str | None
    kind: Kind
    state: ProductState
    price_fen: int
    floor_fen: int | UnsetType = UNSET
    meaning: str
    wood: str
    size: str
    weight_g: int
    work_days: int
    workshop: WorkshopRef
    stock: StockView
    photos: list[PhotoView]

    @classmethod
    def of(cls, product: Product, asker: Actor | None) -> "ProductView":
        """As the asker may see it; loaded with workshop, stock and photos."""
        own = belongs_to(asker, product)
        workshop = product.workshop
        return cls(
            id=product.id,
            station=product.station_id,
            name=product.name,
            name_en=product.name_en,
            slug=product.slug,
            kind=product.kind,
            state=product.state,
            price_fen=product.price_fen,
            floor_fen=product.floor_fen if own else UNSET,
            meaning=product.meaning,
            wood=product.wood,
            size=product.size,
            weight_g=product.weight_g,
            work_days=product.work_days,
            workshop=WorkshopRef(workshop.id, workshop.name, workshop.slug),
            stock=StockView.of(product.stock),
            photos=[PhotoView.of(photo) for photo in product.photos if own or photo.ready],
        )


class ProductPage(msgspec.Struct):
    """One page of products. `next` is what to ask for with `?before=`; null on the last page."""

    items: list[ProductView]
    next: int | None


class ProductChanges(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be changed of a product; what is left out stays. The kind never changes."""

    name: str | UnsetType = UNSET
    name_en: str | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    state: ProductState | UnsetType = UNSET
    price_fen: int | UnsetType = UNSET
    floor_fen: int | UnsetType = UNSET
    meaning: str | UnsetType = UNSET
    wood: str | UnsetType = UNSET
    size: str | UnsetType = UNSET
    weight_g: int | UnsetType = UNSET
    work_days: int | UnsetType = UNSET


class NewProduct(ProductChanges, kw_only=True, forbid_unknown_fields=True):
    """A product to be made. `on_hand` pieces exist; an artisan's is of the artisan's workshop."""

    name: str
    kind: Kind
    price_fen: int
    workshop: BodyId | UnsetType = UNSET
    on_hand: int | UnsetType = UNSET


class StockChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Pieces counted in (+) or out (-), and why."""

    change: int
    reason: str


class MakerView(msgspec.Struct, forbid_unknown_fields=True):
    """One person of a workshop, as the family wishes to be named."""

    name: str
    about: str = ""


class WorkshopView(msgspec.Struct, kw_only=True):
    """A family that makes things. `phone` is told to its station's staff and to itself only.

    `story` and, to others, `makers` hold what the family agreed to have told on pages.
    """

    id: int
    station: int
    name: str
    slug: str
    village: str
    craft: str
    story: str
    active: bool
    phone: str | UnsetType = UNSET
    makers: list[MakerView]

    @classmethod
    def of(cls, workshop: Workshop, asker: Actor | None, told: Sequence[str]) -> "WorkshopView":
        """As the asker may see it; loaded with its makers. `told` is what pages may tell of it."""
        own = asker is not None and (
            asker.workshop_id == workshop.id
            or (asker.station_id == workshop.station_id and asker.role in STAFF)
        )
        return cls(
            id=workshop.id,
            station=workshop.station_id,
            name=workshop.name,
            slug=workshop.slug,
            village=workshop.village,
            craft=workshop.craft,
            story="\n".join(told),
            active=workshop.active,
            phone=workshop.phone if own else UNSET,
            makers=[
                MakerView(person.name, person.about)
                for person in (workshop.makers if own else people_on_page(workshop.makers))
            ],
        )


class WorkshopPage(msgspec.Struct):
    """One page of workshops. `next` is what to ask for with `?before=`; null on the last page."""

    items: list[WorkshopView]
    next: int | None


class NewWorkshop(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A workshop to be made. Whoever sends it has asked the family about `story` and `makers`."""

    name: str
    village: str | UnsetType = UNSET
    craft: str | UnsetType = UNSET
    story: str | UnsetType = UNSET
    phone: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    makers: Annotated[list[MakerView], msgspec.Meta(max_length=30)] | UnsetType = UNSET
