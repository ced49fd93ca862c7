-- Which campaigns Meta reported in a window that is whole: a bit for each of its days. A slice that is finished by a later try takes back
-- what Meta reports no more as one of a single try does.
ALTER TABLE insight_reports ADD COLUMN reported jsonb NOT NULL DEFAULT '{}';
