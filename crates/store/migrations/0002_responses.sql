-- Answers of the Responses API, by owner: the key that asked. `input` and `response` are JSON, and NULL where the
-- provider keeps them itself. `previous` is the answer that this one goes on from.
CREATE TABLE responses (
    owner      TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    account    TEXT   NOT NULL,
    target     TEXT   NOT NULL,
    previous   TEXT,
    input      TEXT,
    response   TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);

CREATE INDEX responses_by_age ON responses (created_at);

-- Which account sealed a thought that only it can read. The digest says nothing of the thought.
CREATE TABLE seals (
    owner      TEXT   NOT NULL,
    digest     TEXT   NOT NULL,
    account    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner, digest)
);

CREATE INDEX seals_by_age ON seals (created_at);
