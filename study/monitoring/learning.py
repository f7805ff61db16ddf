"""How far a manifold is that is being learned."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from study.talking import say
from trainables.manifolds.vaegan.learning import Progress as Learned

SAY_EVERY = 10.0  # seconds between two lines where there is no terminal


@contextmanager
def shown_progress(console: Console) -> Iterator[Callable[[Learned], None]]:
    """Shows how far learning is: a bar on a terminal, a line now and then elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task, said = bar.add_task("learning", total=None), 0.0

        def watch(learned: Learned) -> None:
            nonlocal said
            bar.update(task, completed=learned.done, total=learned.updates, description=_losses(learned))
            if not console.is_terminal and (learned.seconds - said >= SAY_EVERY or learned.done == learned.updates):
                said = learned.seconds
                say(f"update {learned.done} of {learned.updates}: {_losses(learned)}")

        yield watch


def _losses(learned: Learned) -> str:
    losses = learned.losses
    judged = f", discriminator {losses.discrimination.item():.3f}" if losses.discrimination.item() else ""
    return f"L1 {losses.distance.item():.1f}, KL {losses.kl.item():.1f}{judged}"
