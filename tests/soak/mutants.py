"""Answers that are not as they should be: one of a run, changed at random, by a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from kubectl_kagent.decoding import from_json
from tests.fake.copies import copied
from tests.soak import apiserver
from tests.soak.faults import LESS, Scene, Trouble, judge_any, marked
from tests.soak.run import Done
from tests.soak.wire import Answer, Asked
from tests.soak.world import World

_DEEP = "deep"
# what stands for anything else in an answer
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**63,
    1.5,
    float("inf"),
    float("nan"),
    10**400,
    "",
    "x",
    "0",
    "9" * 5000,
    "-1",
    "²",
    "١٢",
    "\ud800",
    "a\nb\r\nerror: forged",
    "\x1b[2J\x07\x9b1m\x00",
    "\u202e\u2066\u200b\ufeff\u2028",
    "a" * 100_000,
    "../../../../version",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "2026-13-45T99:99:99Z",
    [],
    [None],
    ["x"],
    [[]],
    {},
    {"x": None},
    {"name": 1},
    _DEEP,
)


@dataclass
class Mutated:
    """A world of which one answer is mutated; ``broken`` tells that it is none of its kind any more."""

    world: World
    request: int
    seed: str
    hit: str = ""
    broken: bool = False
    _asked: int = 0

    def answer(self, asked: Asked) -> Answer | Exception:
        self._asked += 1
        found = self.world.answer(asked)
        if self._asked != self.request or isinstance(found, Exception):
            return found
        self.hit = f"{asked.method} {asked.path}"
        chance = random.Random(self.seed)
        if not isinstance(found.body, bytes):
            return replace(found, body=_lines(chance, found.body))
        mutated = replace(found, body=mutate(chance, found.body), **_odd_head(chance))
        listed = (
            asked.host == apiserver.HOST
            and isinstance(_value(found.body), dict)
            and "items" in _value(found.body)
        )
        # the mcp package reads the body of a 204 as well
        read = replace(mutated, status=200) if asked.path.endswith("/mcp") else mutated
        self.broken = is_broken(read, listed=listed)
        return mutated


def _odd_head(chance: random.Random) -> dict[str, Any]:
    """Once in a while a status or a type of content that belongs to another answer."""
    if chance.random() > 0.04:
        return {}
    return chance.choice(
        [
            {"status": 200},
            {"status": 204},
            {"status": 299},
            {"content_type": "text/html"},
            {"content_type": ""},
        ]
    )


def mutate(chance: random.Random, body: bytes) -> bytes:
    """Another body: mostly JSON that is something else at one to three places."""
    value = _value(body)
    if value is None or chance.random() < 0.15:
        return chance.choice(_RAW)(chance, body)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        value = _changed(chance, value)
    return _dump(value)


def _value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _dump(value: Any) -> bytes:
    text = json.dumps(value)  # with inf and nan, as some write them, and with lone surrogates
    return text.replace(f'"{_DEEP}"', "[" * 20_000 + "]" * 20_000).encode()


def _changed(chance: random.Random, value: Any) -> Any:
    """A copy with one node another; nodes near the root are the more likely."""
    whole = {"": copied(value)}
    holder: Any = whole
    key: Any = ""
    while chance.random() < 0.8:
        child = holder[key]
        keys = (
            list(child)
            if isinstance(child, dict)
            else list(range(len(child)))
            if isinstance(child, list)
            else []
        )
        if not keys:
            break
        holder, key = child, chance.choice(keys)
    chance.choice(_NODE)(chance, holder, key)
    return whole.get("")


def _odd(chance: random.Random, holder: Any, key: Any) -> None:
    holder[key] = copied(chance.choice(ODD))


def _drop(_: random.Random, holder: Any, key: Any) -> None:
    del holder[key]


def _twice(_: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder, list):
        holder.append(copied(holder[key]))
    else:
        holder[key] = [holder[key], copied(holder[key])]


def _wrapped(_: random.Random, holder: Any, key: Any) -> None:
    value = holder[key]
    holder[key] = (
        {str(place): item for place, item in enumerate(value)} if isinstance(value, list) else [value]
    )


def _tainted(chance: random.Random, holder: Any, key: Any) -> None:
    odd = [item for item in ODD if isinstance(item, str) and item != _DEEP]
    holder[key] = f"{holder[key]}{chance.choice(odd)}"


def _swapped(chance: random.Random, holder: Any, key: Any) -> None:
    other = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key], holder[other] = holder[other], holder[key]


_NODE: tuple[Callable[[random.Random, Any, Any], None], ...] = (
    _odd,
    _odd,
    _odd,
    _drop,
    _twice,
    _wrapped,
    _tainted,
    _swapped,
)


def _cut(chance: random.Random, body: bytes) -> bytes:
    return body[: chance.randrange(len(body))] if body else b"{"


def _byte(chance: random.Random, body: bytes) -> bytes:
    place = chance.randrange(len(body) + 1)
    return (
        body[:place]
        + chance.choice((b"\xff", b"\x00", b"\xed\xa0\x80", b'"', b"}", b"\x1b[2J"))
        + body[place:]
    )


def _other(chance: random.Random, _body: bytes) -> bytes:
    return chance.choice(
        (
            b"",
            b"null",
            b"[]",
            b"{}",
            b"0",
            b'""',
            b"<html><body>Please log in</body></html>",
            b"[" * 100_000,
            b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
            b"9" * 5000,
            b'{"kind":"Status","status":"Failure","code":"abc","details":[1]}',
            b'{"error":true,"message":"database is locked"}',
            b'{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":["y"]}}',
        )
    )


def _doubled(_: random.Random, body: bytes) -> bytes:
    """Duplicate keys, of which readers take the last."""
    return body[:-1] + b"," + body[1:] if body[:1] == b"{" and len(body) > 2 else body * 2


_RAW: tuple[Callable[[random.Random, bytes], bytes], ...] = (_cut, _cut, _byte, _byte, _other, _doubled)


def _lines(chance: random.Random, parts: Iterator[bytes]) -> Iterator[bytes]:
    """A stream of which one line in three is another: events, watch events, lines of a log."""
    for part in parts:
        if chance.random() > 0.34:
            yield part
            continue
        is_event = part.startswith(b"data: ")
        body = part.removeprefix(b"data: ").strip() if is_event else part.rstrip(b"\n")
        changed = mutate(chance, body)
        yield b"data: " + changed + b"\n\n" if is_event else changed + b"\n"


def is_broken(answer: Answer, *, listed: bool) -> bool:
    """Whether nobody could take it for an answer of its kind: no object, or a list whose items are none.

    Read as Go reads: bytes that are no text are U+FFFD, null is a list without items, and what is nested
    too deeply for Python does not make the rest unreadable.
    """
    value = _read(answer.body) if isinstance(answer.body, bytes) else None
    if not isinstance(value, dict) or answer.status == 204:
        return True
    if not listed:
        return False
    items = value.get("items", ...)
    return items is not None and (not isinstance(items, list) or not all(map(_is_object, items)))


def _read(body: bytes) -> Any:
    try:
        return from_json(body, cut=True)
    except ValueError:
        return None


def _is_object(item: Any) -> bool:
    metadata = item.get("metadata") if isinstance(item, dict) else None
    return isinstance(metadata, dict) and isinstance(metadata.get("name"), str)


def judge_mutant(scene: Scene, mutated: Mutated, done: Done) -> list[Trouble]:
    found = list(judge_any(done))
    less = done.code == 0 and mutated.broken and not scene.form.enough and done.out != scene.calm.out
    if not found and less and not marked(scene, done):
        found.append(Trouble(LESS, scene.form.line, done.out))
    return found


def mutant(scene: Scene, seed: str) -> tuple[Done, list[Trouble], str]:
    """One run; ``seed`` chooses the answer, and what becomes of it."""
    request = random.Random(f"{seed} of {scene.form.line}").randint(1, scene.calm.requests)
    mutated = Mutated(scene.world, request, seed)
    done = scene.play(mutated)
    return done, judge_mutant(scene, mutated, done), mutated.hit
