#!/usr/bin/env bash
# Synthesize with several devices of one or more machines:
# tools/dist_synthesize.sh CONFIG DEVICES [arguments of tools/synthesize.py]
# A process that dies is started again, MAX_RESTARTS times; see docs/scale.md.
. "$(dirname "$0")/launch.sh"
MAX_RESTARTS=${MAX_RESTARTS:-3}
on_devices "$2" synthesize.py "$1" --launcher pytorch "${@:3}"
