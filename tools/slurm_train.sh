#!/usr/bin/env bash
# Train under Slurm: [GPUS=8] tools/slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of tools/train.py]
. "$(dirname "$0")/launch.sh"
under_slurm "$1" "$2" train.py "$3" --launcher slurm "${@:4}"
