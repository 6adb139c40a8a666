#!/bin/bash
# One run, on the nodes and processes that cluster.env names:  slurm/run.sh OVERRIDE...
#   slurm/run.sh data.category=washer seed=1
# It saves its state at the time limit and resumes by itself.
set -euo pipefail
source "$(dirname "$0")/common.sh"

job=$(submit gmanet --output="$GMANET_RUNS/slurm/%x-%j.out" -- fit "$@")
cat <<END
job $job
  squeue --job $job
  tail -f $GMANET_RUNS/slurm/gmanet-$job.out
END
