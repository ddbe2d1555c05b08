"""The assembled web application: routes, dependencies, the frame around every request."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from multiprocessing import parent_process
from typing import Any

from litestar import Litestar, Request, asgi
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, NotFoundException
from litestar.types import Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, Actor, allow
from catalog.db import Database
from catalog.errors import Refusal
from live.boards import Boards
from live.earlier import Shown, shown_on
from live.figures import Figures
from live.nudges import Nudges
from live.scans import ScanCounter
from live.watching import PageCounter
from media.storage import Storage
from shop.context import Shop
from shop.errors import NotSignedIn
from shop.figures import FIGURES
from shop.gateways import REHEARSAL_PATH, open_rehearsal, open_shop
from shop.logs import configure_logs
from shop.payments.rehearsal.app import RehearsalApp
from shop.processes import end_with_parent
from shop.product_view import Opened, open_links
from shop.routes import ROUTES
from shop.settings import Settings, read_settings
from shop.together import Together
from shop.web.guard import check_form, guard
from shop.web.headers import add_headers
from shop.web.in_turn import resolve_in_turn
from shop.web.openapi import OPENAPI
from shop.web.problems import answer_fault, answer_http, answer_refusal, answer_too_deep
from shop.web.render import template_config
from shop.web.visit import actor_of, asker_of

# What a form or a JSON body may hold; photo uploads declare their own, larger limit.
MOST_BODY = 1_000_000

_SAFE = ("GET", "HEAD")


async def provide_session(request: Request[Any, Any, Any]) -> AsyncIterator[AsyncSession]:
    """One transaction a request: committed when the handler returns, before the answer is sent.

    A GET reads and takes no write lock. Any error rolls back. A handler that answers a refusal
    itself rolls back first, and reads on in a new transaction.
    """
    database: Database = request.app.state.shop.database
    sessions = database.reading if request.method in _SAFE else database.writing
    async with sessions() as session:
        yield session
        await session.commit()


def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """The member who asks; only on routes that are for members."""
    actor = actor_of(request)
    if actor is None:
        raise NotSignedIn(request.url.path)
    return actor


def provide_asker(request: Request[Any, Any, Any]) -> Actor | None:
    """The member who asks, or None for a stranger; on routes that are for everyone.

    Who looks for the county belongs to no station's own: they see what strangers see.
    """
    return asker_of(request)


def provide_now() -> datetime:
    """The time of the request, aware, in UTC."""
    return datetime.now(UTC)


def provide_shop(request: Request[Any, Any, Any]) -> Shop:
    shop: Shop = request.app.state.shop
    return shop


def provide_database(request: Request[Any, Any, Any]) -> Database:
    """For answers that go on after the request's own transaction has ended."""
    shop: Shop = request.app.state.shop
    return shop.database


def provide_storage(request: Request[Any, Any, Any]) -> Storage:
    storage: Storage = request.app.state.storage
    return storage


def provide_boards(request: Request[Any, Any, Any]) -> Boards:
    boards: Boards = request.app.state.boards
    return boards


def provide_scans(request: Request[Any, Any, Any]) -> ScanCounter:
    scans: ScanCounter = request.app.state.scans
    return scans


def provide_figures() -> Figures:
    """What the shop counts for the pages of shows."""
    return FIGURES


def provide_public_url(request: Request[Any, Any, Any]) -> str:
    """The address that buyers use, for links that leave this site."""
    shop: Shop = request.app.state.shop
    return shop.public_url


