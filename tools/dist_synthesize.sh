#!/usr/bin/env bash
# Synthesize with several devices or machines: tools/dist_synthesize.sh CONFIG DEVICES [arguments of tools/synthesize.py]
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
    "$HERE/synthesize.py" "$CONFIG" --launcher pytorch "${@:3}"
