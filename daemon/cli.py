"""The ``timbred`` command. Every sub-command answers ``--help`` with an example."""

from __future__ import annotations

import importlib
import keyword
import pkgutil
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from daemon import __version__, commands
from daemon.exits import Exit, Unavailable
from mappings.documents import DocumentError
from pca_cache.basis import BasisError
from synth_engine.generator.model import ModelError


class Commands(click.Group):
    """The modules of `daemon.commands`, each a command of its name, imported only when it is named.

    A module holds a function of its own name; ``import_command`` is ``import``, a word Python keeps.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Names in the order of the help: what plays first."""
        names = {module.name.removesuffix("_command") for module in pkgutil.iter_modules(commands.__path__)}
        return sorted(names, key=lambda name: (name != "run", name))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = f"{cmd_name}_command" if keyword.iskeyword(cmd_name) else cmd_name
        command = getattr(importlib.import_module(f"{commands.__name__}.{name}"), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="timbred")
def timbred() -> None:
    """Play a neural network: MIDI notes in, OSC to steer the timbre, sound out.

    \b
    Example:
      timbred run                       play
      oscsend localhost 9700 /pca/1 f 2 change the timbre
    """


def _fail(status: Exit, error: BaseException) -> NoReturn:
    click.echo(f"timbred: {error}", err=True)
    raise SystemExit(status)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: runs a command and turns its errors into words and exit statuses (design section 7)."""
    try:
        timbred.main(
            args=None if arguments is None else list(arguments), prog_name="timbred", standalone_mode=False
        )
    except click.ClickException as error:
        error.show()
        raise SystemExit(Exit.USAGE) from None
    except click.Abort:
        raise SystemExit(130) from None
    except Unavailable as error:
        _fail(Exit.UNAVAILABLE, error)
    except (BasisError, DocumentError, ModelError) as error:
        _fail(Exit.CONFIG, error)
    except OSError as error:
        _fail(Exit.IO, error)
    except Exception as error:  # noqa: BLE001  the outermost loop: what nobody foresaw is told whole
        traceback.print_exc()
        _fail(Exit.SOFTWARE, error)


if __name__ == "__main__":
    main()
