"""Products, photos, stock and workshops for programs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from litestar import Controller, get, patch, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, MultipartBody, QueryParameter
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import photos, products, stock, workshops
from catalog.access import CATALOG_EDITORS, CATALOG_WRITERS, EVERYONE, Actor, allow
from catalog.facts import told_on_page
from catalog.interface import (
    FOR_ALL,
    MEMBERS_ONLY,
    Before,
    Limit,
    PathId,
    QueryId,
    faults_as,
    given,
    problems,
)
from catalog.models import Kind
from catalog.products import PAGE, Wanted
from catalog.spoken import speak_for
from catalog.views import (
    NewProduct,
    NewWorkshop,
    PhotoView,
    ProductChanges,
    ProductPage,
    ProductView,
    StockChange,
    StockView,
    WorkshopPage,
    WorkshopView,
)
from media.photos import MAX_BYTES
from media.storage import Storage

# The form around the photo.
_ENVELOPE = 100_000

_NAMES = {"workshop_id": "workshop", "stock": "on_hand"}


@dataclass
class PhotoUpload:
    """A photo as a phone sends it: JPEG, HEIC, PNG, WebP or AVIF, up to 50 MB."""

    photo: UploadFile


class ProductController(Controller):
    path = "/api/products"
    tags = ("products",)

    @get(
        opt=allow(EVERYONE),
        security=FOR_ALL,
        responses=problems(401, 404, 422),
        summary="List products",
    )
    async def products(
        self,
        session: NamedDependency[AsyncSession],
        asker: NamedDependency[Actor | None],
        station: QueryId = None,
        workshop: QueryId = None,
        q: Annotated[
            str, QueryParameter(max_length=100, description="Words, all of which must fit.")
        ] = "",
        kind: FromQuery[Kind | None] = None,
        in_stock: FromQuery[bool] = False,
        before: Before = None,
        limit: Limit = PAGE,
    ) -> ProductPage:
        """Newest first. Strangers see what is on sale at open stations; members their own
        station's, drafts too, and artisans their own workshop's."""
        wanted = Wanted(
            station_id=station,
            workshop_id=workshop,
            words=q,
            kind=kind,
            in_stock=in_stock,
            before=before,
            most=limit,
        )
        rows, following = await products.find_products(session, products.as_seen_by(asker, wanted))
        return ProductPage([ProductView.of(row, asker) for row in rows], following)

    @get(
        "/{product_id:int}",
        opt=allow(EVERYONE),
        security=FOR_ALL,
        responses=problems(401, 404, 409, 422),
        summary="One product",
    )
    async def product(
        self,
        product_id: PathId,
        session: NamedDependency[AsyncSession],
        asker: NamedDependency[Actor | None],
    ) -> ProductView:
        return ProductView.of(await products.product_seen_by(session, asker, product_id), asker)

    @post(
        opt=allow(CATALOG_WRITERS),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 404, 413, 422),
        summary="Add a product",
    )
    async def add(
        self,
        data: JSONBody[NewProduct],
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> ProductView:
        """On sale at once unless `state` says otherwise. Artisans may leave `workshop` out."""
        values = given(data, workshop="workshop_id", on_hand="stock")
        with faults_as(**_NAMES):
            product = await products.add_product(session, actor, values, now)
        return ProductView.of(product, actor)

    @patch(
        "/{product_id:int}",
        opt=allow(CATALOG_WRITERS),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 404, 413, 422),
        summary="Change a product",
    )
    async def change(
        self,
        product_id: PathId,
        data: JSONBody[ProductChanges],
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> ProductView:
        """Changes the fields given and leaves the others."""
        product = await products.change_product(session, actor, product_id, given(data), now)
        return ProductView.of(product, actor)

    @post(
        "/{product_id:int}/photos",
        opt=allow(CATALOG_WRITERS),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 404, 413, 422),
        request_max_body_size=MAX_BYTES + _ENVELOPE,
        summary="Add a photo",
    )
    async def add_photo(
        self,
        product_id: PathId,
        data: MultipartBody[PhotoUpload],
        session: NamedDependency[AsyncSession],
        storage: NamedDependency[Storage],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> PhotoView:
        """Multipart, field `photo`. The photo is `waiting` until its sizes are made, a moment
        later; the product then shows it."""
        product = await products.product_for(session, actor, product_id)
        upload = await data.photo.read()
        return PhotoView.of(await photos.add_photo(session, storage, actor, product, upload, now))

    @post(
        "/{product_id:int}/stock",
        opt=allow(CATALOG_WRITERS),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 404, 409, 413, 422),
        status_code=200,
        summary="Count pieces in or out",
    )
    async def change_stock(
        self,
        product_id: PathId,
        data: JSONBody[StockChange],
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> StockView:
        """Answers the new figures, or 409 `stock_promised` when buyers would lose theirs."""
        product = await products.product_for(session, actor, product_id)
        return StockView.of(
            await stock.change(session, actor, product, data.change, data.reason, now)
        )


class WorkshopController(Controller):
    path = "/api/workshops"
    tags = ("workshops",)

    @get(
        opt=allow(EVERYONE),
        security=FOR_ALL,
        responses=problems(401, 422),
        summary="List workshops",
    )
    async def workshops(
        self,
        session: NamedDependency[AsyncSession],
        asker: NamedDependency[Actor | None],
        station: QueryId = None,
    ) -> WorkshopPage:
        """All on one page, as they joined. Staff see their station's inactive ones too."""
        rows = await workshops.workshops_seen_by(session, asker, station)
        told = await told_on_page(session, [row.id for row in rows])
        return WorkshopPage([WorkshopView.of(row, asker, told[row.id]) for row in rows], None)

    @post(
        opt=allow(CATALOG_EDITORS),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 413, 422),
        summary="Add a workshop",
    )
    async def add(
        self,
        data: JSONBody[NewWorkshop],
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> WorkshopView:
        """Each line of `story` becomes a fact; with it and with `makers` you say that the family
        agreed to have it told, and you are the witness."""
        values = given(data)
        story = values.pop("story", "")
        if "makers" in values:
            values["makers"] = [(maker.name, maker.about) for maker in values["makers"]]
        workshop = await workshops.add_workshop(session, actor, values, now)
        await speak_for(session, actor, workshop.id, story, now)
        told = await told_on_page(session, [workshop.id])
        return WorkshopView.of(workshop, actor, told[workshop.id])


ROUTES: list[ControllerRouterHandler] = [ProductController, WorkshopController]
