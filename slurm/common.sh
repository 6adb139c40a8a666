# Sourced by run.sh and sweep.sh: reads cluster.env and submits.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
if [[ ! -f slurm/cluster.env ]]; then
    echo "error: slurm/cluster.env is missing; copy slurm/cluster.env.example and change what differs" >&2
    exit 2
fi
source slurm/cluster.env
export GMANET_RUNS=${GMANET_RUNS:-$RUNS}
mkdir -p "$GMANET_RUNS/slurm"

# submit NAME [SBATCH OPTION...] -- ARGUMENT...: prints the number of the job
submit() {
    local name=$1 options=()
    shift
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    sbatch --parsable --job-name="$name" --nodes="$NODES" --ntasks-per-node="$DEVICES" \
        --cpus-per-task="$CORES" --signal="B:USR1@$WARNING" --requeue --open-mode=append \
        "${OPTIONS[@]}" "${options[@]}" slurm/job.sh "$@"
}
