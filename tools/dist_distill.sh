#!/usr/bin/env bash
# Fine-tune on several devices of one or more machines, the stage `distill` of tools/distill.py:
# tools/dist_distill.sh CONFIG DEVICES [arguments of tools/distill.py]
set -euo pipefail

CONFIG=$1
DEVICES=$2
HERE=$(cd "$(dirname "$0")" && pwd)

PYTHONPATH="$HERE/..:${PYTHONPATH:-}" python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$DEVICES" \
    --max_restarts="${MAX_RESTARTS:-0}" \
    "$HERE/distill.py" "$CONFIG" --stages distill --launcher pytorch "${@:3}"
