import GRDB
import MeshProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Index {
    /// Every table that a snapshot holds, in the order of their rows there.
    ///
    /// Nothing is left out: the position of the log is kept beside the rows. New tables come last:
    /// a snapshot names a table by its place.
    static let tables = [
        "incarnation", "parcel", "entry", "blob", "statement", "parcel_statement", "own_batch",
        "peer", "seen", "landed", "intent", "outbox", "outbox_end", "source_file", "task",
        "cached_blob", "note", "tally", "gap",
    ]

    /// Forward-only: a migration that has shipped is never edited.
    ///
    /// Columns are only ever added, at the end and with a default: the rows of an older snapshot
    /// have fewer.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("0001-spine") { db in
            try db.execute(sql: Self.parcelTables)
            try db.execute(sql: Self.statementTables)
            try db.execute(sql: Self.endTables)
        }
        migrator.registerMigration("0002-mesh") { db in
            try db.execute(sql: Self.meshColumns)
            try db.execute(sql: Self.cacheTables)
            try db.execute(sql: Self.noteTables)
            try db.execute(sql: Self.orders)
            try Self.fillModified(db)
        }
        migrator.registerMigration("0003-sources") { db in
            try db.execute(sql: Self.sourceColumns)
        }
        return migrator
    }

    private static let parcelTables = """
        CREATE TABLE log_position (
            one         INTEGER PRIMARY KEY CHECK (one = 1),
            segment     INTEGER NOT NULL,
            byte_offset INTEGER NOT NULL                    -- bytes; records before it are applied
        ) STRICT;
        CREATE TABLE incarnation (
            number INTEGER PRIMARY KEY,
            random INTEGER NOT NULL,
            at     INTEGER NOT NULL                         -- Unix milliseconds
        ) STRICT;
        CREATE TABLE parcel (
            number             INTEGER PRIMARY KEY,         -- local, in order of arrival
            parcel_id          BLOB    NOT NULL UNIQUE CHECK (length(parcel_id) = 32),
            origin             TEXT    NOT NULL,
            flow               TEXT    NOT NULL,
            incarnation_number INTEGER NOT NULL,
            incarnation_random INTEGER NOT NULL,
            sequence           INTEGER NOT NULL,
            collector          TEXT    NOT NULL,
            class              INTEGER NOT NULL,            -- 0 is the most urgent
            size               INTEGER NOT NULL CHECK (size >= 0),  -- bytes
            path               BLOB    NOT NULL,
            giver              TEXT,                        -- null: captured here
            stamp              BLOB,                        -- of the source file, captured here
            opening            BLOB    NOT NULL,
            opening_signature  BLOB    NOT NULL,
            closing            BLOB,
            closing_signature  BLOB,
            passage            BLOB    NOT NULL,            -- lines up to the giver's
            is_small           INTEGER NOT NULL CHECK (is_small IN (0, 1)),
            body_segment       INTEGER,                     -- a small parcel's record
            body_offset        INTEGER,                     -- bytes
            body_length        INTEGER,                     -- bytes
            reserved           INTEGER NOT NULL DEFAULT 0,  -- bytes
            entries_known      INTEGER NOT NULL DEFAULT 0,  -- entries 0..<n are here
            state              TEXT    NOT NULL
                               CHECK (state IN ('arriving', 'held', 'passed', 'ended')),
            ending             TEXT,                        -- the terminal statement's kind
            is_damaged         INTEGER NOT NULL DEFAULT 0 CHECK (is_damaged IN (0, 1)),
            arrived_at         INTEGER NOT NULL,            -- Unix milliseconds, as all below
            closed_at          INTEGER,
            held_at            INTEGER,
            passed_at          INTEGER,
            passed_to          TEXT,
            ended_at           INTEGER
        ) STRICT;
        CREATE INDEX parcel_live ON parcel (number) WHERE state IN ('arriving', 'held');
        CREATE INDEX parcel_by_sequence
            ON parcel (origin, flow, incarnation_number, incarnation_random, sequence);
        CREATE INDEX parcel_by_path ON parcel (path, number);
        CREATE INDEX parcel_by_segment ON parcel (body_segment) WHERE body_segment IS NOT NULL;
        CREATE TABLE entry (
            parcel  INTEGER NOT NULL REFERENCES parcel (number),
            number  INTEGER NOT NULL,
            blob_id BLOB    NOT NULL CHECK (length(blob_id) = 32),
            encoded BLOB    NOT NULL CHECK (length(encoded) = 41),
            PRIMARY KEY (parcel, number)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX entry_by_blob ON entry (blob_id);
        CREATE TABLE blob (
            blob_id     BLOB    NOT NULL PRIMARY KEY CHECK (length(blob_id) = 32),
            segment     INTEGER NOT NULL,
            byte_offset INTEGER NOT NULL,                   -- of the body, bytes
            byte_length INTEGER NOT NULL CHECK (byte_length >= 0)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX blob_by_segment ON blob (segment);
        """

    private static let statementTables = """
        CREATE TABLE statement (
            digest             BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
            signer             TEXT    NOT NULL,
            kind               TEXT    NOT NULL,
            batch_number       INTEGER NOT NULL,
            incarnation_number INTEGER NOT NULL,
            is_issued          INTEGER NOT NULL CHECK (is_issued IN (0, 1)),  -- 1: made here
            at                 INTEGER NOT NULL,            -- Unix milliseconds, here
            bytes              BLOB    NOT NULL             -- a SignedStatement, verbatim
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE parcel_statement (
            parcel INTEGER NOT NULL REFERENCES parcel (number),
            digest BLOB    NOT NULL REFERENCES statement (digest),
            PRIMARY KEY (parcel, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE own_batch (
            incarnation_number INTEGER NOT NULL PRIMARY KEY,
            number             INTEGER NOT NULL,
            digest             BLOB    NOT NULL CHECK (length(digest) = 32)
        ) STRICT;
        CREATE TABLE peer (
            node               TEXT    NOT NULL PRIMARY KEY,
            incarnation_number INTEGER NOT NULL,
            incarnation_random INTEGER NOT NULL,
            batch              INTEGER NOT NULL,            -- highest number held of that incarnation
            at                 INTEGER NOT NULL             -- Unix milliseconds
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE outbox (
            neighbour TEXT    NOT NULL,
            digest    BLOB    NOT NULL REFERENCES statement (digest),
            number    INTEGER NOT NULL,                     -- order of sending
            PRIMARY KEY (neighbour, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE outbox_end (
            neighbour TEXT    NOT NULL PRIMARY KEY,
            number    INTEGER NOT NULL                      -- the last one given
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX outbox_by_number ON outbox (neighbour, number);
        """

    private static let endTables = """
        CREATE TABLE seen (
            origin             TEXT    NOT NULL,
            flow               TEXT    NOT NULL,
            incarnation_number INTEGER NOT NULL,
            incarnation_random INTEGER NOT NULL,
            first              INTEGER NOT NULL,            -- sequence
            last               INTEGER NOT NULL CHECK (last >= first),
            state              TEXT    NOT NULL,
            PRIMARY KEY (origin, flow, incarnation_number, incarnation_random, first)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE landed (
            origin             TEXT    NOT NULL,
            flow               TEXT    NOT NULL,
            path               BLOB    NOT NULL,            -- the origin's
            landed_path        BLOB    NOT NULL,            -- beneath the landing root
            incarnation_number INTEGER NOT NULL,
            incarnation_random INTEGER NOT NULL,
            sequence           INTEGER NOT NULL,
            digest             BLOB    NOT NULL CHECK (length(digest) = 32),
            size               INTEGER NOT NULL,            -- bytes
            at                 INTEGER NOT NULL,            -- Unix milliseconds
            PRIMARY KEY (origin, flow, path)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE intent (
            parcel_id      BLOB    NOT NULL PRIMARY KEY CHECK (length(parcel_id) = 32),
            temporary_path BLOB    NOT NULL,
            device         INTEGER NOT NULL,
            inode          INTEGER NOT NULL,
            final_path     BLOB    NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE source_file (
            flow     TEXT    NOT NULL,
            path     BLOB    NOT NULL,
            stamp    BLOB    NOT NULL,                      -- of the version last opened
            parcel   INTEGER NOT NULL REFERENCES parcel (number),
            attempts INTEGER NOT NULL DEFAULT 0,            -- openings refused for their digest
            PRIMARY KEY (flow, path)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX source_file_by_parcel ON source_file (parcel);
        CREATE TABLE task (
            id   INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            body BLOB NOT NULL
        ) STRICT;
        """

    private static let meshColumns = """
        ALTER TABLE parcel ADD COLUMN modified INTEGER NOT NULL DEFAULT 0;  -- Unix nanoseconds
        ALTER TABLE parcel ADD COLUMN mode INTEGER NOT NULL DEFAULT 1
            CHECK (mode IN (1, 2));                         -- of its admission: whole, through
        ALTER TABLE parcel ADD COLUMN next_hop TEXT;        -- through only
        ALTER TABLE parcel ADD COLUMN is_held_back INTEGER NOT NULL DEFAULT 0
            CHECK (is_held_back IN (0, 1));                 -- by the operator
        CREATE INDEX parcel_held_back ON parcel (number) WHERE is_held_back = 1;
        CREATE INDEX parcel_passed ON parcel (passed_to, number) WHERE state = 'passed';
        ALTER TABLE incarnation ADD COLUMN kept_batch INTEGER;
            -- what was stated up to it still stands; null: none of it, or the life goes on
        ALTER TABLE statement ADD COLUMN incarnation_random INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX statement_by_life ON statement (signer, incarnation_number, batch_number);
        ALTER TABLE peer ADD COLUMN met_number INTEGER;     -- its life in the last hello that counted;
        ALTER TABLE peer ADD COLUMN met_random INTEGER;     -- null: not met in this life of ours
        """

    private static let cacheTables = """
        ALTER TABLE entry ADD COLUMN is_passed INTEGER NOT NULL DEFAULT 0
            CHECK (is_passed IN (0, 1));                    -- its parcel needs the blob no more
        CREATE TABLE cached_blob (                          -- released, good for another parcel
            blob_id     BLOB    NOT NULL PRIMARY KEY CHECK (length(blob_id) = 32),
            segment     INTEGER NOT NULL,
            byte_offset INTEGER NOT NULL,                   -- of the body, bytes
            byte_length INTEGER NOT NULL CHECK (byte_length >= 0)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX cached_blob_by_place ON cached_blob (segment, byte_offset, byte_length);
        CREATE INDEX blob_by_place ON blob (segment, byte_offset, byte_length);
        DROP INDEX blob_by_segment;
        """

    /// In `outbox` and `outbox_end` the column `neighbour` is any node that a note is for.
    private static let noteTables = """
        ALTER TABLE outbox ADD COLUMN at INTEGER NOT NULL DEFAULT 0;  -- Unix milliseconds
        ALTER TABLE outbox ADD COLUMN first_choice TEXT;    -- the neighbour to send it by
        CREATE TABLE note (                                 -- notes that are no statements of ours
            destination  TEXT    NOT NULL,
            digest       BLOB    NOT NULL CHECK (length(digest) = 32),  -- of the body
            number       INTEGER NOT NULL,                  -- order of sending, as in outbox
            kind         TEXT    NOT NULL CHECK (kind IN ('statement', 'tally', 'inquiry')),
            subject      TEXT,                              -- a newer note on it replaces this one
            version      INTEGER NOT NULL,                  -- which is newer
            hops         INTEGER NOT NULL CHECK (hops > 0), -- left
            came_from    TEXT,                              -- null: made here
            first_choice TEXT,                              -- the neighbour to send it by
            at           INTEGER NOT NULL,                  -- Unix milliseconds
            body         BLOB    NOT NULL,
            PRIMARY KEY (destination, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX note_by_number ON note (destination, number);
        CREATE UNIQUE INDEX note_by_subject ON note (destination, subject)
            WHERE subject IS NOT NULL;
        CREATE INDEX note_by_age ON note (at) WHERE came_from IS NOT NULL;
        CREATE TABLE tally (                                -- an origin's latest, at its collector
            origin             TEXT    NOT NULL,
            flow               TEXT    NOT NULL,
            incarnation_number INTEGER NOT NULL,
            incarnation_random INTEGER NOT NULL,
            stated_at          INTEGER NOT NULL,            -- by the origin's clock
            at                 INTEGER NOT NULL,            -- received, Unix milliseconds
            body               BLOB    NOT NULL,            -- signed, verbatim
            PRIMARY KEY (origin, flow, incarnation_number, incarnation_random)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE gap (                                  -- as of the latest tally
            origin             TEXT    NOT NULL,
            flow               TEXT    NOT NULL,
            incarnation_number INTEGER NOT NULL,
            incarnation_random INTEGER NOT NULL,
            first              INTEGER NOT NULL,            -- sequence
            last               INTEGER NOT NULL CHECK (last >= first),
            since              INTEGER NOT NULL,            -- noticed, Unix milliseconds
            PRIMARY KEY (origin, flow, incarnation_number, incarnation_random, first)
        ) STRICT, WITHOUT ROWID;
        ALTER TABLE parcel ADD COLUMN unknown_at INTEGER;   -- the collector does not know it
        CREATE INDEX parcel_unanswered ON parcel (passed_at)
            WHERE state = 'passed' AND giver IS NULL;
        CREATE INDEX landed_by_time ON landed (origin, flow, at);
        """

    /// The orders in which parcels wait.
    ///
    /// What lands here is in none of them: every change of its state would be written there too.
    private static let orders = """
        ALTER TABLE parcel ADD COLUMN is_onward INTEGER NOT NULL DEFAULT 1
            CHECK (is_onward IN (0, 1));                    -- 0: it lands here, and waits in no order
        CREATE INDEX parcel_by_age ON parcel (flow, origin, giver, is_small, modified)
            WHERE state IN ('arriving', 'held') AND is_onward = 1;
        CREATE INDEX parcel_by_size ON parcel (flow, origin, giver, is_small, size)
            WHERE state IN ('arriving', 'held') AND is_onward = 1;
        """

    private static let sourceColumns = """
        ALTER TABLE parcel ADD COLUMN is_in_source INTEGER NOT NULL DEFAULT 0
            CHECK (is_in_source IN (0, 1));                 -- its blobs are in the file, not in the log
        CREATE INDEX parcel_in_source ON parcel (flow, size)
            WHERE state IN ('arriving', 'held') AND is_in_source = 1;
        """

    /// Fills `modified` in rows that were made before there was such a column.
    static func fillModified(_ db: Database) throws {
        let function = DatabaseFunction("modified_in", argumentCount: 1, pure: true) { values in
            guard let bytes = Data.fromDatabaseValue(values[0]) else { return nil }
            return try Opening(encoded: [UInt8](bytes)).modified
        }
        db.add(function: function)
        try db.execute(sql: "UPDATE parcel SET modified = modified_in(opening) WHERE modified = 0")
        db.remove(function: function)
    }
}
