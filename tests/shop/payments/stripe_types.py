"""Values laid beside the `stripe` package's own annotations, at run time.

`problems` says in words what does not fit. A list of names that Stripe may lengthen (`Literal` or
any `str`) is taken as closed: what we send and answer is among the names it has today.
"""

import sys
import types
from collections.abc import Callable
from typing import Any, Literal, NotRequired, Required, TypeVar, Union, get_args, get_origin
from typing import get_type_hints as resolve

import stripe
from stripe import ListObject, StripeObject
from typing_extensions import is_typeddict

Leaf = Callable[[Any, Any], bool]


def json_leaf(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of a plain type; true and false are no numbers."""
    return type(value) is kind


def form_leaf(value: Any, kind: Any) -> bool:
    """Whether a form's text reads as a plain type."""
    if not isinstance(value, str):
        return False
    if kind is int:
        return value.removeprefix("-").isdecimal()
    return value in ("true", "false") if kind is bool else kind is str


def problems(value: Any, hint: Any, leaf: Leaf = json_leaf, where: str = "") -> list[str]:
    """What of `value` the annotation `hint` does not allow."""
    if hint is Any or isinstance(hint, TypeVar):
        return []
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (NotRequired, Required):
        return problems(value, inside[0], leaf, where)
    if origin in (Union, types.UnionType):
        return _of_union(value, inside, leaf, where)
    if origin is Literal:
        return [] if value in inside else [f"{where}: {value!r} is none of the names"]
    if origin is list:
        return _of_list(value, inside[0], leaf, where)
    if origin is not None and origin is not ListObject:  # Dict[str, X], UntypedStripeObject[X]
        return _of_map(value, inside[-1], leaf, where)
    kind = origin or hint
    if is_typeddict(kind) or (isinstance(kind, type) and issubclass(kind, StripeObject)):
        return _of_fields(value, kind, leaf, where)
    fits = value is None if kind in (None, type(None)) else leaf(value, kind)
    return [] if fits else [f"{where}: {type(value).__name__} instead of {kind.__name__}"]


def fields(kind: Any) -> dict[str, Any]:
    """The fields that an object of the package declares, unresolved."""
    declared = dict(kind.__annotations__)
    declared.pop("OBJECT_NAME", None)
    if hasattr(kind, "OBJECT_NAME"):
        declared.setdefault("object", str)
    return declared


def hint_of(kind: Any, name: str) -> Any:
    """One field's annotation, with the names in it looked up where the package keeps them."""
    bearer = types.SimpleNamespace(__annotations__={name: fields(kind)[name]})
    names = dict(vars(sys.modules[kind.__module__]))
    while True:
        try:
            return resolve(bearer, names, names, include_extras=True)[name]
        except NameError as unknown:
            # A whole object in place of an id, imported for type checkers only. We have only ids.
            names[unknown.name] = getattr(stripe, unknown.name, StripeObject)


def _of_union(value: Any, options: tuple[Any, ...], leaf: Leaf, where: str) -> list[str]:
    if any(get_origin(option) is Literal for option in options):
        options = tuple(option for option in options if option is not str)
    return min((problems(value, option, leaf, where) for option in options), key=len)


def _of_list(value: Any, inside: Any, leaf: Leaf, where: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{where}: {type(value).__name__} instead of list"]
    return [
        problem
        for number, item in enumerate(value)
        for problem in problems(item, inside, leaf, f"{where}[{number}]")
    ]


def _of_map(value: Any, inside: Any, leaf: Leaf, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: {type(value).__name__} instead of a map"]
    return [
        problem
        for name, item in value.items()
        for problem in problems(item, inside, leaf, f"{where}[{name}]")
    ]


def _of_fields(value: Any, kind: Any, leaf: Leaf, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: {type(value).__name__} instead of {kind.__name__}"]
    declared = fields(kind)
    found = [f"{where}.{name}: unknown" for name in value if name not in declared]
    found += [f"{where}.{name}: missing" for name in _required(kind) if name not in value]
    for name in value.keys() & declared.keys():
        found += problems(value[name], hint_of(kind, name), leaf, f"{where}.{name}")
    return found


def _required(kind: Any) -> list[str]:
    """Fields that must be there: those that may not be null, or those a request must have."""
    return [name for name in fields(kind) if not _optional(kind, name)]


def _optional(kind: Any, name: str) -> bool:
    hint = fields(kind)[name]
    if is_typeddict(kind):
        return get_origin(hint) is NotRequired
    return type(None) in get_args(hint)
