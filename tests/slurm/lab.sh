#!/bin/bash
# A real Slurm on this one machine, for tests:  lab.sh up FOLDER [NODES]   lab.sh down FOLDER
#
# Wants root, slurm-wlm and munge.  Configuration, key, socket, state and ports are its own, and
# nothing of a real cluster is touched; only /etc/hosts gets the names of the nodes, until "down".
# Afterwards: export SLURM_CONF=FOLDER/slurm.conf
set -euo pipefail
folder=$2
mark="# gmanet test lab"

down() {
    for file in "$folder"/run/slurmd.*.pid "$folder"/run/slurmctld.pid "$folder"/munge/munged.pid; do
        [[ -s $file ]] || continue
        number=$(<"$file")
        kill "$number" 2>/dev/null || continue
        for _ in {1..100}; do
            kill -0 "$number" 2>/dev/null || break
            sleep 0.1
        done
    done
    sed "/$mark/d" /etc/hosts >"$folder/hosts" && cat "$folder/hosts" >/etc/hosts
}

up() {
    local nodes=$1 host line
    host=$(hostname -s)
    mkdir -p "$folder"/{run,log,state,munge}
    chmod 755 "$folder"
    install -d -m 0755 "$folder/munge"
    dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 status=none
    chmod 400 "$folder/munge/key"
    munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
        --pid-file="$folder/munge/munged.pid" --log-file="$folder/munge/log" \
        --seed-file="$folder/munge/seed"
    : >"$folder/gres.conf"
    {
        cat <<CONF
ClusterName=lab
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=26817
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/state/%n
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,requeue_delay=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
KillWait=5
MinJobAge=600
SlurmdParameters=config_overrides
CONF
        for line in $(seq "$nodes"); do
            echo "NodeName=n$line NodeHostname=$host NodeAddr=127.0.0.1 Port=$((27000 + line)) CPUs=4 RealMemory=2000"
        done
        echo "PartitionName=lab Nodes=n[1-$nodes] Default=YES MaxTime=60 State=UP OverSubscribe=NO"
    } >"$folder/slurm.conf"
    export SLURM_CONF=$folder/slurm.conf
    for line in $(seq "$nodes"); do echo "127.0.0.1 n$line $mark" >>/etc/hosts; done
    slurmctld -c -i </dev/null
    for line in $(seq "$nodes"); do slurmd -N "n$line" </dev/null; done
    for _ in {1..300}; do
        [[ $(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l) == "$nodes" ]] && return
        sleep 0.1
    done
    echo "the nodes did not come up; see $folder/log" >&2
    tail -n 5 "$folder/log/slurmctld.log" >&2
    return 1
}

case $1 in
    up) up "${3:-2}" ;;
    down) down ;;
esac
