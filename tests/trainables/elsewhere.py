"""A device that is not there: its tensors have values, and whoever mixes them with those of the host is told.

Tensors on torch's `meta` device have none, so nothing that looks at a value can be tried on it. While `elsewhere`
lasts, tensors that are made on it or sent to it keep theirs, on the host, behind a wrapper that says where they lie.
Operations check that as a real device's would: a tensor of the host may be a number without axes, or index others, and
nothing else; and what can be done without values is done on `meta` too, since torch has opinions of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

ELSEWHERE, HOST = torch.device("meta"), torch.device("cpu")
ATEN = torch.ops.aten
MOVES = {ATEN._to_copy.default, ATEN.copy_.default, ATEN._local_scalar_dense.default}
ALLOWED: set[tuple[Any, ...]] = set()
"""What torch had no objection to: functions, with how many axes their tensors have and which of them lie elsewhere."""
INDEXED = {ATEN.index.Tensor, ATEN.index_put.default, ATEN.index_put_.default, ATEN._index_put_impl_.default}


class Elsewhere(Tensor):
    """A tensor that says it lies elsewhere."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "Elsewhere":
        made: Elsewhere = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=ELSEWHERE,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, function: Any, _types: Any, given: Sequence[Any] = (), named: Any = None) -> Any:
        return Apart.operate(function, given, named or {})


class Apart(TorchDispatchMode):
    """Keeps the two apart."""

    def __torch_dispatch__(self, function: Any, _types: Any, given: Sequence[Any] = (), named: Any = None) -> Any:
        return self.operate(function, given, named or {})

    @staticmethod
    def operate(function: Any, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Does an operation on the values, and says where the result lies."""
        tensors, asked = list(_tensors((*given, *named.values()))), named.get("device")
        away = [isinstance(each, Elsewhere) for each in tensors]
        if any(away) and function not in MOVES:
            _check(function, given, named, tensors, away)
        there = any(away) if asked is None else torch.device(asked) == ELSEWHERE
        if function is ATEN.copy_.default:
            there = away[0]
        plain = [_held(each) for each in given]
        made = function(*plain, **{name: _held(each) for name, each in named.items()})
        if any(each is made for each in plain):  # in place
            return given[0]
        return _sent(made) if there else made


def _check(
    function: Any, given: Sequence[Any], named: Mapping[str, Any], tensors: list[Tensor], away: list[bool]
) -> None:
    """Complains as a device would, or torch about it."""
    if any(each.device == ELSEWHERE for each, there in zip(tensors, away, strict=True) if not there):
        raise RuntimeError(f"{function} takes a tensor that was made elsewhere behind our back: it has no values")
    checked = _tensors((*given[:1], *given[2:]) if function in INDEXED else given)
    if strangers := [tuple(each.shape) for each in checked if each.ndim and not isinstance(each, Elsewhere)]:
        raise RuntimeError(f"{function} mixes devices: {strangers} lie here")
    kind = function, *((each.ndim, there) for each, there in zip(tensors, away, strict=True))
    if kind in ALLOWED:
        return
    with suppress(NotImplementedError):  # what needs a value
        bare = tree_map_only(Elsewhere, lambda each: each.held.to(ELSEWHERE), (tuple(given), dict(named)))
        function(*bare[0], **bare[1])
    ALLOWED.add(kind)


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    """Yields the tensors of an operation's arguments; torch's trees would do it in ten times the time."""
    for each in values:
        if isinstance(each, Tensor):
            yield each
        elif isinstance(each, list | tuple):
            yield from _tensors(each)


def _held(value: Any) -> Any:
    """Returns an argument as it is on the host."""
    if isinstance(value, Elsewhere):
        return value.held
    if isinstance(value, list | tuple):
        return [_held(each) for each in value]
    return HOST if value == ELSEWHERE and isinstance(value, torch.device) else value


def _sent(made: Any) -> Any:
    """Returns a result as it is elsewhere."""
    if isinstance(made, Tensor):
        return Elsewhere(made)
    return type(made)(map(_sent, made)) if type(made) in (list, tuple) else made


class Sent(TorchFunctionMode):
    """Has tensors of given values made here and sent, since torch makes them on `meta` without telling anybody."""

    def __torch_function__(self, function: Any, _types: Any, given: Sequence[Any] = (), named: Any = None) -> Any:
        named = named or {}
        if function is torch.tensor and named.get("device") == ELSEWHERE:
            return torch.tensor(*given, **named | {"device": HOST}).to(ELSEWHERE)
        return function(*given, **named)


@contextmanager
def elsewhere() -> Iterator[torch.device]:
    """Lasts as long as the device is there."""
    with Apart(), Sent():
        yield ELSEWHERE
