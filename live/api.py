"""Shows, line-ups, the live board and links for programs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, Response, get, patch, post, put
from litestar.di import NamedDependency
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.params import JSONBody, PathParameter
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import CATALOG_EDITORS, EVERYONE, ON_AIR, SHOW_EDITORS, Actor, allow
from catalog.interface import (
    FOR_ALL,
    MEMBERS_ONLY,
    Before,
    Limit,
    PathId,
    QueryId,
    faults_as,
    given,
    paged,
    problems,
)
from live import lineup, links, on_air, scheduling, shows
from live.board import Board, board
from live.boards import Boards
from live.events import EventStream
from live.views import (
    LineUp,
    LinkView,
    NewLink,
    NewShow,
    Now,
    ShowChanges,
    ShowPage,
    ShowSummary,
    ShowView,
    Start,
)
from media.qr import qr_png, qr_svg

# A code always says the same; a day is short enough for one that is retired.
_A_DAY = {"Cache-Control": "public, max-age=86400"}


@dataclass
class MayBeEmpty(Operation):
    """Documents a body that need not be sent, which a route by itself calls required."""

    def __post_init__(self) -> None:
        if isinstance(self.request_body, RequestBody):
            self.request_body.required = False


class ShowController(Controller):
    path = "/api/shows"
    tags = ("shows",)

    @get(opt=allow(EVERYONE), security=FOR_ALL, responses=problems(401, 422), summary="List shows")
    async def shows(
        self,
        session: NamedDependency[AsyncSession],
        asker: NamedDependency[Actor | None],
        station: QueryId = None,
        before: Before = None,
        limit: Limit = 24,
    ) -> ShowPage:
        """Latest first. Strangers see what open stations planned; members all of their own."""
        found = await shows.shows_seen_by(session, asker, station, before=before, most=limit + 1)
        rows, following = paged(found, limit)
        return ShowPage([ShowSummary.of(row) for row in rows], following)

    @post(
        opt=allow(SHOW_EDITORS),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 409, 413, 422),
        summary="Schedule a show",
    )
    async def schedule(
        self,
        data: JSONBody[NewShow],
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> ShowView:
        """Answers 409 `overlapping_show` when its host or its place is taken then."""
        with faults_as(host_id="host"):
            values = given(data, host="host_id")
            return ShowView.whole(await scheduling.schedule_show(session, actor, values, now))

    @get(
        "/{show_id:int}",
        opt=allow(EVERYONE),
        security=FOR_ALL,
        responses=problems(401, 404, 409, 422),
        summary="One show with its line-up",
    )
    async def show(
        self,
        show_id: PathId,
        session: NamedDependency[AsyncSession],
        asker: NamedDependency[Actor | None],
    ) -> ShowView:
        show = await shows.show_seen_by(session, asker, show_id)
        return ShowView.whole(show, own=shows.may_see_all(asker, show.station_id))

    @patch(
        "/{show_id:int}",
        opt=allow(SHOW_EDITORS),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 404, 409, 413, 422),
        summary="Change a show",
    )
    async def change(
        self,
        show_id: PathId,
        data: JSONBody[ShowChanges],
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> ShowView:
        """Changes the fields given, until the show has ended."""
        with faults_as(host_id="host", cover_photo_id="cover"):
            values = given(data, host="host_id", cover="cover_photo_id")
            return ShowView.whole(
                await scheduling.change_show(session, actor, show_id, values, now)
            )

    @put(
        "/{show_id:int}/lineup",
        opt=allow(SHOW_EDITORS),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 404, 409, 413, 422),
        summary="Set the line-up",
    )
    async def put_line_up(
        self,
        show_id: PathId,
        data: JSONBody[LineUp],
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> ShowView:
        """Replaces the whole line-up; a product that stays keeps its item and its figures.

        A show price below the maker's floor needs the maker's `consent`, given here or before.
        """
        show = await lineup.put_line_up(
            session,
            actor,
            show_id,
            msgspec.to_builtins(data.items),
            now,
            order_reason=data.order_reason,
        )
        return ShowView.whole(show)

    @post(
        "/{show_id:int}/start",
        opt=allow(ON_AIR),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 404, 409, 413, 422),
        status_code=200,
        operation_class=MayBeEmpty,
        summary="Go on air",
    )
    async def start(
        self,
        show_id: PathId,
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
        data: JSONBody[Start | None] = None,
    ) -> ShowView:
        """With the first item of the line-up showing. Repeating changes nothing.

        Without a body nothing is asked: what the checklist lacks is noted in the audit trail.
        With `despite`, 409 `not_ready` when points are open and it is empty.
        """
        despite = data.despite if data else None
        show = await on_air.start_show(session, actor, show_id, now, despite=despite)
        return ShowView.whole(show)

    @post(
        "/{show_id:int}/now",
        opt=allow(ON_AIR),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 404, 409, 413, 422),
        status_code=200,
        summary="Show a line-up item",
    )
    async def show_now(
        self,
        show_id: PathId,
        data: JSONBody[Now],
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> ShowView:
        """Makes the item the one being shown. Repeating changes nothing."""
        show = await on_air.show_now(session, actor, show_id, data.lineup_item, now)
        return ShowView.whole(show)

    @post(
        "/{show_id:int}/end",
        opt=allow(ON_AIR),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 404, 409, 422),
        status_code=200,
        summary="Go off air",
    )
    async def end(
        self,
        show_id: PathId,
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> ShowView:
        """Pieces fenced and not sold are free again. Repeating changes nothing."""
        return ShowView.whole(await on_air.end_show(session, actor, show_id, now))

    @get(
        "/{show_id:int}/board",
        opt=allow(EVERYONE),
        security=FOR_ALL,
        responses=problems(401, 404, 409, 422),
        summary="The live board",
    )
    async def board(
        self,
        show_id: PathId,
        session: NamedDependency[AsyncSession],
        asker: NamedDependency[Actor | None],
    ) -> Board:
        """Now showing, price, free, sold, scans, holds, next: the state of this moment."""
        await shows.must_be_seen_by(session, asker, show_id)
        return await board(session, show_id)

    @get(
        "/{show_id:int}/events",
        opt=allow(EVERYONE),
        security=FOR_ALL,
        responses=problems(401, 404, 409, 422, 503),
        media_type="text/event-stream",
        summary="The live board, followed",
    )
    async def events(
        self,
        show_id: PathId,
        session: NamedDependency[AsyncSession],
        asker: NamedDependency[Actor | None],
        boards: NamedDependency[Boards],
    ) -> EventStream:
        """Server-sent events named `board`, each the whole board: at once, then at each change.

        Answers 503 with `Retry-After` when there are more watchers than this process feeds.
        """
        boards.must_have_room()
        # Thousands come back at one moment, when a process or a network was away.
        if not boards.is_public(show_id):
            await shows.must_be_seen_by(session, asker, show_id)
        return EventStream(boards.watch_events(show_id))


@dataclass
class PictureOperation(Operation):
    """Documents the two formats, of which a route by itself has one."""

    def __post_init__(self) -> None:
        answer = (self.responses or {})["200"]
        if isinstance(answer, OpenAPIResponse):
            picture = OpenAPIMediaType(
                schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
            )
            answer.content = {"image/png": picture, "image/svg+xml": picture}


class LinkController(Controller):
    path = "/api/links"
    tags = ("links",)

    @post(
        opt=allow(CATALOG_EDITORS),
        security=MEMBERS_ONLY,
        responses=problems(401, 403, 404, 413, 422),
        summary="Make a link",
    )
    async def add(
        self,
        data: JSONBody[NewLink],
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        public_url: NamedDependency[str],
        now: NamedDependency[datetime],
    ) -> LinkView:
        """A new code each time; codes are never given out twice."""
        link = await links.add_link(
            session,
            actor,
            product_id=data.product,
            show_id=data.show,
            placement=data.placement,
            now=now,
        )
        return LinkView.of(link, public_url)

    @get(
        "/{picture:str}",
        opt=allow(EVERYONE),
        security=FOR_ALL,
        responses=problems(401, 404, 410, 422),
        operation_class=PictureOperation,
        summary="A link's QR as a picture",
    )
    async def qr(
        self,
        picture: Annotated[
            str,
            PathParameter(
                pattern=r"^[0-9A-Za-z]{1,16}\.(png|svg)$",
                description="The code and the format: `7K3FD.png` or `7K3FD.svg`.",
            ),
        ],
        session: NamedDependency[AsyncSession],
        public_url: NamedDependency[str],
    ) -> Response[bytes]:
        """PNG at 10 pixels a module, as an overlay needs it, or SVG for print."""
        code, _, extension = picture.partition(".")
        link = await links.usable_link(session, code)
        says = links.link_url(public_url, link.code)
        if extension == "svg":
            return Response(qr_svg(says).encode(), media_type="image/svg+xml", headers=_A_DAY)
        return Response(qr_png(says), media_type="image/png", headers=_A_DAY)


ROUTES: list[ControllerRouterHandler] = [ShowController, LinkController]
