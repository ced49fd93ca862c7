-- The last step of a run that was something else than a message, so that a repeat does nothing again; and which rules' status changes led to this run, so that no circle of rules turns for ever.
ALTER TABLE automation_runs ADD COLUMN acted_step integer NOT NULL DEFAULT -1, ADD COLUMN chain uuid[] NOT NULL DEFAULT '{}';
