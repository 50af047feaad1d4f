-- To whom a key belongs: ids of the tree, which the configuration or this database declares.
ALTER TABLE keys ADD COLUMN owner_user            TEXT;
ALTER TABLE keys ADD COLUMN owner_virtual_account TEXT;
ALTER TABLE keys ADD COLUMN owner_project         TEXT;
ALTER TABLE keys ADD COLUMN owner_team            TEXT;
ALTER TABLE keys ADD COLUMN owner_organization    TEXT;

-- The caller's place in the tree as one text (`;o=default;t=research;u=ada;`), to list by; NULL where nobody was let in.
-- It stands in `detail` too.
ALTER TABLE requests ADD COLUMN place TEXT;
