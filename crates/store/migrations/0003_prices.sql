-- Every price that was in force, by the version that records name it by. A row is written once and never changed. `price`
-- is JSON, in pico-dollars per unit.
CREATE TABLE prices (
    version    TEXT   NOT NULL PRIMARY KEY,
    price      TEXT   NOT NULL,
    first_seen BIGINT NOT NULL
);

-- Costs that were changed after the call: a row per change of a record, in the order of the changes. `before` and `after`
-- are JSON: the cost, whether it was whole or an estimate, and the price of each attempt.
CREATE TABLE repricings (
    seq     INTEGER PRIMARY KEY,
    request TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    author  TEXT   NOT NULL,
    before  TEXT   NOT NULL,
    after   TEXT   NOT NULL
);

CREATE INDEX repricings_by_request ON repricings (request);
