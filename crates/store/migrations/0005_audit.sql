-- What administrators did, in the order in which it was done: rows are added and never changed. What each column holds,
-- how `hash` is made of the others and of the row before is in `govern::audit::Entry`. `actor`, and the target of what was
-- done to a user, are ids of `audit_parties`.
CREATE TABLE audit (
    seq         INTEGER PRIMARY KEY,
    at          BIGINT NOT NULL,
    actor       TEXT   NOT NULL,
    tenant      TEXT   NOT NULL,
    action      TEXT   NOT NULL,
    target      TEXT   NOT NULL,
    fields      TEXT   NOT NULL,
    before_hash TEXT   NOT NULL,
    after_hash  TEXT   NOT NULL,
    ip          TEXT   NOT NULL,
    request_id  TEXT   NOT NULL,
    prev_hash   TEXT   NOT NULL,
    hash        TEXT   NOT NULL
);

CREATE INDEX audit_by_tenant ON audit (tenant, seq);
CREATE INDEX audit_by_actor ON audit (actor, seq);

-- Whoever appends locks this row until the end of the transaction.
CREATE TABLE audit_head (
    one  BIGINT NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL,
    hash TEXT   NOT NULL
);

INSERT INTO audit_head (one, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Who appears in the log. Deleting a row erases a person: the log keeps an id that means nothing, and what was sealed under
-- `key` cannot be read any more.
CREATE TABLE audit_parties (
    id   TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key  TEXT NOT NULL
);
