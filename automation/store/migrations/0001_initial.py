"""The first schema. Times are UTC seconds, money is fen, `state` numbers are named in automation/store/states.py."""

from automation.store.schema import create

PEOPLE = """
CREATE TABLE zone (id {id}, name TEXT NOT NULL UNIQUE);
CREATE TABLE name (id {id}, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name));
CREATE TABLE person (
    id {id}, uid TEXT NOT NULL UNIQUE, seed BIGINT NOT NULL, zone_id BIGINT, name TEXT, stage TEXT,
    recency SMALLINT, frequency SMALLINT, monetary SMALLINT, points BIGINT NOT NULL DEFAULT 0, attrs TEXT,
    merged_into BIGINT, created_at BIGINT NOT NULL, changed_at BIGINT NOT NULL);
CREATE INDEX person_stage ON person (stage) WHERE stage IS NOT NULL;
CREATE INDEX person_merged ON person (merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE identity (
    id {id}, kind TEXT NOT NULL, account TEXT NOT NULL DEFAULT '', lookup {blob} NOT NULL, person_id BIGINT NOT NULL,
    sealed {blob} NOT NULL, key_id SMALLINT NOT NULL, verified_at BIGINT);
CREATE UNIQUE INDEX identity_lookup ON identity (lookup);
CREATE INDEX identity_person ON identity (person_id);
CREATE TABLE merge (
    id {id}, kept BIGINT NOT NULL, gone BIGINT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL, undone_at BIGINT,
    before TEXT NOT NULL);
CREATE TABLE merge_move (merge_id BIGINT NOT NULL, tbl TEXT NOT NULL, row_id BIGINT NOT NULL, before TEXT,
    PRIMARY KEY (merge_id, tbl, row_id));
CREATE TABLE person_tag (
    tag_id BIGINT NOT NULL, person_id BIGINT NOT NULL, source TEXT NOT NULL, since BIGINT NOT NULL, until BIGINT,
    PRIMARY KEY (tag_id, person_id)){norowid};
CREATE INDEX person_tag_person ON person_tag (person_id);
CREATE INDEX person_tag_until ON person_tag (until) WHERE until IS NOT NULL;
CREATE TABLE person_date (
    field TEXT NOT NULL, calendar SMALLINT NOT NULL, month SMALLINT NOT NULL, day SMALLINT NOT NULL,
    leap SMALLINT NOT NULL DEFAULT 0, person_id BIGINT NOT NULL, year SMALLINT,
    PRIMARY KEY (field, calendar, month, day, leap, person_id)){norowid};
CREATE UNIQUE INDEX person_date_person ON person_date (person_id, field);
CREATE TABLE computed_value (
    name_id BIGINT NOT NULL, person_id BIGINT NOT NULL, num NUMERIC, txt TEXT, PRIMARY KEY (name_id,
    person_id)){norowid};
CREATE INDEX computed_value_num ON computed_value (name_id, num) WHERE num IS NOT NULL;
CREATE TABLE consent (
    person_id BIGINT NOT NULL, channel TEXT NOT NULL, purpose TEXT NOT NULL, granted SMALLINT NOT NULL,
    source TEXT NOT NULL, at BIGINT NOT NULL, text_version TEXT, evidence TEXT,
    PRIMARY KEY (person_id, channel, purpose)){norowid};
CREATE TABLE consent_log (
    id {id}, person_id BIGINT NOT NULL, channel TEXT NOT NULL, purpose TEXT NOT NULL, granted SMALLINT NOT NULL,
    source TEXT NOT NULL, at BIGINT NOT NULL, text_version TEXT, evidence TEXT);
CREATE INDEX consent_log_person ON consent_log (person_id);
CREATE TABLE suppression (
    kind TEXT NOT NULL, lookup {blob} NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL,
    PRIMARY KEY (kind, lookup)){norowid};
CREATE TABLE import_job (
    id {id}, kind TEXT NOT NULL, file_hash TEXT NOT NULL, file_name TEXT NOT NULL, rows_done BIGINT NOT NULL DEFAULT 0,
    taken BIGINT NOT NULL DEFAULT 0, rejected BIGINT NOT NULL DEFAULT 0, state TEXT, started_at BIGINT NOT NULL,
    finished_at BIGINT, UNIQUE (kind, file_hash));
"""

