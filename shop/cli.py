"""The `xiangbo` command. A command's module is loaded when the command is called."""

from importlib import import_module

import click

_COMMANDS = {
    "serve": "shop.commands.serve",
    "demo": "shop.commands.demo",
    "init": "shop.commands.setup",
    "county": "shop.commands.setup",
    "migrate": "shop.commands.setup",
    "token": "shop.commands.setup",
    "doctor": "shop.commands.doctor",
}


class Commands(click.Group):
    """Finds its commands by `_COMMANDS`, for half a second of imports would delay every start."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found = getattr(import_module(_COMMANDS[cmd_name]), cmd_name)
        return found if isinstance(found, click.Command) else None


@click.command(cls=Commands)
@click.version_option(package_name="xiangbo")
def main() -> None:
    """乡播 Xiangbo: a township station sells on livestreams what local families carve."""
