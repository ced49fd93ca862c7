-- A month that was put back stays in the table for a while; its file is kept, and is read again before the month goes into a new one.
ALTER TABLE archives ADD COLUMN restored_at timestamptz;