EVENTS = """
CREATE TABLE event (
    id {id}, person_id BIGINT NOT NULL, name_id BIGINT NOT NULL, at BIGINT NOT NULL, received_at BIGINT NOT NULL,
    key TEXT, props TEXT, source TEXT NOT NULL DEFAULT '', dedupe TEXT);
CREATE INDEX event_person ON event (person_id, name_id, at);
CREATE INDEX event_name ON event (name_id, at, person_id);
CREATE UNIQUE INDEX event_dedupe ON event (source, dedupe) WHERE dedupe IS NOT NULL;
CREATE TABLE event_queue (
    id {id}, event_id BIGINT NOT NULL, person_id BIGINT NOT NULL, name_id BIGINT NOT NULL, at BIGINT NOT NULL,
    depth BIGINT NOT NULL DEFAULT 0);
"""

JOURNEYS = """
CREATE TABLE journey (
    id {id}, name TEXT NOT NULL UNIQUE, status TEXT NOT NULL, live_version BIGINT, live_since BIGINT,
    paused SMALLINT NOT NULL DEFAULT 0, source TEXT NOT NULL DEFAULT 'file',
    bring_to BIGINT, once SMALLINT NOT NULL DEFAULT 0);
CREATE TABLE version (
    id {id}, journey_id BIGINT NOT NULL, hash TEXT NOT NULL, source TEXT NOT NULL, at BIGINT NOT NULL,
    retired_at BIGINT, UNIQUE (journey_id, hash));
CREATE TABLE step (id {id}, journey_id BIGINT NOT NULL, key TEXT NOT NULL, UNIQUE (journey_id, key));
CREATE TABLE baseline (journey_id BIGINT NOT NULL, person_id BIGINT NOT NULL,
    PRIMARY KEY (journey_id, person_id)){norowid};
CREATE TABLE run (
    id {id}, journey_id BIGINT NOT NULL, version_id BIGINT NOT NULL, node BIGINT NOT NULL, person_id BIGINT NOT NULL,
    key TEXT NOT NULL DEFAULT '', episode TEXT NOT NULL DEFAULT '', visit INTEGER NOT NULL DEFAULT 0, due BIGINT,
    held_due BIGINT, clock BIGINT NOT NULL, node_at BIGINT NOT NULL, entered_at BIGINT NOT NULL,
    state SMALLINT NOT NULL DEFAULT 0,
    holdout SMALLINT NOT NULL DEFAULT 0, depth SMALLINT NOT NULL DEFAULT 0, parent_run BIGINT, event_id BIGINT,
    ended_at BIGINT, reason TEXT, goal_until BIGINT, goal_at BIGINT, goal_value BIGINT,
    path TEXT NOT NULL DEFAULT '', data TEXT);
CREATE UNIQUE INDEX run_entry ON run (journey_id, person_id, key, episode);
CREATE UNIQUE INDEX run_live ON run (person_id, journey_id, key) WHERE state = 0;
CREATE INDEX run_due ON run (due) WHERE due IS NOT NULL;
CREATE INDEX run_held ON run (journey_id) WHERE held_due IS NOT NULL;
CREATE INDEX run_goal ON run (person_id, goal_until) WHERE goal_until IS NOT NULL;
CREATE TABLE cursor (
    journey_id BIGINT NOT NULL, zone_id BIGINT NOT NULL, done BIGINT NOT NULL, PRIMARY KEY (journey_id,
    zone_id)){norowid};
CREATE TABLE paced (journey_id BIGINT NOT NULL, day TEXT NOT NULL, used BIGINT NOT NULL,
    PRIMARY KEY (journey_id, day)){norowid};
CREATE TABLE settling (
    journey_id BIGINT NOT NULL, person_id BIGINT NOT NULL, key TEXT NOT NULL, event_id BIGINT NOT NULL,
    due BIGINT NOT NULL, depth BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (journey_id, person_id, key)){norowid};
CREATE INDEX settling_due ON settling (due);
CREATE TABLE entrant (
    journey_id BIGINT NOT NULL, person_id BIGINT NOT NULL, key TEXT NOT NULL, episode TEXT NOT NULL, at BIGINT NOT NULL,
    event_id BIGINT, data TEXT, depth SMALLINT NOT NULL DEFAULT 0, parent_run BIGINT, PRIMARY KEY (journey_id,
    person_id, key, episode));
CREATE TABLE stuck (run_id BIGINT PRIMARY KEY, at BIGINT NOT NULL, node BIGINT NOT NULL, error TEXT NOT NULL);
"""