DEPENDENCIES = {
    "session": Provide(provide_session),
    "actor": Provide(provide_actor, sync_to_thread=False),
    "asker": Provide(provide_asker, sync_to_thread=False),
    "now": Provide(provide_now, sync_to_thread=False),
    "shop": Provide(provide_shop, sync_to_thread=False),
    "database": Provide(provide_database, sync_to_thread=False),
    "public_url": Provide(provide_public_url, sync_to_thread=False),
    "storage": Provide(provide_storage, sync_to_thread=False),
    "figures": Provide(provide_figures, sync_to_thread=False),
    "boards": Provide(provide_boards, sync_to_thread=False),
    "scans": Provide(provide_scans, sync_to_thread=False),
}


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    """What runs beside the requests, as long as there may be any."""
    state = app.state
    async with AsyncExitStack() as stack:
        stack.push_async_callback(state.shop.close)
        stack.push_async_callback(state.scans.flush)
        if state.rehearsal is not None:
            await stack.enter_async_context(state.rehearsal.lifespan())
        stack.push_async_callback(state.nudges.close)
        pages = PageCounter(state.shop.database, state.boards.pages)
        for work in (state.scans.run(), state.nudges.run(), pages.run()):
            await stack.enter_async_context(_running(work))
        yield


@asgi(REHEARSAL_PATH, is_mount=True, copy_scope=True, opt=allow(EVERYONE))
async def rehearsal_service(scope: Scope, receive: Receive, send: Send) -> None:
    """The rehearsal service; where real money is taken there is none."""
    service: RehearsalApp | None = Litestar.from_scope(scope).state.rehearsal
    if service is None:
        raise NotFoundException
    await service(scope, receive, send)


def assemble() -> Litestar:
    """The routes with the frame around every request, and nothing behind them: see `furnish`.

    This is what takes long, half a second: every handler is looked through.
    """
    app = Litestar(
        route_handlers=[*ROUTES, rehearsal_service],
        dependencies=DEPENDENCIES,
        guards=[guard],
        before_request=check_form,
        before_send=[add_headers],
        exception_handlers={
            Refusal: answer_refusal,
            HTTPException: answer_http,
            RecursionError: answer_too_deep,
            Exception: answer_fault,
        },
        template_config=template_config(),
        openapi_config=OPENAPI,
        logging_config=None,
        lifespan=[lifespan],
        request_max_body_size=MOST_BODY,
    )
    resolve_in_turn(app)
    return app


def furnish(app: Litestar, settings: Settings) -> None:
    """Give an application all that it works with, in its state.

    Nothing is contacted before the first request but the rehearsal service's own file.
    """
    shop = open_shop(settings)
    nudges = Nudges(shop.database, settings.redis_url)
    boards = Boards(shop.database)
    nudges.listen(boards.look_again)
    app.state = State(
        {
            "shop": shop,
            "storage": Storage.open(settings.storage_url),
            "boards": boards,
            "nudges": nudges,
            "scans": ScanCounter(shop.database),
            "window": _window(shop),
            "shown": _shown(shop),
            "rehearsal": open_rehearsal(settings),
            "secret_key": settings.secret_key,
        }
    )


def _window(shop: Shop) -> Together[str, Opened]:
    """What codes open at this moment, asked together by all who scan."""

    async def ask(codes: Sequence[str]) -> dict[str, Opened]:
        async with shop.database.reading() as session:
            return await open_links(session, codes, provide_now())

    return Together(ask)


def _shown(shop: Shop) -> Together[int, tuple[Shown, ...]]:
    """What shows have shown so far, asked together by all who scan."""

    async def ask(shows: Sequence[int]) -> dict[int, tuple[Shown, ...]]:
        async with shop.database.reading() as session:
            return await shown_on(session, shows)

    return Together(ask)


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let work run beside the block, and end with it."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _end_streams_when_told(app: Litestar) -> None:
    """Let live pages go when the process is told to stop; the server would wait for them.

    Its own handler is the loop's, which hears of the signal all the same.
    """
    boards: Boards = app.state.boards
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(boards.close))


def server_app(app: Litestar) -> Litestar:
    """The assembled application, furnished for a server process by the environment's settings.

    The process ends with the server's main one, or one that was killed would leave it on the
    port, beside those that take its place. What stands now stays for good: the garbage collector
    need not look through it again with every few hundred requests.
    """
    server = parent_process()
    if server is not None and server.pid is not None:
        # Until the server has set itself up, a gentler signal is taken note of and forgotten.
        end_with_parent(server.pid, signal.SIGKILL)
    configure_logs()
    furnish(app, read_settings())
    app.on_startup.append(_end_streams_when_told)
    gc.freeze()
    return app
