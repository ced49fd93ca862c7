-- Which version Graph served the last call with: a version that ended is not refused but answered by a newer one.
ALTER TABLE connections ADD COLUMN served_version text;