MESSAGES = """
CREATE TABLE message (
    id {id}, run_id BIGINT NOT NULL, step BIGINT NOT NULL, visit INTEGER NOT NULL, person_id BIGINT NOT NULL,
    version_id BIGINT NOT NULL, purpose BIGINT NOT NULL, priority SMALLINT NOT NULL, variant TEXT,
    via_ix SMALLINT NOT NULL DEFAULT 0,
    state SMALLINT NOT NULL DEFAULT 0, reason TEXT, due BIGINT, scheduled_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    counted_at BIGINT, channel TEXT, lane TEXT, identity_id BIGINT, lease_until BIGINT, token BIGINT,
    attempts SMALLINT NOT NULL DEFAULT 0,
    sent_at BIGINT, delivered_at BIGINT, opened_at BIGINT, clicked_at BIGINT, done_at BIGINT);
CREATE UNIQUE INDEX message_step ON message (run_id, step, visit);
CREATE INDEX message_due ON message (priority, due) WHERE due IS NOT NULL;
CREATE INDEX message_counted ON message (person_id, counted_at) WHERE counted_at IS NOT NULL;
CREATE INDEX message_lease ON message (lease_until) WHERE lease_until IS NOT NULL;
CREATE TABLE attempt (
    id {id}, message_id BIGINT NOT NULL, n SMALLINT NOT NULL, channel TEXT NOT NULL, lane TEXT NOT NULL,
    identity_id BIGINT, idem_key TEXT NOT NULL UNIQUE, provider_id TEXT, state SMALLINT NOT NULL, code TEXT,
    body {blob}, at BIGINT NOT NULL, done_at BIGINT, UNIQUE (message_id, channel, lane));
CREATE INDEX attempt_provider ON attempt (channel, provider_id) WHERE provider_id IS NOT NULL;
CREATE TABLE receipt (
    channel TEXT NOT NULL, provider_id TEXT NOT NULL, kind TEXT NOT NULL, at BIGINT NOT NULL, raw TEXT,
    PRIMARY KEY (channel, provider_id, kind));
CREATE TABLE channel_state (
    channel TEXT PRIMARY KEY, failures INTEGER NOT NULL DEFAULT 0, open_until BIGINT, last_error TEXT,
    day BIGINT NOT NULL DEFAULT 0, used BIGINT NOT NULL DEFAULT 0, paced_to BIGINT NOT NULL DEFAULT 0);
"""

