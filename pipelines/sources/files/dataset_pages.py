"""``docs/datasets.md``, written from the contracts."""

from models.contracts import LANDED, Column, Contract

_DOORS = {
    "file": ("Files", "imported with `scrm import FILE --as DATASET`"),
    "wecom": ("WeCom", "pulled with `scrm sync` ([wecom.md](sources/wecom.md))"),
    "chat": (
        "The WeCom chat archive",
        "imported with `scrm import-chat FILE`, or dropped into the inbox ([wecom.md](sources/wecom.md))",
    ),
    "bill": (
        "Bills of payment channels",
        "imported with `scrm import-bill FILE`, or fetched by `scrm sync` ([bills.md](bills.md))",
    ),
    "log": ("The apps' own event log", "written by the company's mini-programs and pages"),
    "taobao": ("Taobao and Tmall", "pulled with `scrm sync`"),
    "youzan": ("Youzan", "pulled with `scrm sync` ([youzan.md](sources/youzan.md))"),
    "store": ("The store", "written by people through the product"),
}
_KINDS = (
    ("id", "text, byte for byte; invisible characters removed; numbers in scientific notation refused"),
    ("text", "text, Unicode NFKC, trimmed"),
    ("phone", "any spelling; stored as E.164, e.g. `+8613800001111`"),
    ("integer", "a whole number"),
    ("quantity", "DECIMAL(18,3)"),
    ("price", "DECIMAL(18,6), major units"),
    ("rate", "DECIMAL(20,10); `13%` is 0.13"),
    ("amount", "stored as integer minor units of the row's currency; read as major units unless the map says `minor`"),
    ("timestamp", "stored as naive UTC, microseconds; read in the map's time zone"),
    ("date", "a civil date"),
    ("currency", "three letters, ISO 4217"),
    ("boolean", "yes/no, true/false, 1/0, 是/否"),
)


def render() -> str:
    """The page: kinds first, then every landed dataset, those of the file door before the others."""
    lines = [
        "# Datasets",
        "",
        "Generated from `models/contracts` by `make docs`; do not edit. See also [importing.md](importing.md).",
        "",
        "## Kinds of columns",
        "",
        "| kind | meaning |",
        "|---|---|",
        *(f"| {kind} | {meaning} |" for kind, meaning in _KINDS),
    ]
    for door, (title, how) in _DOORS.items():
        contracts = [of for of in LANDED.values() if of.door == door]
        if contracts:
            lines += ["", f"## {title}", "", f"Rows are {how}."]
        for of in contracts:
            lines += _dataset(of)
    return "\n".join(lines) + "\n"


def _dataset(of: Contract) -> list[str]:
    lines = ["", f"### {of.dataset}", "", f"{of.en} · {of.zh}", "", f"- Grain: {of.grain}"]
    lines.append(f"- Key: {', '.join(f'`{name}`' for name in of.key)}")
    if of.replaced_by:
        unit = ", ".join(f"`{name}`" for name in of.replaced_by)
        lines.append(f"- Replacement: the newest batch that holds the same {unit} replaces all its rows")
    if of.blank_in_key:
        empty = ", ".join(f"`{name}`" for name in of.blank_in_key)
        lines.append(f"- An empty {empty} is a part of the key like any other value")
    if of.event_time:
        lines.append(f"- Dated by: `{of.event_time}`")
    lines += ["", "| column | kind | required | English | 中文 | also recognised as |", "|---|---|---|---|---|---|"]
    return lines + [_row(column) for column in of.columns]


def _row(column: Column) -> str:
    english = column.en.strip() + (f" (usual: {', '.join(column.known)})" if column.known else "")
    cells = (
        f"`{column.name}`",
        column.kind,
        "yes" if column.required else "",
        english + (" · personal" if column.personal else ""),
        column.zh,
        ", ".join(column.synonyms),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
