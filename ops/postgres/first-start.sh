#!/bin/sh
# Run by the PostgreSQL image when its volume is empty: roles and database of the hub, role and two databases of Temporal.
set -eu

psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" \
  -v owner_password="$HUB_OWNER_PASSWORD" -v app_password="$HUB_APP_PASSWORD" -f /ops/roles.sql

psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v password="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE temporal LOGIN PASSWORD :'password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
SQL
