#!/bin/bash
# The job that run.sh and sweep.sh submit: job.sh fit OVERRIDE... | job.sh cell FILE OVERRIDE...
#
# Slurm sends this script a signal WARNING seconds before the time limit, or when the job is
# preempted.  The script forwards the signal, waits until all processes have saved and ended, and
# requeues the job.  A process that is killed before Python handles signals is requeued, too.
set -o pipefail
cd "$SLURM_SUBMIT_DIR" && source slurm/cluster.env || exit 1
me=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}
log=$GMANET_RUNS/slurm/$SLURM_JOB_NAME-$me
rm -f "$log.failed"

fail() { # exit code
    local reason
    reason=$(grep -a '^error: ' "$log.out" | tail -n 1)
    # srun returns the highest exit code: 143 of the processes that it ended after the failed one.
    [[ $1 != 143 || -z $reason ]] || set -- 2
    reason="exit code $1: ${reason:-see $log.out}"
    echo "job $me: ${overrides[*]}: $reason" | tee "$log.failed"
    if [[ -n $cell ]]; then # read by gmanet.sweep --status (gmanet/runs/experiment.py)
        mkdir -p "${cell%/*}"
        { tail -n 40 "$log.out"; echo; echo "gmanet: failed: $reason"; } >"$cell"
    fi
    exit 1
}

again() { # exit code
    (( ${SLURM_RESTART_COUNT:-0} < RESTARTS )) || fail "$1 after $RESTARTS restarts"
    echo "job $me: back in the queue (restart $(( ${SLURM_RESTART_COUNT:-0} + 1 )))"
    scontrol requeue "$me" || fail "$1, and Slurm does not take it back"
    exit 75
}

signalled= woken= step= cell=
trap 'signalled=yes woken=yes; [[ -z $step ]] || kill -USR1 "$step" 2>/dev/null' USR1

prepare
case $1 in
    fit) overrides=("${@:2}") ;;
    cell)
        mapfile -t overrides < <("$PYTHON" -m gmanet.sweep "$2" --cell "$SLURM_ARRAY_TASK_ID")
        (( ${#overrides[@]} )) || fail "none, as cell $SLURM_ARRAY_TASK_ID of $2 has no overrides"
        overrides+=("${@:3}")
        for override in "${overrides[@]}"; do [[ $override != name=* ]] || name=${override#name=}; done
        IFS=/ read -r WANDB_RUN_GROUP WANDB_JOB_TYPE _ <<<"$name" # experiment and row
        export WANDB_RUN_GROUP WANDB_JOB_TYPE
        cell=$GMANET_RUNS/$name.log
        rm -f "$cell"
        ;;
esac
[[ -z $signalled ]] || again 143

# The settings at submission count, even if cluster.env has changed since.
srun --nodes="$SLURM_NNODES" --ntasks-per-node="$SLURM_NTASKS_PER_NODE" \
    --cpus-per-task="$SLURM_CPUS_PER_TASK" --kill-on-bad-exit=1 \
    "$PYTHON" -m gmanet.fit train.accelerator="$ACCELERATOR" train.nodes="$SLURM_NNODES" \
    train.devices="$SLURM_NTASKS_PER_NODE" train.workers="$SLURM_CPUS_PER_TASK" "${overrides[@]}" &
step=$!
[[ -z $signalled ]] || kill -USR1 "$step"
while woken=; wait "$step"; code=$?; [[ -n $woken ]]; do :; done # a signal interrupts wait

if (( code == 0 )); then
    exit 0
elif (( code == 75 )) || [[ -n $signalled ]]; then
    again "$code"
else
    fail "$code"
fi
