#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# cli/slurm.sh: what every script of `vae-lab slurm` does.  cli_slurm.c writes the head: the #SBATCH lines and the variables
# that are used here.  From the next line on this file is part of the program.
# shellcheck disable=SC2154 # variables of the head
# ---- nothing below needs a change ------------------------------------------------------------------------------------

# On a login node: submits the array, then the job that merges.  Merge jobs run one at a time (singleton), since two might
# write the same record.
submit() {
    local script array merge
    script=$(realpath "$0") && cd "$folder" && mkdir -p "$parts" || exit
    array=$(sbatch --parsable "$script" task) || exit
    array=${array%%;*}
    if ! merge=$(sbatch --parsable --dependency="afterany:$array,singleton" --array=1 --job-name=vae-lab-merge "$script" merge); then
        echo "array job $array is submitted, its merge job is not; later: sbatch --array=1 '$script' merge" >&2
        exit 1
    fi
    echo "submitted: array job $array with $tasks task(s); merge job ${merge%%;*}, which waits for them"
    echo "look at them: squeue --me; at the logs: $folder/$parts; at the results: vae-lab runs --db $out"
}

# SLURM sends USR1 two minutes before the time limit, and TERM when it cancels or preempts the job.  Both stop vae-lab once
# the state of each run is recorded and copied.
child='' limit='' again=''
pass_on() {
    again=yes
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}
trap 'limit=yes; pass_on' USR1
trap 'pass_on' TERM

# Runs vae-lab; its exit status is $status.  In the background: a shell that waits for a command in the foreground looks at
# signals only afterwards.
vae_lab() {
    local code
    "$program" "$@" &
    child=$!
    [ -z "$again" ] || kill -TERM "$child" # a signal came before there was a child
    status=127 again=yes
    while [ -n "$again" ]; do # a signal ends `wait`
        again=''
        wait "$child"
        code=$?
        [ $code -eq 127 ] || status=$code
    done
    child=''
}

# Ends this job.  Where the time limit or a SIGKILL (often a lack of memory) has stopped it, it is queued again first, and goes
# on from the copy.  After TERM it ends: a job that was preempted is queued again by SLURM, one that was cancelled is not.
end() {
    cd / && rm -rf "$scratch"
    if { [ "$status" -eq 143 ] && [ -n "$limit" ]; } || [ "$status" -eq 137 ]; then
        if [ "${SLURM_RESTART_COUNT:-0}" -lt "$restarts" ]; then
            echo "stopped with exit status $status; restart $((${SLURM_RESTART_COUNT:-0} + 1)) of at most $restarts"
            trap '' TERM # which comes before scontrol has ended
            scontrol requeue "$SLURM_JOB_ID" && exit 0
        fi
        echo "not queued again; what is done is in $parts, and the merge job runs the rest" >&2
    fi
    exit "$status"
}

# A folder on the node's own disk.  SLURM_JOB_ID is the same after a restart, which may find what a killed job has left.
enter() {
    cd "$folder" && mkdir -p "$parts" || exit
    scratch=${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/vae-lab-$(id -u)-$SLURM_JOB_ID
    rm -rf "$scratch"
    (umask 077 && mkdir "$scratch") || exit
    echo "$(date '+%F %T') $1 on $(hostname), restart ${SLURM_RESTART_COUNT:-0}"
}

# One task: its part of the sweep, in a database on the node's disk, which is copied to the shared folder.  Where that copy is
# there already (an earlier attempt, another node), the database is made from it.
task() {
    local part=$parts/part-$SLURM_ARRAY_TASK_ID.db
    enter "part $SLURM_ARRAY_TASK_ID of $tasks"
    rm -f "$part".?????? # what a copy that was killed has left
    vae_lab run "${run[@]}" --shard "$SLURM_ARRAY_TASK_ID/$tasks" --jobs "$jobs" --threads "$threads" \
        --db "$scratch/results.db" --copy "$part" --copy-every "$copy_every"
    end
}

# Whether the record lies on a network file system, as seen from this node: databases are not written there.
on_network() {
    local probe answer
    mkdir -p "$(dirname "$out")" && probe=$(mktemp "$(dirname "$out")/probe.XXXXXX") || exit
    answer=$("$program" sql 'SELECT 1' --db "$probe" 2>&1)
    rm -f "$probe"
    case $answer in *'network file system'*) return 0 ;; *) return 1 ;; esac
}

# After the array: one record of all parts; then the runs that are missing, usually none, and the claims.
merge() {
    local database=$out merged=0 copy=()
    enter "merging"
    if on_network; then
        database=$scratch/results.db
        copy=(--copy "$out" --copy-every "$copy_every")
        if [ -e "$out" ]; then
            "$program" merge "$database" "$out" || { status=$? && end; }
        fi
    fi
    if compgen -G "$parts/part-*.db" >/dev/null; then
        vae_lab merge "$database" "$parts"/part-*.db
        merged=$status
        [ "$status" -le 1 ] || end # 1: runs that differ, which are reported and left out
    fi
    vae_lab run "${run[@]}" --shard 1/1 --jobs "$merge_jobs" --threads "$merge_threads" --db "$database" ${copy[@]+"${copy[@]}"}
    [ "$status" -ne 0 ] || status=$merged
    end
}

case ${1:-${SLURM_ARRAY_TASK_ID:+task}} in
    task) task ;;
    merge) merge ;;
    '') submit ;;
    *) echo "usage: bash $0    submits the jobs" >&2; exit 2 ;;
esac
