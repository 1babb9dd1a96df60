#!/usr/bin/env bash
# Synthesize under Slurm: [GPUS=8] tools/slurm_synthesize.sh PARTITION JOB_NAME CONFIG [arguments of tools/synthesize.py]
# The others do the work of a task that fails, so it does not end them; see docs/scale.md.
. "$(dirname "$0")/launch.sh"
KILL_ON_BAD_EXIT=0
under_slurm "$1" "$2" synthesize.py "$3" --launcher slurm "${@:4}"
