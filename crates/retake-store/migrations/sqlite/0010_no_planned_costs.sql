-- What an attempt would cost was kept and never read, with 0 for a price that nobody knows. The plan has it.

ALTER TABLE attempts DROP COLUMN cost_micros;
