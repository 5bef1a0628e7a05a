-- What providers say that they charged, and what is known of the file of each attempt.

ALTER TABLE attempts ADD COLUMN charged_micros BIGINT;   -- by the provider's own word; nothing where it said none
ALTER TABLE attempts ADD COLUMN file TEXT;               -- downloads that failed, what was announced
