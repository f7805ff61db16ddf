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
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

ELSEWHERE, HOST = torch.device("meta"), torch.device("cpu")
ATEN = torch.ops.aten
MOVES = {ATEN._to_copy.default, ATEN.copy_.default}
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
        tensors = [each for each in tree_flatten((given, named))[0] if isinstance(each, Tensor)]
        away = [isinstance(each, Elsewhere) for each in tensors]
        asked = named.get("device")
        if any(away) and function not in MOVES:
            checked = tree_flatten(given[:1] + given[2:] if function in INDEXED else given)[0]
            strangers = [t for t in checked if isinstance(t, Tensor) and t.ndim and not isinstance(t, Elsewhere)]
            if strangers:
                raise RuntimeError(f"{function} mixes devices: {[tuple(each.shape) for each in strangers]} lie here")
        there = any(away) if asked is None else torch.device(asked) == ELSEWHERE
        if function is ATEN.copy_.default:
            there = away[0]
        kind = function, *((each.ndim, there) for each, there in zip(tensors, away, strict=True))
        if any(away) and function not in MOVES and kind not in ALLOWED:
            with suppress(NotImplementedError):  # what needs a value
                bare = tree_map_only(Elsewhere, lambda each: each.held.to(ELSEWHERE), (given, dict(named)))
                function(*bare[0], **bare[1])
            ALLOWED.add(kind)
        plain = tree_map_only(Elsewhere, lambda each: each.held, (given, dict(named)))
        if asked is not None:
            plain[1]["device"] = HOST
        made = function(*plain[0], **plain[1])
        if any(each is made for each in tree_flatten(plain)[0]):  # in place
            return given[0]
        return tree_map_only(Tensor, Elsewhere, made) if there else made


@contextmanager
def elsewhere() -> Iterator[torch.device]:
    """Lasts as long as the device is there."""
    with Apart():
        yield ELSEWHERE
