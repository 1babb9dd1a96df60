#!/usr/bin/env bash
# Test under Slurm: [GPUS=8] tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]
. "$(dirname "$0")/launch.sh"
under_slurm "$1" "$2" test.py "$3" "$4" --launcher slurm "${@:5}"
