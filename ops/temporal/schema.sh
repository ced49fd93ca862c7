#!/bin/sh
# Brings Temporal's two databases to the schema of this image; a repeat changes nothing.
set -eu

for database in temporal:temporal temporal_visibility:visibility; do
  name=${database%%:*}
  tool() { temporal-sql-tool --plugin postgres12 --ep "$POSTGRES_SEEDS" -p "$DB_PORT" -u "$POSTGRES_USER" --db "$name" "$@"; }
  update() { tool update-schema -d "/etc/temporal/schema/postgresql/v12/${database##*:}/versioned"; }
  update || { tool setup-schema -v 0.0 && update; } # an empty database has no version to update from
done
