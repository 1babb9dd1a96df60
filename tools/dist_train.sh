#!/usr/bin/env bash
# Train on several devices of one or more machines: tools/dist_train.sh CONFIG DEVICES [arguments of tools/train.py]
. "$(dirname "$0")/launch.sh"
on_devices "$2" train.py "$1" --launcher pytorch "${@:3}"
