# shellcheck shell=bash
# What dist_*.sh and slurm_*.sh have in common; they read it, nobody runs it.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$HERE/..:${PYTHONPATH:-}"

# on_devices DEVICES TOOL [its arguments]: one process for each device of one or more machines, by torchrun.
on_devices() {
    local nodes="${NNODES:-1}" place="${MASTER_ADDR:-127.0.0.1}" port="${PORT:-29500}" meeting
    meeting=(--node_rank="${NODE_RANK:-0}" --master_addr="$place" --master_port="$port")
    if [[ "${MAX_RESTARTS:-0}" != 0 && "$2" != synthesize.py ]]; then
        # Processes that need each other: those of all machines start again and meet anew. In a store that they shared
        # they would find the addresses of the dead, and sometimes wait for them.
        export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
        meeting=(--rdzv_backend=c10d --rdzv_endpoint="$place:$port" --rdzv_id="$port")
        if [[ "$nodes" == 1 ]]; then meeting+=(--local_addr=127.0.0.1); fi
    fi
    exec python -m torch.distributed.run \
        --nnodes="$nodes" \
        --nproc_per_node="$1" \
        --max_restarts="${MAX_RESTARTS:-0}" \
        "${meeting[@]}" \
        "$HERE/$2" "${@:3}"
}

# under_slurm PARTITION JOB_NAME TOOL [its arguments]: one task for each of GPUS devices.
under_slurm() {
    # SRUN_ARGS is split into words on purpose.
    # shellcheck disable=SC2086
    exec srun -p "$1" \
        --job-name="$2" \
        --gres="gpu:${GPUS_PER_NODE:-4}" \
        --ntasks="${GPUS:-4}" \
        --ntasks-per-node="${GPUS_PER_NODE:-4}" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" \
        --kill-on-bad-exit="${KILL_ON_BAD_EXIT:-1}" \
        ${SRUN_ARGS:-} \
        python -u "$HERE/$3" "${@:4}"
}
