-- What an edit may do: what decides a step's times, occurrences that did not run, and names that are never reused.

-- `definition` is the JSON of what decides the step's times; null in a database made before. `history` is the JSON of
-- the delays of a step that follows another: [since, delay] pairs in milliseconds. `gone_since` is when the step's
-- file was first seen absent.
alter table schedules add column definition text;
alter table schedules add column history text;
alter table schedules add column gone_since bigint;

-- `name` is random and never given twice: Message-IDs, tokens and idempotency keys are made of it; null for runs
-- made before it existed. `trigger` is the step's trigger when the run was made: cron, at, after or none. `ends_at`
-- is the campaign's end. `delays` is the history of delays by which a run that follows another falls due. `missed_to`
-- is the edit before which nobody falls due. `own_clock` is 1 where each contact's own time zone counts. `paused_by`
-- says what paused it, `cancelled_with` the run whose cancellation reached it. `to_address` is where a test copy
-- goes. `account` names what the channel talked to when the run was made.
alter table runs add column name bigint;
alter table runs add column trigger text check (trigger in ('cron', 'at', 'after', 'none'));
alter table runs add column ends_at bigint;
alter table runs add column delays text;
alter table runs add column missed_to bigint;
alter table runs add column own_clock bigint not null default 0;
alter table runs add column paused_by text;
alter table runs add column cancelled_with bigint;
alter table runs add column to_address text;
alter table runs add column account text;
create unique index runs_name on runs (name);
create index runs_parent on runs (parent_id) where parent_id is not null;

-- `name` stands in links in the place of the row's number and is never given twice.
alter table links add column name bigint;
update links set name = id;
create unique index links_name on links (name);

-- `plans` is 1 for a worker that plans what the files say. `note` is what people should know of it.
alter table leases add column plans bigint not null default 0;
alter table leases add column note text;

-- Who was added or changed since contacts were last looked at.
create index contacts_updated on contacts (updated_at);

-- Occurrences that did not run as their schedule said, with the reason. `through` and `count` are given where one row
-- stands for a range of them.
create table occurrences (
  campaign   text not null,
  step       text not null,
  instant    bigint not null,
  kind       text not null check (kind in ('skipped', 'missed', 'held', 'ended', 'clock')),
  reason     text not null,
  detail     text,
  through    bigint,
  count      bigint not null default 1,
  parent_id  bigint,
  state      text not null check (state in ('open', 'asked', 'fired', 'dismissed')),
  run_id     bigint,
  created_at bigint not null,
  primary key (campaign, step, instant)
);
create index occurrences_open on occurrences (created_at) where state = 'open';

-- Names that steps had before: history was carried from the old one to the new one.
create table renames (
  old_campaign text not null,
  old_step     text not null,
  new_campaign text not null,
  new_step     text not null,
  created_at   bigint not null,
  primary key (old_campaign, old_step)
);
