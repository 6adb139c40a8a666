#!/bin/bash
# All unfinished runs of an experiment, as a job array:  slurm/sweep.sh FILE [OVERRIDE...]
#   slurm/sweep.sh experiments/first_result.yaml wandb.mode=offline
# The overrides hold for every run.  The same command again submits unfinished runs only.
set -euo pipefail
[[ $# -ge 1 && -f $1 ]] || { echo "usage: slurm/sweep.sh experiments/FILE.yaml [section.key=value ...]" >&2; exit 2; }
file=$(realpath "$1")
shift
source "$(dirname "$0")/common.sh"

name=$(basename "$file" .yaml)
missing=$("$PYTHON" -m gmanet.sweep "$file" --missing)
if [[ -z $missing ]]; then
    echo "$name: every run is done, or at work; $PYTHON -m gmanet.report $file makes the tables"
    exit
fi
count=$(awk -F, '{ for (i = 1; i <= NF; i++) { split($i, a, "-"); n += (a[2] ? a[2] : a[1]) - a[1] + 1 } print n }' <<<"$missing")
job=$(submit "$name" --array="$missing%$AT_ONCE" --output="$GMANET_RUNS/slurm/%x-%A_%a.out" -- cell "$file" "$@")
cat <<END
job $job: $count runs of $name ($missing)
  squeue --job $job                                  # waiting and running
  $PYTHON -m gmanet.sweep $file --status    # done, running, failed and why
  tail -f $GMANET_RUNS/slurm/$name-${job}_${missing%%[,-]*}.out
  $PYTHON -m gmanet.report $file            # the tables, when all is done
Their W&B group is $name, and their job type the row; offline runs are uploaded by
  find $GMANET_RUNS/$name -type d -name 'offline-run-*' -exec wandb sync {} +
END
