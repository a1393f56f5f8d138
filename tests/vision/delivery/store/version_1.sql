BEGIN TRANSACTION;
CREATE TABLE sightline_deliveries (
            number INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
            id TEXT NOT NULL UNIQUE,
            event_id TEXT NOT NULL REFERENCES sightline_events (id) ON DELETE CASCADE,
            target TEXT NOT NULL,
            stage TEXT NOT NULL,
            state TEXT NOT NULL,
            head INTEGER NOT NULL,
            bundle TEXT,
            created DOUBLE PRECISION NOT NULL,
            next_at DOUBLE PRECISION NOT NULL,
            expires DOUBLE PRECISION NOT NULL,
            attempts INTEGER NOT NULL,
            sent_at DOUBLE PRECISION,
            error TEXT,
            payload TEXT NOT NULL
        );
INSERT INTO "sightline_deliveries" VALUES(1,'01M3250VZ8GRR9K85PSAGABNSY_opened_hook','01M3250VZ8GRR9K85PSAGABNSY','hook','opened','pending',1,NULL,1790000000.0,1790000020.0,1791000000.0,2,NULL,'HTTP 503','{"id":"01M3250VZ8GRR9K85PSAGABNSY","type":"intrusion","camera":"yard","severity":"alert","start":1790000001.0,"end":null,"opened":1790000001.4,"at":1790000002.123,"zone":"lawn","label":"person","score":0.877,"track_id":null,"count":1,"box":[0.1,0.2,0.3333,0.9],"facts":{"dwell_s":7.4,"path":[0.1,0.25],"labels":["person","人"],"near":null,"armed":true},"evidence":{"snapshot":null,"clip":null},"summary":null,"state":"open","rule":"intrusion-1"}');
INSERT INTO "sightline_deliveries" VALUES(2,'01M3250VZ8GRR9K85PSAGABNSY_closed_hook','01M3250VZ8GRR9K85PSAGABNSY','hook','closed','pending',0,NULL,1790000000.0,0.0,1791000000.0,0,NULL,NULL,'{"id":"01M3250VZ8GRR9K85PSAGABNSY","type":"intrusion","camera":"yard","severity":"alert","start":1790000001.0,"end":null,"opened":1790000001.4,"at":1790000002.123,"zone":"lawn","label":"person","score":0.877,"track_id":null,"count":1,"box":[0.1,0.2,0.3333,0.9],"facts":{"dwell_s":7.4,"path":[0.1,0.25],"labels":["person","人"],"near":null,"armed":true},"evidence":{"snapshot":null,"clip":null},"summary":null,"state":"open","rule":"intrusion-1"}');
CREATE TABLE sightline_events (
            id TEXT PRIMARY KEY NOT NULL,
            camera TEXT NOT NULL,
            type TEXT NOT NULL,
            severity TEXT NOT NULL,
            state TEXT NOT NULL,
            zone TEXT,
            started DOUBLE PRECISION NOT NULL,
            ended DOUBLE PRECISION,
            opened DOUBLE PRECISION NOT NULL,
            recorded DOUBLE PRECISION NOT NULL,
            changed DOUBLE PRECISION NOT NULL,
            document TEXT NOT NULL
        );
INSERT INTO "sightline_events" VALUES('01M3250VZ8GRR9K85PSAGABNSY','yard','intrusion','alert','open','lawn',1790000001.0,NULL,1790000001.4,1790000000.0,1790000000.0,'{"id":"01M3250VZ8GRR9K85PSAGABNSY","type":"intrusion","camera":"yard","severity":"alert","start":1790000001.0,"end":null,"opened":1790000001.4,"at":1790000002.1234567,"zone":"lawn","label":"person","score":0.87654321,"track_id":null,"count":1,"box":[0.1,0.2,0.3333333333333333,0.9],"facts":{"dwell_s":7.4,"path":[0.1,0.25],"labels":["person","人"],"near":null,"armed":true},"evidence":{"snapshot":null,"clip":null},"summary":null,"state":"open","rule":"intrusion-1","clip":null}');
CREATE TABLE sightline_schema (version INTEGER NOT NULL);
INSERT INTO "sightline_schema" VALUES(1);
CREATE INDEX sightline_events_start ON sightline_events (started, id);
CREATE INDEX sightline_events_camera ON sightline_events (camera, started, id);
CREATE INDEX sightline_events_type ON sightline_events (type, started, id);
CREATE INDEX sightline_events_state ON sightline_events (state, started, id);
CREATE INDEX sightline_deliveries_event ON sightline_deliveries (event_id, target);
CREATE INDEX sightline_deliveries_state ON sightline_deliveries (state, target);
CREATE INDEX sightline_deliveries_bundle ON sightline_deliveries (bundle, created, number);
CREATE INDEX sightline_deliveries_due ON sightline_deliveries (state, target, next_at, number) WHERE state = 'pending' AND head = 1;
CREATE INDEX sightline_deliveries_held ON sightline_deliveries (bundle, number) WHERE state = 'held';
CREATE INDEX sightline_deliveries_windows ON sightline_deliveries (target, next_at) WHERE state = 'held';
CREATE INDEX sightline_deliveries_unsent ON sightline_deliveries (state, target, created) WHERE state IN ('pending', 'held');
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('sightline_deliveries',2);
COMMIT;
