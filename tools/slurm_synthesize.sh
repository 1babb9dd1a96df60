#!/usr/bin/env bash
# Synthesize under Slurm: [GPUS=8] tools/slurm_synthesize.sh PARTITION JOB_NAME CONFIG [arguments of tools/synthesize.py]
# The others do the work of a task that fails, so it does not end them; see docs/scale.md.
set -euo pipefail

PARTITION=$1
JOB_NAME=$2
CONFIG=$3
GPUS=${GPUS:-4}
GPUS_PER_NODE=${GPUS_PER_NODE:-4}
HERE=$(cd "$(dirname "$0")" && pwd)

# SRUN_ARGS is split into words on purpose.
# shellcheck disable=SC2086
PYTHONPATH="$HERE/..:${PYTHONPATH:-}" srun -p "$PARTITION" \
    --job-name="$JOB_NAME" \
    --gres="gpu:$GPUS_PER_NODE" \
    --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=0 \
    ${SRUN_ARGS:-} \
    python -u "$HERE/synthesize.py" "$CONFIG" --launcher slurm "${@:4}"
