"""Names of people: titles, remarks and emoji off, surname and given name apart, masks by place, and how they sound.

A name is written by its owner, by a platform that masks it, or by staff who add what they want to remember. Only what
reads as a name is evidence about a person; a nickname is kept and proves nothing.
"""

import polars as pl

from models.identifiers.latin_names import latin_names
from models.identifiers.sounds import pinyin, sound
from models.identifiers.surnames import COMPOUND, COMPOUND_READINGS, EITHER, NO_NAMES, SINGLE, SINGLE_READINGS
from models.identifiers.text import clean, distinct, simplified, spread

#: The columns of :func:`person_names`, all text.
NAME_COLUMNS = ("name", "surname", "given_name", "name_kind", "name_pinyin", "name_sound", "name_mask")

_HAN = r"[\p{Han}々]"
_PICTURES = (
    r"[\p{Extended_Pictographic}\p{So}\p{Sk}\p{Co}\x{FE0E}\x{FE0F}\x{20E3}\x{1F3FB}-\x{1F3FF}\x{1F1E6}-\x{1F1FF}]"
)
_TITLES = (
    "先生|女士|女仕|小姐姐|小姐|老师|太太|夫人|阿姨|叔叔|伯伯|大姐|大哥|大妈|大爷|大叔|大嫂|医生|护士|总经理|经理|"
    "老板娘|老板|主任|律师|教授|同学|师傅|总监|店长|团长|主管|会长|校长|院长|处长|局长|科长|队长|美女|帅哥"
)
# One character is a title only behind a bare surname (王总), for it may end a name (王思哥).
_SHORT_TITLES = "总|姐|哥|姨|叔|嫂|婶|妹|弟|工|董|生|太"
_RELATION = (
    r"(?:妈妈|爸爸|妈咪|爸比|麻麻|粑粑|妈|爸|奶奶|爷爷|姥姥|姥爷|外婆|外公|老婆|老公|媳妇|女儿|儿子|"
    r"家属|朋友|同事|的.+)$"
)
_REMARK_BEHIND = (
    r"(?:已付款|未付款|已付|未付|已加|未加|已下单|未下单|已成交|未成交|已签收|已发货|待发货|已退款|已退|代收|代领|亲启|亲收|收|"
    r"老客户|新客户|大客户|意向客户|老顾客|新顾客|老客|新客|客户|顾客|会员|回头客|微信|手机|电话|本人)+$"
)
_REMARK_BEFORE = (
    r"^(?:老客户|新客户|大客户|意向客户|老顾客|新顾客|老客|新客|客户|顾客|会员|团长|店长|微信|代购|宝妈|宝爸|"
    r"收货人|收件人|姓名|联系人)+"
)
_PLACE_OF_REMARK = r"[0-9]+\s*(?:号店|店|群|号|组|楼|期|单|件|月|日|天|区|次)"


def person_names(values: pl.Series) -> pl.DataFrame:
    """One row per value, in their order, all text:

    - ``name``: what the value says without title, remark and emoji; simplified characters, latin letters small;
    - ``surname``, ``given_name``: of a full name; of a mask the surname when its first character tells, else null;
    - ``name_kind``: ``full`` (王小明, 欧阳娜, 买买提·艾力), ``surname_title`` (王先生, 老王), ``masked`` (王**, *芳),
      ``latin`` (Wang Fang, Smith, John), ``nickname`` (小可爱, 朵朵妈妈, Amy), ``other`` (another script); null: no
      name;
    - ``name_pinyin``: ``wang xiaoming`` of a full name and of a latin one, ``wang`` of a surname;
    - ``name_sound``: the same coarser, under which 王芳 and 王方, Catherine and Cathrine meet; full and latin only;
    - ``name_mask``: first character and one star (王*), under which full names, masks and titles meet by equality;
      ``*芳`` where a mask hides the first character.
    """
    known = distinct(values).alias("text").to_frame()
    known = known.with_columns(simplified(known.select(clean(pl.col("text")))["text"]).alias("clean"))
    known = known.with_columns(_without_pictures(pl.col("clean")).alias("clean"))
    has_han = pl.col("clean").str.contains(_HAN)
    chinese = _chinese_names(known.filter(has_han))
    latin = latin_names(known.filter(~has_han & (pl.col("clean") != "")))
    return spread(values, pl.concat([chinese, latin])).select(NAME_COLUMNS)


