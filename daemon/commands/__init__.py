"""The sub-commands of ``timbred``, one module each; see `daemon.cli.Commands`."""
