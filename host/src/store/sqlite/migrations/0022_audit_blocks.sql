-- The records of a commit are kept together, so that a record costs a line and not a row of
-- its own: a block is text, one line for each record, consecutive from the place `first` on. A
-- line is a JSON array of the columns of the view below, in their order, without the log.
CREATE TABLE audit_blocks (
    log     TEXT    NOT NULL,
    first   INTEGER NOT NULL,
    records TEXT    NOT NULL,
    PRIMARY KEY (log, first)
) STRICT;

INSERT INTO audit_blocks
SELECT log, min(seq), group_concat(json_array(seq, time, request_id, workload, address,
    component_name, component_digest, component_revision, action, relying_party, target, outcome,
    CASE WHEN json_valid(policies) THEN json(policies) ELSE policies END) || char(10), '' ORDER BY seq)
FROM (SELECT * FROM audit ORDER BY log, seq) GROUP BY log, seq / 256;

DROP TABLE audit;

-- Record by record, for people and their queries.
CREATE VIEW audit AS
SELECT log, value ->> 0 AS seq, value ->> 1 AS time, value ->> 2 AS request_id,
    value ->> 3 AS workload, value ->> 4 AS address, value ->> 5 AS component_name,
    value ->> 6 AS component_digest, value ->> 7 AS component_revision, value ->> 8 AS action,
    value ->> 9 AS relying_party, value ->> 10 AS target, value ->> 11 AS outcome,
    value ->> 12 AS policies
FROM audit_blocks, json_each('[' || replace(rtrim(records, char(10)), char(10), ',') || ']');

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit_blocks
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- Behind the last block; but for the rest of a block of which the beginning is cut.
CREATE TRIGGER audit_no_insert BEFORE INSERT ON audit_blocks
WHEN EXISTS (SELECT 1 FROM audit_blocks WHERE log = NEW.log AND first >= NEW.first)
    AND NOT EXISTS (SELECT 1 FROM audit_blocks
        WHERE log = NEW.log AND first < NEW.first AND NEW.records <> ''
            AND substr(records, -1 - length(NEW.records)) = char(10) || NEW.records)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- Each record only when it is older than 365 days and its leaf stays behind, or when it stands
-- in another block.
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_blocks
WHEN EXISTS (
    SELECT 1
    FROM json_each('[' || replace(rtrim(OLD.records, char(10)), char(10), ',') || ']') AS record
    WHERE NOT EXISTS (SELECT 1 FROM audit_blocks
            WHERE log = OLD.log AND first > OLD.first AND first <= record.value ->> 0
                AND instr(records, record.value || char(10)) > 0)
        AND (record.value ->> 1 > (unixepoch() - 365 * 86400) * 1000
            OR NOT EXISTS (SELECT 1 FROM audit_pruned p
                WHERE p.log = OLD.log AND p.seq = record.value ->> 0)))
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
