"""Rules, refusals and sides of a link in words."""

from dashboards.text import Words
from models.identity.explaining import LIKELY, PEOPLE, Evidence, Obstacle, Side


def rule(words: Words, name: str, types: tuple[str, ...]) -> str:
    """``same phone and name``; what no rule of the registry says has words of its own."""
    if name in (LIKELY, PEOPLE) or not types:
        return words.code("link_rule", name)
    return words("identity.same", types=words("identity.and").join(kind(words, one) for one in types))


def kind(words: Words, name: str | None) -> str:
    return words.code("identifier", name)


def value(words: Words, name: str | None, text: str | None) -> str:
    """``phone +8613…``; a gender in words."""
    if name is None or text is None:
        return ""
    shown = words.code("gender", text) if name == "gender" else text
    return f"{kind(words, name)} {shown}"


def side(words: Words, one: Side) -> str:
    """A persona in one line: where it comes from, its name, its strongest value."""
    parts = (words.code("dataset", one.source), one.name, value(words, one.identifier_type, one.identifier))
    return words("identity.dot").join(part for part in parts if part)


def refusal(words: Words, code: str) -> str:
    """Why a link was refused, without values: ``guard:birth_date`` → dates of birth contradict."""
    what, _, subject = code.partition(":")
    if code == "guard:apart":
        return words("identity.apart")
    known = words.known("refusal", what)
    return code if known is None else known.format(type=kind(words, subject))


def obstacle(words: Words, one: Obstacle) -> str:
    """The same with what both sides state."""
    both = [words("word.separator").join(values) for values in (one.here, one.there)]
    said = refusal(words, one.refusal)
    return said if not all(both) else words("identity.contradict", reason=said, here=both[0], there=both[1])


def value_refusal(words: Words, code: str | None) -> str:
    """Why a value links nobody: ``limit:member_no`` → seen with too many member numbers."""
    if code is None:
        return ""
    what, _, subject = code.partition(":")
    known = words.known("value_refusal", what)
    return code if known is None else known.format(type=kind(words, subject))


def evidence(words: Words, one: Evidence) -> str:
    """``name: equal``."""
    return words("identity.compared", attribute=kind(words, one.attribute), label=likeness(words, one.label))


def likeness(words: Words, label: str) -> str:
    """A level of a comparison (models/identity/comparing.py): ``equal``, or of two attributes together ``equal,
    district not stated``."""
    first, *others = label.split(", ")
    said = [words.known("likeness", first.replace(" ", "_")) or first]
    for other in others:
        attribute, _, level = other.partition(" ")
        known = words.known("likeness", level.replace(" ", "_")) or level
        said.append(words("identity.compared", attribute=kind(words, attribute), label=known))
    return words("word.separator").join(said)
