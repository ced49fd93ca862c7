#!/bin/sh
# Makes the namespace, or gives an existing one its retention: closed runs are kept for 7 days.
set -eu

temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 &&
  exec temporal operator namespace update -n "$TEMPORAL_NAMESPACE" --retention 7d
exec temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention 7d
