"""Which columns of a table are text, label, second text, group, time and part: as named, else guessed, and told."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.checks import nearest
from workbench.datasets.sheet import Sheet
from workbench.datasets.tables import LABELS, SPLITS
from workbench.errors import BadData

TEXTS = ("text", "sentence", "message", "content", "body", "review", "comment", "question", "utterance", "query",
         "tweet", "sms", "document", "post", "sentence1", "premise", "question1", "text1", "text_a", "headline",
         "title", "description")  # fmt: skip
MARKED = (*LABELS, "intent", "sentiment", "topic", "y", "stars", "rating", "tag")
SECONDS = {"sentence1": "sentence2", "premise": "hypothesis", "question1": "question2", "text1": "text2",
           "text_a": "text_b"}  # fmt: skip
GROUPS = ("group", "group_id", "author", "author_id", "user", "user_id", "customer", "customer_id", "speaker",
          "patient", "machine", "thread", "thread_id", "ticket", "conversation", "conversation_id",
          "session")  # fmt: skip
TIMES = ("time", "timestamp", "date", "datetime", "created", "created_at")
NONE = "-"  # said for a column that is not to be guessed
MANY = 200  # different labels among the first cells that still look like classes


@dataclass(frozen=True)
class Columns:
    """The name of each column that is taken, "" where there is none; `guessed`: which of them nobody named."""

    text: str
    label: str
    second: str = ""
    group: str = ""
    time: str = ""
    split: str = ""
    guessed: tuple[str, ...] = ()
    there: tuple[str, ...] = ()

    def taken(self) -> dict[str, str]:
        """What is taken by its role: `{"text": "message", "label": "kind"}`."""
        roles = ("text", "label", "second", "group", "time", "split")
        return {role: name for role in roles if (name := getattr(self, role))}

    def said(self) -> str:
        """`Columns: text 'message', label 'kind' (guessed).`"""
        shown = [f"{role} {name!r}{' (guessed)' * (role in self.guessed)}" for role, name in self.taken().items()]
        return f"Columns: {', '.join(shown)}."


def columns_of(sheet: Sheet, owner: str = "table", **named: str) -> Columns:
    """The columns of a table. `named`: text, label, second, group, time; "" to guess, "-" for none of the last three.

    Guessed by the usual names; else the text is the column of the longest cells, and the label one with few different
    ones. Groups, times and second texts are guessed by their names alone. Raises BadData where a name is not there.
    """
    for role, name in named.items():
        if name not in ("", NONE, *sheet.columns):
            listed = ", ".join(sheet.columns)
            raise BadData(
                f"{sheet.path.name} has no column {name!r} ({owner}.{role}).{nearest(name, sheet.columns)} There are: "
                f"{listed}."
            )
    given = {role: name for role, name in named.items() if name not in ("", NONE)}
    twice = next((name for name in given.values() if [*given.values()].count(name) > 1), "")
    if twice:
        roles = " and ".join(f"{owner}.{role}" for role, name in given.items() if name == twice)
        raise BadData(f"{roles} must be two columns, and both are {twice!r}.")
    free = [name for name in sheet.columns if name not in given.values()]
    found = _by_name(free, [role for role in ("split", "text", "label", "group", "time") if not named.get(role)])
    found |= given
    if "second" not in given and named.get("second") != NONE:
        found |= _second(found.get("text", ""), free)
    if "text" not in found or "label" not in found:
        found |= _by_content(sheet, found, owner)
    return Columns(**found, guessed=tuple(role for role in found if role not in given), there=sheet.columns)


def text_columns(sheet: Sheet, named: str = "", second: str = "") -> list[str]:
    """The columns of texts, and of second texts where there are some, of a table that needs no labels.

    `named` and `second` are those of the table that was learned from; guessed as there where they are empty. The only
    column of a table is that of texts.
    """
    if len(sheet.columns) == 1:
        return [*sheet.columns]
    for name in (named, second):
        if name not in ("", NONE, *sheet.columns):
            listed = ", ".join(sheet.columns)
            raise BadData(
                f"{sheet.path.name} has no column {name!r}, which the texts learned from were in. There are: {listed}."
            )
    cells = sheet.peeked()
    longest = max(cells, key=lambda name: sum(map(len, cells[name])))
    text = named or _by_name([*sheet.columns], ["text"]).get("text", longest)
    other = {"": _second(text, [*sheet.columns]).get("second", ""), NONE: ""}.get(second, second)
    return [text, other] if other else [text]


def _by_name(free: list[str], roles: list[str]) -> dict[str, str]:
    """Columns that are called as usual; of several, the first of the list."""
    usual = {"split": SPLITS, "text": TEXTS, "label": MARKED, "group": GROUPS, "time": TIMES}
    found: dict[str, str] = {}
    for role in roles:
        called = {name.lower().replace(" ", "_"): name for name in reversed(free) if name not in found.values()}
        if hit := next((called[each] for each in usual[role] if each in called), ""):
            found[role] = hit
    return found


def _second(text: str, free: list[str]) -> dict[str, str]:
    partner = next((name for name in free if name.lower() == SECONDS.get(text.lower())), "")
    return {"second": partner} if partner else {}


def _by_content(sheet: Sheet, found: dict[str, str], owner: str) -> dict[str, str]:
    """Text and label, as far as they are not known: the longest cells, and few different ones."""
    cells = {name: held for name, held in sheet.peeked().items() if name not in found.values()}
    if "text" not in found:
        longest = max(cells, key=lambda name: sum(map(len, cells[name])), default="")
        found = found | {"text": longest}
    kinds = {name: len({*held} - {""}) for name, held in cells.items() if name != found["text"]}
    few = {name: many for name, many in kinds.items() if 2 <= many <= min(MANY, max(2, len(cells[name]) // 2))}
    if "label" not in found and few:
        found = found | {"label": min(few, key=lambda name: few[name])}
    for role in ("text", "label"):
        if not found.get(role):
            raise BadData(
                f"which column of {sheet.path.name} holds the {role}? None is called as one usually is, and none looks "
                f"like it: set {owner}.{role} to one of {', '.join(sheet.columns)}."
            )
    return found
