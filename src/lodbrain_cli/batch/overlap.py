"""Stages of many items at a time: the next is prepared and the last one finished meanwhile."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_stages"]

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")
Computed = TypeVar("Computed")
Result = TypeVar("Result")


def in_stages(
    items: Iterable[Item],
    prepare: Callable[[Item], Prepared],
    compute: Callable[[Prepared], Computed],
    finish: Callable[[Computed], Result],
    *,
    overlap: bool,
) -> Iterator[Result]:
    """Take each item through three stages.

    Parameters
    ----------
    items : iterable
    prepare, compute, finish : callable
        `compute` always runs in the calling thread, one item at a time.
    overlap : bool
        Prepare the item after and finish the item before in threads meanwhile:
        never more than one of each.

    Yields
    ------
    Result
        In the order of the items. An exception of a stage is raised in its
        item's turn and ends the iteration.
    """
    if not overlap:
        for item in items:
            yield finish(compute(prepare(item)))
        return
    remaining = iter(items)
    with ThreadPoolExecutor(1) as before, ThreadPoolExecutor(1) as after:

        def prepare_next() -> "Future[Prepared] | None":
            for item in remaining:
                return before.submit(prepare, item)
            return None

        coming, last = prepare_next(), None
        while coming is not None:
            try:
                prepared = coming.result()
                coming = prepare_next()
                computed = compute(prepared)
                del prepared  # a scan that is done must not wait for the next
            except Exception:
                if last is not None:
                    yield last.result()  # its turn comes first
                raise
            if last is not None:
                yield last.result()
            last = after.submit(finish, computed)
            del computed
        if last is not None:
            yield last.result()
