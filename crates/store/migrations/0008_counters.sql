-- What was booked on the counters of limits: the sums of the charges of all records, kept with them in one transaction.
-- `slot` is a part of the counter's window, in microseconds since 1970; from `until` on it counts no more.
CREATE TABLE counters (
    name  TEXT   NOT NULL,
    slot  BIGINT NOT NULL,
    used  BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (name, slot)
);

CREATE INDEX counters_by_until ON counters (until);
