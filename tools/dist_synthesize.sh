#!/usr/bin/env bash
# Synthesize with several devices of one or more machines: tools/dist_synthesize.sh CONFIG DEVICES [arguments of tools/synthesize.py]
# A process that dies is started again, MAX_RESTARTS times; see docs/scale.md.
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
    --max_restarts="${MAX_RESTARTS:-3}" \
    "$HERE/synthesize.py" "$CONFIG" --launcher pytorch "${@:3}"
