#!/bin/sh
# The role that the servers use: it owns no table, so that row level security binds it.
psql -v ON_ERROR_STOP=1 -v password="$APP_PASSWORD" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE ROLE workflow_app LOGIN PASSWORD :'password';
SQL
