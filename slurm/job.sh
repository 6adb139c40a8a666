#!/bin/bash
# The job that run.sh and sweep.sh submit: job.sh fit WORD... | job.sh cell FILE WORD...
#
# Slurm signals this script WARNING seconds before the time is over (or when the job must make
# room); it passes the signal on, waits until all processes have saved and left, and puts itself
# back in the queue.  What the signal kills before Python listens is back in the queue, too.
set -uo pipefail
cd "$SLURM_SUBMIT_DIR" && source slurm/cluster.env || exit 1
me=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}
failure=$GMANET_RUNS/slurm/$SLURM_JOB_NAME-$me.failed
rm -f "$failure"
signalled= step= words=()
trap 'signalled=yes; [[ -n $step ]] && kill -USR1 "$step" 2>/dev/null' USR1

prepare
case $1 in
    fit) words=("${@:2}") ;;
    cell)
        export WANDB_RUN_GROUP=$SLURM_JOB_NAME WANDB_JOB_TYPE=cell
        mapfile -t words < <("$PYTHON" -m gmanet.sweep "$2" --cell "$SLURM_ARRAY_TASK_ID")
        (( ${#words[@]} )) && words+=("${@:3}")
        ;;
esac
place=(train.accelerator="$ACCELERATOR" train.devices="$DEVICES" train.nodes="$NODES" train.workers="$CORES")

code=143
if [[ -z $signalled ]]; then # else Python was never started
    srun --nodes="$NODES" --ntasks-per-node="$DEVICES" --cpus-per-task="$CORES" --kill-on-bad-exit=1 \
        "$PYTHON" -m gmanet.fit "${place[@]}" "${words[@]}" &
    step=$!
    [[ -z $signalled ]] || kill -USR1 "$step"
    while true; do # a trapped signal ends a wait before its time
        wait "$step"
        code=$?
        kill -0 "$step" 2>/dev/null || break
    done
fi

(( code == 0 )) && exit 0
if (( code == 75 )) || [[ -n $signalled ]]; then
    if (( ${SLURM_RESTART_COUNT:-0} < RESTARTS )); then
        echo "job $me: back in the queue (restart $(( ${SLURM_RESTART_COUNT:-0} + 1 )))"
        scontrol requeue "$me"
        exit 75
    fi
    code="$code after $RESTARTS restarts"
fi
reason=$(grep -a '^error: ' "$GMANET_RUNS/slurm/$SLURM_JOB_NAME-$me.out" | tail -n 1)
echo "job $me: ${words[*]}: exit code $code: ${reason:-see $SLURM_JOB_NAME-$me.out}" | tee "$failure"
exit 1
