-- The characters of one owner are counted and listed without a look at everybody else's.

CREATE INDEX characters_owned ON characters (owner, id);
