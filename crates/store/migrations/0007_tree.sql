-- Objects of the tree that people made here, not in the file: organizations, teams, users, roles and so on. `kind` is the
-- setting that lists them (`teams`), `body` the object as the file would have it, in JSON.
CREATE TABLE tree (
    kind       TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
