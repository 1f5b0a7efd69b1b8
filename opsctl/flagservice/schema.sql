-- Schema 1. The application id and user_version in the file's header say whose it is and how new.
-- Projects and environments that are deleted keep their rows; their documents say no more than that, and at which version.
CREATE TABLE projects (
    key TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE environments (
    project TEXT NOT NULL REFERENCES projects (key),
    key TEXT NOT NULL,
    position INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (project, key)
) STRICT;

-- A deleted flag keeps its row, so that one made again under its key goes on above the versions it had.
CREATE TABLE flags (
    project TEXT NOT NULL REFERENCES projects (key),
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (project, key)
) STRICT;

CREATE TRIGGER flag_versions_only_go_up BEFORE UPDATE ON flags WHEN NEW.version <= OLD.version
BEGIN
    SELECT RAISE(ABORT, 'a flag''s version must go up');
END;

CREATE TRIGGER flag_rows_stay BEFORE DELETE ON flags
BEGIN
    SELECT RAISE(ABORT, 'a flag''s row must stay');
END;

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    deleted INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

-- The hash of every secret that a token has or had: what was revoked once stays known, and revoked.
CREATE TABLE token_secrets (
    digest TEXT PRIMARY KEY,
    token TEXT NOT NULL REFERENCES tokens (id),
    good_until_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    date_ms INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_date ON audit (date_ms);

CREATE TRIGGER audit_entries_stay BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit entries must stay');
END;

CREATE TRIGGER audit_entries_stay_as_they_are BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit entries must stay as they are');
END;

-- By the environment's id. A deleted segment keeps its row, as a deleted flag does.
CREATE TABLE segments (
    environment TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (environment, key)
) STRICT;

CREATE TRIGGER segment_versions_only_go_up BEFORE UPDATE ON segments WHEN NEW.version <= OLD.version
BEGIN
    SELECT RAISE(ABORT, 'a segment''s version must go up');
END;

CREATE TRIGGER segment_rows_stay BEFORE DELETE ON segments
BEGIN
    SELECT RAISE(ABORT, 'a segment''s row must stay');
END;

-- What is pending, and what triggers there are: gone with the flag or the environment that it is about.
CREATE TABLE approval_requests (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    flag TEXT NOT NULL,
    environment TEXT,
    document TEXT NOT NULL,
    FOREIGN KEY (project, flag) REFERENCES flags (project, key)
) STRICT;

CREATE TABLE scheduled_changes (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    flag TEXT NOT NULL,
    environment TEXT NOT NULL,
    execution_ms INTEGER NOT NULL,
    document TEXT NOT NULL,
    FOREIGN KEY (project, flag) REFERENCES flags (project, key)
) STRICT;

CREATE INDEX scheduled_changes_by_time ON scheduled_changes (execution_ms);

-- Of a trigger's URL, which is as good as a token, only the hash of its secret part is kept.
CREATE TABLE flag_triggers (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    flag TEXT NOT NULL,
    environment TEXT NOT NULL,
    digest TEXT NOT NULL,
    document TEXT NOT NULL,
    FOREIGN KEY (project, flag) REFERENCES flags (project, key)
) STRICT;

CREATE TRIGGER nothing_is_pending_for_a_deleted_flag AFTER UPDATE ON flags WHEN NEW.deleted = 1
BEGIN
    DELETE FROM approval_requests WHERE project = NEW.project AND flag = NEW.key;
    DELETE FROM scheduled_changes WHERE project = NEW.project AND flag = NEW.key;
    DELETE FROM flag_triggers WHERE project = NEW.project AND flag = NEW.key;
END;

CREATE TRIGGER nothing_is_pending_in_a_deleted_environment AFTER UPDATE ON environments
WHEN json_extract(NEW.document, '$.deleted_at_version') IS NOT NULL
BEGIN
    DELETE FROM approval_requests WHERE project = NEW.project AND environment = NEW.key;
    DELETE FROM scheduled_changes WHERE project = NEW.project AND environment = NEW.key;
    DELETE FROM flag_triggers WHERE project = NEW.project AND environment = NEW.key;
END;

-- What events of SDKs told, by the environment's id.
CREATE TABLE flag_uses (
    environment TEXT NOT NULL,
    flag TEXT NOT NULL,
    last_requested_ms INTEGER NOT NULL,
    fallback_value TEXT NOT NULL,
    PRIMARY KEY (environment, flag)
) STRICT;

CREATE TABLE evaluation_counts (
    environment TEXT NOT NULL,
    flag TEXT NOT NULL,
    variation INTEGER NOT NULL,
    length_ms INTEGER NOT NULL,
    begin_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (environment, flag, variation, length_ms, begin_ms)
) STRICT;

CREATE TABLE contexts (
    environment TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (environment, kind, key)
) STRICT;
