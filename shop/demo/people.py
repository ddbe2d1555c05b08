"""Who is at the demo station. Nobody here exists."""

from dataclasses import dataclass

from shop.business import EXEMPT

STATION = "重兴镇社工站（演示）"
WITNESS = "村文书老魏"
INTRO = (
    "这是一个演示站：镇子、作坊和人都是虚构的，付款走彩排，不会真的扣钱。"
    "您可以随便逛、随便下单，也可以用各种身份登录看看后台。"
)
BUSINESS = {
    "business_name": "重兴镇社会工作服务站（虚构，只作演示）",
    "credit_code": EXEMPT,
    "icp": "陇ICP备00000000号",
    "complaints_phone": "0937-0000000",
}
"""What the footer says of who sells. Nothing of it is anybody's."""


@dataclass(frozen=True, slots=True)
class Family:
    """A workshop of the demo. `makers` is one maker a line, as the form takes them.

    Of `facts` the family agreed to have the `told` first ones told, on the page and on air; nobody
    asked about the others. All but the last maker agreed to be named where `shy`.
    """

    name: str
    login: str
    village: str
    craft: str
    facts: tuple[str, ...]
    makers: str
    told: int = 99
    shy: bool = False


FAMILIES = (
    Family(
        "王家木作",
        "wang",
        "红崖村",
        "榆木、核桃木浮雕",
        ("祖孙三代都在一间西房里干活。", "爷爷画样，父亲开料，孙女打磨上油。"),
        "王老爷子：画样五十年\n王师傅：开料、粗雕\n小王：打磨、上油",
    ),
    Family(
        "张家雕坊",
        "zhang",
        "泉山村",
        "八方牌、团花透雕",
        ("只做单件，每块板子长什么样就刻成什么样。", "做完一件歇两天，再动下一件。"),
        "张师傅：透雕\n张大娘：选料、配框",
    ),
    Family(
        "李家木雕",
        "li",
        "东坝村",
        "花瓣盘、鱼纹",
        ("夫妻俩农忙下地，农闲上案。", "盘子的瓣口是一刀一刀找出来的，没有模子。"),
        "李师傅：雕刻\n李嫂：打磨",
    ),
    Family(
        "赵家葫芦坊",
        "zhao",
        "西渠村",
        "葫芦牌、字牌",
        ("小件多，价钱亲民，县里的集上年年摆摊。",),
        "赵师傅：刻字\n小赵：上漆",
    ),
    Family(
        "陈家老木匠",
        "chen",
        "红崖村",
        "圆盘、竖匾",
        ("做了一辈子家具，退下来以后专心刻盘子。", "眼睛花了，手没有花。"),
        "陈老师傅：雕刻",
    ),
    Family(
        "刘家女红木坊",
        "liu",
        "大滩村",
        "方屏、喜庆木雕",
        ("四位姐妹合开的作坊，把剪纸和绣样搬到木头上。",),
        "刘大姐：画样\n刘二姐：雕刻\n刘三姐：雕刻\n刘小妹：包装",
        shy=True,
    ),
    Family(
        "马家驼铃木坊",
        "ma",
        "沙窝村",
        "驼铃、马、沙海题材",
        (
            "三代养骆驼，也三代做木匠。",
            "驼铃的样子，是看着自家骆驼刻的。",
            "家里老人常年有病，药钱靠刻木头。",
        ),
        "马师傅：雕刻\n小马：开料",
        told=2,
    ),
)

TALKING_POINTS = {
    "camel-square": (
        "驼铃是风沙里听得见的路。马家三代养骆驼，也三代做木匠。"
        "这一块是整板榆木，一刀一刀刻出来，没有拼缝。",
        "“老料”“非遗”（没有凭证）；不提家里的病人。",
    ),
    "fu-round": (
        "核桃木，迎门挂的福字。圆边是手工车出来的，背面有挂孔，拿来就能挂。",
        "“开过光”。",
    ),
    "lotus-plum": (
        "黄杨木细，刀口干净。莲花梅瓣盘可以装干果，也可以立着当摆件。",
        "“能治病”“养生”。",
    ),
    "harvest-tall": ("丰年竖匾，榆木。王家祖孙三代一起做：爷爷画样，父亲开料，孙女打磨。", ""),
    "tea-square": ("茶室里的一块字牌，核桃木，两天做得出来，要送人可以多订几块。", ""),
    "dragon-round": (
        "团龙，枣木，十五天做一件，只有这一件。龙鳞一片一片数得出来。",
        "“皇家”“御用”。",
    ),
}
