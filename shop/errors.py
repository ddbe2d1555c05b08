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


class OpenWork(Refusal):
    """A family can not stop while something of it is open; `text` says what."""

    code = "open_work"

    def __init__(self, left: str) -> None:
        super().__init__(left)
        self.text = f"现在还不能停：{left}。"


class RehearsalShow(Refusal):
    """What was bought at a rehearsal is not paid for with real money, and not sent."""

    code = "rehearsal_show"
    text = "这是彩排，不收钱，也不发货。"


class TooManyRows(Refusal):
    """More rows were asked for than a file is made of; nothing was made."""

    code = "too_many_rows"

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most} rows")
        self.text = f"超过 {most} 行了，文件做不下。先缩小范围（日子、状态、作坊），再存。"


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


class WrongNoticeState(Refusal):
    """A notice that is not to be sent again: it was, or somebody has telephoned."""

    code = "wrong_notice_state"
    text = "这一条不用再发了：已经发到，或者有人打过电话了。"


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


class DateAnswered(Refusal):
    """The buyer has answered about this date already, or it is no longer the date; `text` says which."""

    code = "date_answered"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class WorkshopFull(Refusal):
    """A family has as much work in hand as it takes on; `text` says from when it takes more."""

    code = "workshop_full"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class WorkshopAway(Refusal):
    """The family does not work today, and would have to carve or send what is wanted."""

    code = "workshop_away"
    text = "这家这几天歇工，现在做不了也寄不出。作品页上写着他们哪天回来。"


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


class CardUnknown(Refusal):
    """No card has this token."""

    code = "card_unknown"
    text = "这张卡认不出来。请照着卡上的方块再扫一次。"


class CardRefused(Refusal):
    """A card that lets nobody in. Carries the number of the station that issued it."""

    def __init__(self, station_phone: str) -> None:
        super().__init__(type(self).__name__)
        self.station_phone = station_phone


class CardRevoked(CardRefused):
    """The card is not in use any more: it was lost, or there is a newer one."""

    code = "card_revoked"
    text = "这张卡已经不用了。请用新的那张；没有新的，打电话给社工站。"


class CardStopped(CardRefused):
    """The card's artisan may not sign in, or the workshop is closed."""

    code = "card_stopped"
    text = "这张卡现在不能用。请打电话问社工站。"


class CardOfAnotherPhone(CardRefused):
    """The card is bound to another phone, and stays so."""

    code = "card_of_another_phone"
    text = "这张卡认的是另一部手机，这一部进不去。换了手机，就打电话给社工站，重新发一张卡。"


class TooManyTries(Refusal):
    """The sign-in limit of this login or this address is reached for now."""

    code = "too_many_tries"
    text = "试的次数太多了，请过 15 分钟再试。"


class StartupError(Exception):
    """The program cannot start; the message is one line that says what to do about it."""


class NotSignedIn(Refusal):
    """Only members may go here, and nobody is signed in. Carries the path that was asked for."""

    code = "not_signed_in"
    text = "请先登录。"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class PinNeeded(Refusal):
    """Money is shown for a PIN only in a session that a card began. Carries what was asked for."""

    code = "pin_needed"
    text = "看钱以前，请先输密码。"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class PinLocked(Refusal):
    """The PIN was wrong too often; for a while none is looked at, not even the right one."""

    code = "too_many_tries"
    text = "输错 5 次了。过 15 分钟再试，或者打电话给社工站，换一个密码。"


class BadForm(Refusal):
    """A form came without the token of this browser: another site's, or a very old page."""

    code = "bad_form"
    text = "这个页面放得太久了，请刷新以后再点一次。"
