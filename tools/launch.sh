# shellcheck shell=bash
# What dist_*.sh and slurm_*.sh have in common; they read it, nobody runs it.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$HERE/..:${PYTHONPATH:-}"

# on_devices DEVICES TOOL [its arguments]: one process for each device of one or more machines, by torchrun.
on_devices() {
    exec python -m torch.distributed.run \
        --nnodes="${NNODES:-1}" \
        --node_rank="${NODE_RANK:-0}" \
        --master_addr="${MASTER_ADDR:-127.0.0.1}" \
        --master_port="${PORT:-29500}" \
        --nproc_per_node="$1" \
        --max_restarts="${MAX_RESTARTS:-0}" \
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
