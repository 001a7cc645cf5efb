-- Who engaged with what, ready for audiences; planning in ranges of contacts, resumable.

-- Names of campaigns as numbers that are never given twice; 0 stands for all campaigns together. A campaign that got
-- another name is null here until what was known by its number is deleted.
create table campaign_numbers (
  number   integer primary key autoincrement check (number > 0),
  campaign text unique
) strict;
insert into campaign_numbers (campaign) select distinct campaign from runs where kind <> 'test' order by campaign;

-- The last time that a contact was sent (kind 1), opened (2), clicked (3) or converted by (4) a delivery of a campaign:
-- the greatest `sent_at`, `opened_at`, … of the deliveries. Test copies are left out.
create table engagement (
  campaign   integer not null,
  kind       integer not null,
  contact_id integer not null,
  last_at    integer not null,
  primary key (campaign, kind, contact_id)
) strict, without rowid;

-- The last three times that a contact did something, by the event's name: a rule that asks for up to three in a period
-- reads one row. `events` has the rest.
create table event_recents (
  name       text not null,
  contact_id integer not null,
  last_at    integer not null,
  second_at  integer,
  third_at   integer,
  primary key (name, contact_id)
) strict, without rowid;
insert into event_recents (name, contact_id, last_at, second_at, third_at)
select name, contact_id, max(case when nth = 1 then occurred_at end), max(case when nth = 2 then occurred_at end),
       max(case when nth = 3 then occurred_at end)
from (select name, contact_id, occurred_at,
             row_number() over (partition by name, contact_id order by occurred_at desc) as nth
      from events where name is not null and contact_id is not null) numbered
where nth <= 3
group by name, contact_id;

-- `engaged` says what of a run's deliveries `engagement` has: 0 nothing, 1 reactions, which are kept as they come, 2 sends
-- too. `engaged_through` is the contact up to which the deliveries have been read.
-- `asked` is what a person asked for who sent it by hand: JSON. `planning_at` is when its deliveries began to be made,
-- `planned_through` the contact up to which they are made, `planning` the digest of what they are made by.
alter table runs add column engaged integer not null default 0;
alter table runs add column engaged_through integer not null default 0;
alter table runs add column asked text;
alter table runs add column planning_at integer;
alter table runs add column planned_through integer not null default 0;
alter table runs add column planning text;
create index runs_engaged on runs (engaged) where engaged < 2;

-- The hits of one message around a time: a burst of them is a machine's.
drop index events_delivery;
create index events_delivery on events (delivery_id, occurred_at) where delivery_id is not null;
