#!/usr/bin/env bash
# Test on several devices: tools/dist_test.sh CONFIG CHECKPOINT DEVICES [arguments of tools/test.py]
. "$(dirname "$0")/launch.sh"
on_devices "$3" test.py "$1" "$2" --launcher pytorch "${@:4}"
