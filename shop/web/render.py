"""Templates: where they stand, and what the frame adds to each page."""

import hashlib
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jinja2
from litestar import Request
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig

import catalog
import live
from catalog.access import Actor
from catalog.answers import FLASH_COOKIE
from catalog.checks import BEIJING
from catalog.people import ROLE_NAMES
from catalog.words import covered_phone, spoken_count, spoken_date, spoken_yuan, yuan
from shop.carriers import track_url
from shop.refund_window import outlook
from shop.web.places import places_for
from shop.web.visit import actor_of, csrf_token, troubles_of

WEB = Path(__file__).parent
STATIC = WEB / "static"
FLASH_SEEN = "xb_flash_seen"


class FramePage(jinja2.Template):
    """A template that gets the frame's values beside its own; a page's own value wins."""

    def render(self, *args: Any, **context: Any) -> str:
        request: Request[Any, Any, Any] = context["request"]
        return super().render({**_frame(request), **context})

    def render_for_all(self, **context: Any) -> str:
        """A part that all who watch share: without the frame, so nothing of one visitor gets in."""
        return super().render(context)


def _frame(request: Request[Any, Any, Any]) -> dict[str, Any]:
    actor = actor_of(request)
    return {
        "assets_version": assets_version(),
        "csrf": csrf_token(request, request.app.state.secret_key),
        "member": _member(actor) if actor else None,
        "station": {
            "name": actor.station_name,
            "slug": "",
            "phone": actor.station_phone,
            "place": "",
        }
        if actor
        else None,
        "path": request.url.path,
        "places": places_for(request.app, actor),
        "troubles": troubles_of(request),
        "flash": _flash(request),
        "now": datetime.now(UTC),
    }


def _member(actor: Actor) -> dict[str, Any]:
    return {
        "name": actor.name,
        "role": actor.role,
        "role_name": ROLE_NAMES[actor.role],
        "workshop_name": actor.workshop_name,
        "sees_phones": actor.sees_phones,
    }


def _flash(request: Request[Any, Any, Any]) -> dict[str, str] | None:
    kind, _, text = unquote(request.cookies.get(FLASH_COOKIE, "")).partition(":")
    if kind not in ("ok", "warn", "error") or not text or "X-Upload" in request.headers:
        return None
    request.scope["state"][FLASH_SEEN] = True
    return {"kind": kind, "text": text[:300]}


@cache
def assets_version() -> str:
    """Changes with any style or script, so that browsers may keep them for a year."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def beijing(at: datetime) -> str:
    """The time of day in Beijing, "19:42"."""
    return f"{at.astimezone(BEIJING):%H:%M}"


def beijing_day(at: datetime | date) -> str:
    """The day, and for a time the time, in Beijing: "11月22日 19:42"."""
    if isinstance(at, datetime):
        at = at.astimezone(BEIJING)
        return f"{at.month}月{at.day}日 {at:%H:%M}"
    return f"{at.month}月{at.day}日"


def beijing_input(at: datetime | None) -> str:
    """A time as a `datetime-local` field holds it."""
    return f"{at.astimezone(BEIJING):%Y-%m-%dT%H:%M}" if at else ""


@cache
def environment() -> jinja2.Environment:
    """All packages' templates, escaped by default; a name that is not there is an error."""
    folders = [Path(str(p.__file__)).parent / "templates" for p in (catalog, live)]
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader([WEB / "templates", WEB.parent / "templates", *folders]),
        autoescape=True,
        # Templates change with the program; looking at files costs five calls a page.
        auto_reload=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.template_class = FramePage
    env.filters.update(
        yuan=yuan,
        covered=covered_phone,
        beijing=beijing,
        beijing_day=beijing_day,
        beijing_input=beijing_input,
        refund_outlook=outlook,
        spoken_count=spoken_count,
        spoken_date=spoken_date,
        spoken_yuan=spoken_yuan,
        track_url=track_url,
    )
    return env


def fragment(name: str, **context: Any) -> str:
    """A part of a page as all who watch get it; `FramePage.render_for_all`."""
    template = environment().get_template(name)
    assert isinstance(template, FramePage)
    return template.render_for_all(**context)


def template_config() -> TemplateConfig[JinjaTemplateEngine]:
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment()))
