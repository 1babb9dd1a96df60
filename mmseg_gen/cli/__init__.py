"""The console command ``mmseg-gen``: one module for each subcommand."""
