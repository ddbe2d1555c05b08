"""What the shop refuses, as facts."""

from datetime import datetime

from catalog.checks import BEIJING
from catalog.errors import Refusal


class PieceHeld(Refusal):
    """No piece is free, but one may become free: other buyers hold it without having paid."""

    code = "out_of_stock"

    def __init__(self, product_id: int, until: datetime) -> None:
        super().__init__(f"product {product_id}: all free pieces are on hold")
        self.product_id = product_id
        self.until = until
        self.text = f"别人正在付款，这件给他留到 {until.astimezone(BEIJING):%H:%M}。他不要了，就轮到下一位。"


class NoLine(Refusal):
    """There is nothing to stand in line for, or no room in the line; `text` says which."""

    code = "no_line"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class HoldExpired(Refusal):
    """The hold has lapsed or was given back; its pieces may be somebody else's by now."""

    code = "hold_expired"
    text = "给您留的时间过了，请回到作品页再点一次“要这件”。"


class PriceChanged(Refusal):
    """The price that the buyer saw is no longer the price; nothing was taken."""

    code = "price_changed"
    text = "价格刚刚变了，请看过新的价格再决定。"


class NotOnSale(Refusal):
    """The product is not for sale at this moment."""

    code = "not_on_sale"
    text = "这件作品现在不卖。"


class RehearsalShow(Refusal):
    """What was bought at a rehearsal is not paid for with real money, and not sent."""

    code = "rehearsal_show"
    text = "这是彩排，不收钱，也不发货。"


class KeyReused(Refusal):
    """The same Idempotency-Key came with another body."""

    code = "idempotency_key_reused"
    text = "同一个 Idempotency-Key 不能用于另一笔订单。"


class WrongWorkOrderState(Refusal):
    """The work order is not at the step that this would follow."""

    code = "wrong_work_order_state"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class WrongOrderState(Refusal):
    """The order can no longer be paid, or not changed in this way."""

    code = "wrong_order_state"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class WrongPayoutState(Refusal):
    """A payout or a run of payouts is not at the step that this would follow, or not by this person."""

    code = "wrong_payout_state"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class PaymentUnavailable(Refusal):
    """The gateway did not answer. The order and its hold stand; asking again is safe."""

    code = "payment_unavailable"
    text = "付款服务暂时没有应答。您的订单还在，过一会儿再点“去付款”。"


class PaymentNotClosed(Refusal):
    """The gateway did not say that no money can arrive any more, so the order can not be given up."""

    code = "payment_not_closed"
    text = "付款平台暂时没有应答，还不知道钱会不会到，所以先不取消。请过几分钟再点一次；不付款的话，到时间也会自己取消。"


class WrongRequestState(Refusal):
    """The buyer's request was answered, withdrawn or finished already, or not answered yet."""

    code = "wrong_request_state"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class AddressLocked(Refusal):
    """The end of the buyer's phone number was guessed wrong too often; the address stays covered."""

    code = "too_many_tries"
    text = "已经错了 5 次。为了您的地址安全，请过一小时再试，或者打电话给社工站。"


class UnsignedEvent(Refusal):
    """A webhook call that the gateway did not sign, or signed too long ago."""

    code = "bad_signature"
    text = "这条通知没有付款服务的签名。"


class SignInRefused(Refusal):
    """Login or password is wrong, or the member is not active; which of them is not told."""

    code = "sign_in_refused"
    text = "登录名或密码不对。"


class TooManyTries(Refusal):
    """The sign-in limit of this login or this address is reached for now."""

    code = "too_many_tries"
    text = "试的次数太多了，请过 15 分钟再试。"


class SecondPersonNeeded(Refusal):
    """Who wrote money down does not confirm it too."""

    code = "second_person_needed"
    text = "登记的人不能自己确认，请另一个人来看。"


class StartupError(Exception):
    """The program cannot start; the message is one line that says what to do about it."""


class NotSignedIn(Refusal):
    """Only members may go here, and nobody is signed in. Carries the path that was asked for."""

    code = "not_signed_in"
    text = "请先登录。"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class BadForm(Refusal):
    """A form came without the token of this browser: another site's, or a very old page."""

    code = "bad_form"
    text = "这个页面放得太久了，请刷新以后再点一次。"
