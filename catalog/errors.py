"""What the catalog refuses, as facts; `shop/web/problems.py` gives each its HTTP status."""

from collections.abc import Mapping, Sequence


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


class NotOpen(Refusal):
    """The station is still getting ready: strangers can not look or buy. Orders that are there go on."""

    code = "not_open"

    def __init__(self, station_name: str) -> None:
        super().__init__(f"{station_name} is not open")
        self.text = f"{station_name}还在准备，没有开张。已经下的单照常：用下单时的网址就能看。"


class StockPromised(Refusal):
    """A count would leave fewer pieces than buyers were promised."""

    code = "stock_promised"
    text = "有些件已经答应了买家，库存不能比这更少。"


class SecondPersonNeeded(Refusal):
    """Who wrote something down does not confirm it too."""

    code = "second_person_needed"
    text = "登记的人不能自己确认，请另一个人来看。"


class NotOnboarded(Refusal):
    """The family may not sell yet: `lacking` says in words which checks are missing or past."""

    code = "not_onboarded"

    def __init__(self, lacking: Sequence[str]) -> None:
        super().__init__(", ".join(lacking))
        self.lacking = tuple(lacking)
        self.text = f"这一家还不能卖，手续没有齐：{'、'.join(lacking)}。站里办好了就能卖。"


class OwnReview(Refusal):
    """Nobody decides on what they changed themselves."""

    code = "own_review"
    text = "这件最后是您改的，要请站里另一个人来看。"


class ReviewDecided(Refusal):
    """The look at a product is over, or it was of another version; `text` says which."""

    code = "review_decided"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class NotTakenBack(Refusal):
    """What was done stays done: something followed from it, or the day for taking back is over."""

    code = "not_taken_back"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