REWARDS = """
CREATE TABLE coupon_pool (id {id}, name TEXT NOT NULL UNIQUE);
CREATE TABLE coupon (
    id {id}, pool_id BIGINT NOT NULL, code TEXT NOT NULL, person_id BIGINT, run_id BIGINT, step BIGINT, visit INTEGER,
    given_at BIGINT, expires_at BIGINT, redeemed_at BIGINT, UNIQUE (pool_id, code));
CREATE INDEX coupon_free ON coupon (pool_id, id) WHERE given_at IS NULL;
CREATE UNIQUE INDEX coupon_given ON coupon (run_id, step, visit) WHERE run_id IS NOT NULL;
CREATE INDEX coupon_person ON coupon (person_id) WHERE person_id IS NOT NULL;
CREATE TABLE points (
    id {id}, person_id BIGINT NOT NULL, delta BIGINT NOT NULL, reason TEXT NOT NULL, run_id BIGINT, step BIGINT,
    visit INTEGER, at BIGINT NOT NULL);
CREATE UNIQUE INDEX points_once ON points (run_id, step, visit) WHERE run_id IS NOT NULL;
CREATE INDEX points_person ON points (person_id);
CREATE TABLE effect (
    id {id}, kind TEXT NOT NULL, ref TEXT NOT NULL, run_id BIGINT NOT NULL, step BIGINT NOT NULL,
    visit INTEGER NOT NULL,
    person_id BIGINT NOT NULL, at BIGINT NOT NULL, due BIGINT, state SMALLINT NOT NULL DEFAULT 0, payload TEXT,
    attempts SMALLINT NOT NULL DEFAULT 0, error TEXT, UNIQUE (run_id, step, visit, kind));
CREATE INDEX effect_due ON effect (due) WHERE due IS NOT NULL;
CREATE INDEX effect_person ON effect (person_id);
"""

CHANNELS = """
CREATE TABLE lane_state (
    channel TEXT NOT NULL, lane TEXT NOT NULL, day BIGINT NOT NULL DEFAULT 0, used BIGINT NOT NULL DEFAULT 0,
    closed_until BIGINT, why TEXT, PRIMARY KEY (channel, lane)){norowid};
CREATE TABLE reply_window (
    channel TEXT NOT NULL, identity_id BIGINT NOT NULL, until BIGINT NOT NULL, messages INTEGER,
    PRIMARY KEY (channel, identity_id)){norowid};
CREATE INDEX reply_window_until ON reply_window (until);
CREATE TABLE send_grant (
    channel TEXT NOT NULL, identity_id BIGINT NOT NULL, template TEXT NOT NULL, messages INTEGER NOT NULL,
    PRIMARY KEY (channel, identity_id, template)){norowid};
CREATE TABLE inbound (
    id {id}, channel TEXT NOT NULL, dedupe TEXT NOT NULL, at BIGINT NOT NULL, person_id BIGINT, kind TEXT NOT NULL,
    answer {blob}, welcome TEXT, UNIQUE (channel, dedupe));
CREATE INDEX inbound_at ON inbound (at);
CREATE INDEX inbound_welcome ON inbound (at) WHERE welcome IS NOT NULL;
CREATE INDEX inbound_person ON inbound (person_id) WHERE person_id IS NOT NULL;
CREATE TABLE cache (name TEXT PRIMARY KEY, sealed {blob} NOT NULL, until BIGINT NOT NULL);
CREATE TABLE link_target (
    id {id}, digest TEXT NOT NULL UNIQUE, sealed {blob} NOT NULL, label TEXT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX link_target_at ON link_target (at);
CREATE TABLE api_request (
    source TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, status SMALLINT NOT NULL, answer TEXT NOT NULL,
    at BIGINT NOT NULL, PRIMARY KEY (source, key)){norowid};
CREATE INDEX api_request_at ON api_request (at);
"""

OPERATORS = """
CREATE TABLE control (name TEXT PRIMARY KEY, value TEXT NOT NULL, at BIGINT NOT NULL, who TEXT NOT NULL);
CREATE TABLE audit (
    id {id}, at BIGINT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL, prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL);
"""

FORBID_SQLITE = """
CREATE TRIGGER audit_keep BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows never change'); END;
CREATE TRIGGER audit_stay BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows never go'); END;
"""

FORBID_POSTGRES = """
CREATE RULE audit_keep AS ON UPDATE TO audit DO INSTEAD NOTHING;
CREATE RULE audit_stay AS ON DELETE TO audit DO INSTEAD NOTHING;
"""


def up(migrator, db):  # type: ignore[no-untyped-def]
    for part in (PEOPLE, EVENTS, JOURNEYS, MESSAGES, CHANNELS, REWARDS, OPERATORS):
        create(db, part)
    create(db, FORBID_SQLITE if "sqlite" in type(db).__name__.lower() else FORBID_POSTGRES)