def _without_pictures(text: pl.Expr) -> pl.Expr:
    """Signs that hide a character as stars, pictures and symbols gone; a lone x behind a surname hides one too."""
    starred = text.str.replace_all("[×✱∗⁎﹡※●○◯■□█]", "*")
    return (
        starred.str.replace_all(_PICTURES, "")
        .str.replace_all(r"\s*\*\s*", "*")
        .str.replace(rf"^({_HAN})(?:[xX]{{1,3}}|某{{1,2}})$", "${1}**")
        .str.strip_chars()
        .str.normalize("NFC")  # what stood apart may meet now: a second pass must change nothing
    )


def _chinese_names(known: pl.DataFrame) -> pl.DataFrame:
    """text and the name columns of values (text, clean) that hold Chinese characters."""
    # 王 小 明 is one name; 王芳 李强 are two
    spaced = pl.col("clean").str.replace(rf"^({_HAN})\s+({_HAN})\s*({_HAN}?)$", "${1}${2}${3}")
    runs = spaced.str.replace_all(_PLACE_OF_REMARK, " ").str.extract_all(rf"(?:{_HAN}|[*·•])+")
    parts = (
        known.select("text", runs.alias("part"))
        .with_columns(pl.int_ranges(pl.col("part").list.len()).alias("place"))
        .explode("part", "place", empty_as_null=False)
        .filter(pl.col("part").str.contains(_HAN))
    )
    read = _read_parts(parts)
    rank = pl.col("name_kind").replace_strict(
        {"full": 0, "masked": 1, "surname_title": 2}, default=9, return_dtype=pl.Int8
    )
    best = read.sort(rank, "place").unique("text", keep="first", maintain_order=True)
    # a nickname is kept whole: its parts are no names
    whole = best.join(known, on="text", how="left", maintain_order="left").with_columns(
        pl.when(pl.col("name_kind") == "nickname")
        .then(pl.col("clean").str.to_lowercase())
        .otherwise("name")
        .alias("name")
    )
    return _with_sound(whole).select("text", *NAME_COLUMNS)


def _read_parts(parts: pl.DataFrame) -> pl.DataFrame:
    """text, place, name, surname, given_name, name_kind, name_mask of runs of characters (text, part, place)."""
    plain = pl.col("part").str.replace_all("•", "·").str.replace(_REMARK_BEFORE, "").str.replace(_REMARK_BEHIND, "")
    parts = parts.with_columns(pl.when(plain == "").then("part").otherwise(plain).alias("plain"))
    compound = pl.Series(sorted(COMPOUND)).implode()
    single = pl.Series(sorted(SINGLE)).implode()
    parts = parts.with_columns(pl.col("plain").str.replace(rf"(?:{_TITLES})$", "").alias("bare"))
    short = pl.col("plain").str.replace(rf"(?:{_SHORT_TITLES})$", "")
    surname_alone = (short.is_in(single) | short.is_in(compound)) & (short != pl.col("plain"))
    elder = pl.col("plain").str.extract(rf"^老({_HAN})$", 1)
    parts = parts.with_columns(
        pl.when(surname_alone).then(short)
        .when(elder.is_in(single)).then(elder)
        .when((pl.col("bare") == pl.col("plain")) & (pl.col("plain").str.len_chars() == 4))
        .then(pl.col("plain").str.replace("总$", ""))
        .otherwise("bare")
        .alias("bare")
    ).with_columns(
        (pl.col("bare") != pl.col("plain")).alias("titled"),
        pl.col("bare").str.slice(0, 2).is_in(compound).alias("is_compound"),
        pl.col("bare").str.slice(0, 1).is_in(single).alias("is_single"),
        pl.col("bare").str.len_chars().alias("length"),
    )  # fmt: skip
    surname = (
        pl.when("is_compound").then(pl.col("bare").str.slice(0, 2))
        .when("is_single").then(pl.col("bare").str.slice(0, 1))
    )  # fmt: skip
    return (
        parts.with_columns(surname.alias("surname"))
        .with_columns(pl.col("bare").str.slice(pl.col("surname").str.len_chars().fill_null(0)).alias("rest"))
        .with_columns(_kind().alias("name_kind"))
        .select("text", "place", *_columns_by_kind())
    )


