#!/bin/sh
# status.sh ID: print whether a job is running, a success or failed.
case $(squeue --noheader --states=all --jobs="$1" --format=%T) in
    COMPLETED) echo success ;;
    PENDING | CONFIGURING | RUNNING | SUSPENDED | COMPLETING) echo running ;;
    *) echo failed ;;
esac
