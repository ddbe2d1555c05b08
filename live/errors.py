"""What the live side refuses, as facts."""

from collections.abc import Mapping

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


class LineUpChanged(Refusal):
    """Somebody else saved the line-up since the editor's page was made."""

    code = "line_up_changed"
    text = "讲解单刚刚被别人改过，您的这一份还没有保存。"


class NotReady(Refusal):
    """Points of the checklist are open. `reasons` says what is missing, by the key of its point."""

    code = "not_ready"

    def __init__(self, reasons: Mapping[str, str], what: str) -> None:
        super().__init__(f"open: {', '.join(reasons)}")
        self.reasons = dict(reasons)
        self.text = f"{what}还差 {len(reasons)} 处：{'；'.join(reasons.values())}。"


class NoPlaceLeft(Refusal):
    """As many have signed up for a role as were wanted."""

    code = "no_place_left"

    def __init__(self, role: str) -> None:
        super().__init__(f"role {role!r} is full")
        self.text = f"{role}的人刚刚满了。看看别的活，或者别的场次。"


class LinkRetired(Refusal):
    """The code was taken out of use; codes are never used again."""

    code = "link_retired"
    text = "这个商品码已经停用。"


class NotController(Refusal):
    """Another screen controls the show; `who` says whose. Nothing was changed."""

    code = "not_controller"

    def __init__(self, who: str) -> None:
        super().__init__(f"controlled by {who!r}")
        self.who = who
        self.text = f"现在是{who}在控制，刚才那一下没有算。要自己来，先点“接过来”。"


class TooManyWatchers(Refusal):
    """This process feeds as many live pages as it can."""

    code = "too_many_watchers"
    text = "现在看的人太多，这一页不能自动更新。刷新一下就能看到最新的。"
