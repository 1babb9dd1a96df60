#!/usr/bin/env bash
# Fine-tune under Slurm, the stage `distill` of tools/distill.py:
# [GPUS=8] tools/slurm_distill.sh PARTITION JOB_NAME CONFIG [arguments of tools/distill.py]
. "$(dirname "$0")/launch.sh"
under_slurm "$1" "$2" distill.py "$3" --stages distill --launcher slurm "${@:4}"
