"""``lodbrain train``."""

from pathlib import Path

import click

from ..errors import UsageError
from .console import emit, note, set_verbosity
from .options import option, threads_option, verbosity_options

__all__ = ["train"]


@click.command(
    short_help="Train a network from a config.",
    epilog="""
\b
Examples:
  lodbrain train config.yaml -o run/ --data label_maps/
  KERAS_BACKEND=torch lodbrain train config.yaml -o run/ --data label_maps/
""",
)
@click.argument("config", type=click.Path(path_type=Path))
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the run; a run that is in it goes on where it was.",
)
@option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder that the table's paths are relative to, or that is looked through.",
)
@option(
    "--volume-cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder where conformed volumes are kept between runs.",
)
@threads_option
@verbosity_options
def train(
    config: Path,
    output: Path,
    data: Path | None,
    volume_cache: Path | None,
    threads: int | None,
    quiet: bool,
    verbose: int,
) -> None:
    """Train a network, stage by stage, as CONFIG (YAML) says.

    The folder of the run holds the state to go on from, the best weights of
    each stage, the history, all options and who was held out. After a kill the
    same command goes on. Keras trains where its backend does of itself: on a GPU
    when it sees one. Printed is the path of the last stage's weights; their
    folder is a preset for every other command.
    """
    set_verbosity(verbose, quiet=quiet)
    from ..inference.devices import allowed_threads
    from ..inference.keras_backend import start_keras

    backend = start_keras("auto", threads or allowed_threads())
    try:
        from ..training.run import train as run
    except ModuleNotFoundError as error:
        if error.name not in ("pydantic", "yaml"):
            raise
        msg = "training needs further packages; install them with: pip install 'lodbrain[train]'"
        raise UsageError(msg) from None

    def say(subject: str) -> None:
        if not quiet:
            note(f"reading {subject}")

    weights = run(
        config, output, backend=backend, data_folder=data, cache_folder=volume_cache, on_read=say
    )
    emit(str(weights))
