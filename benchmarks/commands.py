"""Print docs/commands.md: the help of every command, as the program gives it.

``python benchmarks/commands.py > docs/commands.md``
"""

import click

from lodbrain_cli.cli.main import cli


def help_of(command: click.Command, path: str, parent: click.Context | None) -> str:
    settings = {**cli.context_settings, "terminal_width": 100}
    context = click.Context(command, info_name=path, parent=parent, **settings)
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    section = f"## {context.command_path}\n\n```text\n{text}\n```\n"
    if isinstance(command, click.Group):
        parts = [help_of(sub, name, context) for name, sub in command.commands.items()]
        section = "\n".join([section, *parts])
    return section


def main() -> None:
    print("# Commands\n")
    print("Printed by `python benchmarks/commands.py`; a test compares it with the program.\n")
    print(help_of(cli, "lodbrain", None), end="")


if __name__ == "__main__":
    main()
