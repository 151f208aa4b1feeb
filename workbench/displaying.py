"""Examples to look at, to read, or to hear, as escaped HTML."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Any

READ = 600  # letters of a text that are shown
CELL = "display: inline-block; margin: 1px; padding: 0 3px; border: 1px solid var(--jp-border-color2, #999)"


def gallery(examples: Iterable[Mapping[str, Any]]) -> Gallery:
    """Examples as a notebook shows them: pictures; spectrograms with a player each; texts, or their tokens.

    `examples`: what `batch` gives, or `examples`: dicts with `label`, `key`, and `picture`, `picture` and `sound`,
    `tokens`, or `text`; with `answer` and `confidence`, if you like.
    """
    return Gallery(tuple(examples))


@dataclass(frozen=True, eq=False)
class Gallery:
    """What a notebook shows as HTML, since it says how."""

    examples: tuple[Mapping[str, Any], ...]

    def _repr_html_(self) -> str:
        return shown(self.examples)

    def __repr__(self) -> str:
        return f"{len(self.examples)} examples"


def shown(examples: Iterable[Mapping[str, Any]]) -> str:
    """Examples as escaped HTML: pictures; tokens or texts; or spectrograms, each with a player."""
    given = [*examples]
    if given and ("tokens" in given[0] or "text" in given[0]):
        return "".join(_line(each) for each in given)
    sounds = {each["key"]: each["sound"] for each in given if "sound" in each}
    return pictures(((each["picture"], _word(each), each["key"]) for each in given), sounds)


def _word(each: Mapping[str, Any]) -> str:
    """The label; and the answer, with how sure it is, where there is one."""
    answered = f" → {each['answer']} {each['confidence']:.2f}" if "answer" in each else ""
    return f"{each['label']}{answered}"


def _line(each: Mapping[str, Any]) -> str:
    if "tokens" in each:
        body = "".join(f'<span style="{CELL}">{escape(piece)}</span>' for piece in each["tokens"])
        body += f" and {each['unseen']} more, which are not seen" if each.get("unseen") else ""
    else:
        body = escape(each["text"][:READ]) + ("…" if len(each["text"]) > READ else "")
    head = f'<b title="{escape(str(each["key"]))}">{escape(_word(each))}</b>'
    return f'<div class="wb-note" style="margin: 4px 0">{head} {body}</div>'


def pictures(examples: Iterable[tuple[Any, str, str]], sounds: Mapping[str, bytes] = MappingProxyType({})) -> str:
    """Pictures (uint8, channels, height, width) with a word below and a name on hover each, as escaped HTML.

    `sounds`: a WAV or MP3 file by name, for a player below the picture, which is as high for a second as for ten.
    """
    from workbench.looking import png

    wide = 140 if sounds else 84  # a player's own buttons need room
    high = ' height="70"' if sounds else ""
    found = [
        f'<figure style="margin: 3px; width: {wide}px"><img width="{wide}"{high} alt="{escape(word)}" '
        f'title="{escape(name)}" src="data:image/png;base64,{base64.b64encode(png(picture)).decode()}"/>'
        f'<figcaption class="wb-faint">{escape(word)}</figcaption>{player(sounds.get(name))}</figure>'
        for picture, word, name in examples
    ]
    return f'<div style="display: flex; flex-wrap: wrap">{"".join(found)}</div>' if found else ""


def player(sound: bytes | None) -> str:
    """A player of a WAV or MP3 file, "" for none."""
    if sound is None:
        return ""
    kind = "wav" if sound.startswith(b"RIFF") else "mpeg"
    address = f"data:audio/{kind};base64,{base64.b64encode(sound).decode()}"
    return f'<audio controls preload="none" style="width: 100%; height: 28px" src="{address}"></audio>'
