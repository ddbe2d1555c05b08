"""What the live side refuses, as facts."""

from catalog.errors import Refusal


class OverlappingShow(Refusal):
    """The host or the place is taken by another show at that time."""

    code = "overlapping_show"

    def __init__(self, title: str, times: str, what: str) -> None:
        super().__init__(f"overlaps {title!r} ({what})")
        self.text = f"{what}已经排了“{title}”（{times}）。两场之间至少留 15 分钟，请换个时间。"


class WrongShowState(Refusal):
    """The show is not in a state that allows this."""

    code = "wrong_show_state"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class LinkRetired(Refusal):
    """The code was taken out of use; codes are never used again."""

    code = "link_retired"
    text = "这个商品码已经停用。"
