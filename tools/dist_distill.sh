#!/usr/bin/env bash
# Fine-tune on several devices of one or more machines, the stage `distill` of tools/distill.py:
# tools/dist_distill.sh CONFIG DEVICES [arguments of tools/distill.py]
. "$(dirname "$0")/launch.sh"
on_devices "$2" distill.py "$1" --stages distill --launcher pytorch "${@:3}"
