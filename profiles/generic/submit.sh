#!/bin/sh
# submit.sh THREADS MB MINUTES GPUS SCRIPT: submit a job, print its id.
set -eu
logs=.snakemake/cluster_logs
mkdir -p "$logs"
partition=cpu
gpus=
if [ "$4" -gt 0 ]; then
    partition=gpu
    gpus=--gpus=$4
fi
exec sbatch --parsable --job-name=needq --output="$logs/%j.log" --ntasks=1 --cpus-per-task="$1" \
    --mem="$2M" --time="$3" --partition="$partition" $gpus "$5"