def _kind() -> pl.Expr:
    """What a run of characters is, of bare, plain, surname, rest, length and titled."""
    bare = pl.col("bare")
    given = pl.col("rest").str.len_chars()
    first = bare.str.slice(0, 1)
    doubled = (pl.col("length") > 1) & (bare.str.strip_chars_start(first) == "")
    is_word = pl.col("plain").is_in(pl.Series(sorted(NO_NAMES)).implode()) | bare.is_in(
        pl.Series(sorted(NO_NAMES)).implode()
    )
    return (
        pl.when(bare.str.contains(rf"^(?:{_HAN}{{1,2}}\*+{_HAN}{{0,2}}|\*+{_HAN}{{1,2}})$")).then(pl.lit("masked"))
        .when(bare.str.contains(r"^\p{Han}{2,}(?:·\p{Han}+)+$")).then(pl.lit("full"))
        .when(bare.str.contains(r"[*·]") | is_word | pl.col("part").str.contains(_RELATION)).then(pl.lit("nickname"))
        .when(pl.col("surname").is_not_null() & (given == 0)).then(pl.lit("surname_title"))
        .when(pl.col("surname").is_not_null() & given.is_between(1, 2) & ~doubled).then(pl.lit("full"))
        .otherwise(pl.lit("nickname"))
    )  # fmt: skip


def _columns_by_kind() -> list[pl.Expr]:
    kind, bare = pl.col("name_kind"), pl.col("bare")
    first = bare.str.slice(0, 1)
    foreign = bare.str.contains("·")
    # the first character under a mask says the surname, unless a compound one may begin with it
    either = first.is_in(pl.Series(sorted(EITHER)).implode()) & ~pl.col("is_compound")
    surname = pl.when(kind.is_in(["full", "surname_title"]) & ~foreign | (kind == "masked") & ~either).then("surname")
    hidden = pl.when(first == "*").then(bare.str.replace(r"^\*+", "*")).otherwise(first + "*")
    return [
        pl.when(kind != "nickname").then(bare).alias("name"),
        surname.alias("surname"),
        pl.when((kind == "full") & ~foreign).then("rest").alias("given_name"),
        kind.alias("name_kind"),
        pl.when(kind != "nickname").then(hidden).alias("name_mask"),
    ]


def _with_sound(names: pl.DataFrame) -> pl.DataFrame:
    """name_pinyin and name_sound beside the other columns of Chinese names."""
    read = names.with_columns(
        pinyin(names["given_name"]).alias("given_read"),
        pinyin(names["surname"]).alias("usual"),
        pinyin(names["name"]).alias("name_read"),
    )
    readings = SINGLE_READINGS | COMPOUND_READINGS
    surname_read = pl.col("surname").replace_strict(readings, default=pl.col("usual"), return_dtype=pl.String)
    foreign = (pl.col("name_kind") == "full") & pl.col("surname").is_null()
    spoken = (
        pl.when(foreign).then(pl.col("name_read").str.replace_all("·", " "))
        .when(pl.col("name_kind") == "full").then(surname_read + " " + pl.col("given_read"))
        .when(pl.col("name_kind") == "surname_title").then(surname_read)
    )  # fmt: skip
    return read.with_columns(spoken.alias("name_pinyin")).with_columns(
        pl.when(pl.col("name_kind") == "full").then(sound(pl.col("name_pinyin"))).alias("name_sound")
    )
