CREATE TABLE run (
    id         TEXT PRIMARY KEY,
    project    TEXT NOT NULL,
    started_at TEXT NOT NULL,
    -- NULL while the run is under way.
    outcome    TEXT,
    -- A run that needs attention has an outcome and is open all the same.
    open       INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE UNIQUE INDEX one_open_run ON run (project) WHERE open = 1;

CREATE TABLE record (
    run  TEXT    NOT NULL REFERENCES run (id),
    seq  INTEGER NOT NULL,
    json TEXT    NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT;
