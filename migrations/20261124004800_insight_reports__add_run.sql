-- Whose reading it is: what an earlier run left behind is older than what a new one is asked for.
ALTER TABLE insight_reports ADD COLUMN run_id text NOT NULL DEFAULT '';
