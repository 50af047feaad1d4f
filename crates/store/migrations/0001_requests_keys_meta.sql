-- Times are microseconds since 1970, money is nano-dollars, ids are UUIDv7 as text.
-- INTEGER PRIMARY KEY is SQLite's spelling of an ascending number, and BLOB of bytes; PostgreSQL's opener replaces
-- these words.

-- One row per request, written once. `seq` orders by time of writing (a long call is written after a short one that
-- arrived later), `id` by time of arrival. What lists filter by has a column; everything else is in `detail`, in the
-- compact form of `src/detail.rs`. `outcome`: 1 success, 2 refused, 3 failed, 4 partial, 5 client disconnected.
-- No NOT NULL: a constraint that can fail midway makes SQLite copy every page that a statement touches. The one writer
-- (`src/write.rs`) sets everything but `key_id` and `model`.
CREATE TABLE requests (
    seq     INTEGER PRIMARY KEY,
    id      TEXT   UNIQUE,
    key_id  TEXT,
    model   TEXT,
    status  BIGINT,
    outcome BIGINT,
    detail  BLOB
);

-- An index is paid for by every request: one on the key doubles what a row costs, since each row of a batch then
-- touches another page. Lists go newest first and stop when the page is full, so only what is rare needs an index:
-- what went wrong.
CREATE INDEX requests_not_ok ON requests (id) WHERE status <> 200;

-- Gateway keys. Hashes are keyed with the pepper, which is not in here; the secret itself is nowhere.
CREATE TABLE keys (
    id             TEXT   NOT NULL PRIMARY KEY,
    env            TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    hash           TEXT   NOT NULL,
    previous_hash  TEXT,
    previous_until BIGINT,
    models         TEXT   NOT NULL,
    expires_at     BIGINT,
    disabled       BIGINT NOT NULL,
    parallel       BIGINT,
    created_at     BIGINT NOT NULL
);

-- Numbers that belong to the whole database.
CREATE TABLE meta (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- Raised in the transaction of every change of a key, so that a replica sees with one read whether it must look.
INSERT INTO meta (name, value) VALUES ('keys_version', 1);
