"""Run the whole job on the embedded models: ``mmseg-gen quickstart`` from a checkout."""

import sys

from mmseg_gen.cli.main import main

if __name__ == '__main__':
    sys.exit(main(['quickstart', *sys.argv[1:]]))
