"""Somebody at a browser without scripts: opens pages, fills forms in, presses buttons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx


@dataclass
class Form:
    """A form as the page has it: where it goes, and what its fields hold."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select = ""
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get")))
        elif not self.forms:
            return
        elif tag == "input" and name and given.get("type") != "submit":
            ticked = given.get("type") not in ("radio", "checkbox") or "checked" in given
            if ticked:
                self.forms[-1].values[name] = value
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.forms[-1].values[self._select] = value
        elif tag == "textarea":
            self._area = name
            self.forms[-1].values[name] = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1].values[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""


class Visitor:
    """One browser at `base`; `page` is the page it is on."""

    def __init__(self, base: str) -> None:
        self.client = httpx.Client(base_url=base, timeout=30, follow_redirects=True)
        self.answer: httpx.Response = self.client.get("/healthz")

    @property
    def page(self) -> str:
        return self.answer.text

    @property
    def path(self) -> str:
        return urlsplit(str(self.answer.url)).path

    def open(self, address: str) -> "Visitor":
        self.answer = self.client.get(address)
        assert self.answer.status_code == 200, f"{address}: {self.answer.status_code}"
        return self

    def only_form(self) -> Form:
        """The one form of the page."""
        parser = _Forms()
        parser.feed(self.page)
        (form,) = parser.forms
        return form

    def form(self, action: str) -> Form:
        """The page's form that goes to `action`."""
        parser = _Forms()
        parser.feed(self.page)
        actions = [form.action for form in parser.forms]
        assert action in actions, f"no form to {action} on {self.path}, only {actions}"
        return parser.forms[actions.index(action)]

    def press(self, action: str, values: Mapping[str, Any] | None = None) -> "Visitor":
        """Fill in the form that goes to `action`, and send it."""
        return self.submit(self.form(action), values)

    def submit(self, form: Form, values: Mapping[str, Any] | None = None) -> "Visitor":
        address = urljoin(str(self.answer.url), form.action)
        self.answer = self.client.post(address, data={**form.values, **(values or {})})
        assert self.answer.status_code == 200, f"{address}: {self.answer.status_code} {self.page}"
        return self

    def sign_in(self, member: Mapping[str, str]) -> "Visitor":
        self.open("/sign-in")
        return self.press("/sign-in", {"login": member["login"], "password": member["password"]})
