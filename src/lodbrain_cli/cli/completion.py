"""``lodbrain completion``."""

import click
from click.shell_completion import get_completion_class

from .console import emit

__all__ = ["completion"]


@click.command(
    short_help="Print a shell completion script.",
    epilog="""
\b
Examples:
  lodbrain completion bash >> ~/.bashrc
  lodbrain completion fish > ~/.config/fish/completions/lodbrain.fish
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and presets in a shell."""
    script = get_completion_class(shell)
    assert script is not None  # the three shells are Click's own
    emit(script(ctx.find_root().command, {}, "lodbrain", "_LODBRAIN_COMPLETE").source())
