"""What the catalog refuses, as facts; `shop/web/problems.py` gives each its HTTP status."""

from collections.abc import Mapping


class Refusal(Exception):
    """Something asked for cannot be done; nothing was changed.

    `code` names the fact for programs, in snake_case; `text` says it to a person, in Chinese.
    """

    code = "refused"
    text = "现在做不了这一步。"


class NotFound(Refusal):
    """No such thing, or none that the asker may know of."""

    code = "not_found"
    text = "没有找到。"


class NotAllowed(Refusal):
    """The asker may see this, but may not do that."""

    code = "not_allowed"
    text = "您没有权限做这一步。"


class Invalid(Refusal):
    """What was typed cannot be used. `errors` gives a sentence in Chinese for each field."""

    code = "invalid"
    text = "有些地方需要改一改。"

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{field}: {text}" for field, text in errors.items()))
        self.errors = dict(errors)


class OutOfStock(Refusal):
    """Fewer pieces are free than were wanted."""

    code = "out_of_stock"
    text = "这件作品刚刚没有了。"

    def __init__(self, product_id: int, *, wanted: int) -> None:
        super().__init__(f"product {product_id}: {wanted} wanted, fewer free")
        self.product_id = product_id
        self.wanted = wanted


class StockPromised(Refusal):
    """A count would leave fewer pieces than buyers were promised."""

    code = "stock_promised"
    text = "有些件已经答应了买家，库存不能比这更少。"
