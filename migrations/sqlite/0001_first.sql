-- Everything Chorus remembers. Times are UTC milliseconds, money is millionths of a currency unit.

-- One row is one person. Ids stay below 2^32: see deliveries.
create table contacts (
  id          integer primary key autoincrement check (id between 1 and 4294967295),
  external_id text unique,
  email       text unique,
  phone       text unique,
  language    text,
  timezone    text,
  consent     text not null default 'yes' check (consent in ('yes', 'no')),
  attributes  text not null default '{}',
  created_at  integer not null,
  updated_at  integer not null
) strict;

-- Addresses nobody may write to again, whoever owns them; outlives the contact.
create table suppressions (
  kind       text not null check (kind in ('email', 'phone')),
  address    text not null,
  reason     text not null check (reason in ('unsubscribed', 'bounced', 'complained', 'manual')),
  source     text not null,
  created_at integer not null,
  primary key (kind, address)
) strict, without rowid;

-- Mailboxes that were full or closed when they were last written to. A row goes when something arrives there,
-- or when there were so many that the address is suppressed.
create table soft_bounces (
  contact_id integer not null,
  cause      text not null check (cause in ('full', 'inactive')),
  kind       text not null check (kind in ('email', 'phone')),
  address    text not null,
  count      integer not null,
  first_at   integer not null,
  last_at    integer not null,
  primary key (contact_id, cause)
) strict, without rowid;

-- What a step said when it ran: compiled once, rendered for every recipient, never changed.
create table revisions (
  id         integer primary key autoincrement,
  hash       text not null unique,
  campaign   text not null,
  step       text not null,
  compiled   text not null,
  created_at integer not null
) strict;

-- The only destinations a redirect knows.
create table links (
  id          integer primary key autoincrement,
  revision_id integer not null references revisions (id),
  position    integer not null,
  url         text not null,
  unique (revision_id, position)
) strict;

-- Up to which instant the occurrences of a step have been decided.
create table schedules (
  campaign        text not null,
  step            text not null,
  planned_through integer not null,
  primary key (campaign, step)
) strict, without rowid;

-- One row is one firing of a step. Ids stay below 2^31: see deliveries. `address` is what the channel
-- needs of a contact, null for a feed: `attribute:NAME` is one of his own, `anyone` is nothing. `stopped` is what it had
-- come to when it last stopped itself: JSON, see Figures. `look_after` is how long a second try waits that looks for the
-- first, in milliseconds.
create table runs (
  id             integer primary key autoincrement check (id between 1 and 2147483647),
  campaign       text not null,
  step           text not null,
  channel        text not null,
  instant        integer not null,
  kind           text not null check (kind in ('scheduled', 'manual', 'test')),
  state          text not null check (state in ('planned', 'running', 'paused', 'finished', 'finished_with_failures', 'cancelled')),
  revision_id    integer references revisions (id),
  parent_id      integer references runs (id),
  condition      text,
  address        text check (address in ('email', 'phone', 'anyone') or address like 'attribute:_%'),
  on_uncertain   text not null check (on_uncertain in ('resend', 'hold')),
  look_after     integer not null default 0,
  cost_micros    integer not null default 0,
  currency       text not null default '',
  expires_at     integer not null,
  total          integer not null default 0,
  note           text,
  stopped        text,
  created_at     integer not null,
  planned_at     integer,
  started_at     integer,
  finished_at    integer,
  unique (campaign, step, instant)
) strict;
create index runs_live on runs (id) where finished_at is null;

-- The row that is never lost. Its id is its run's id and its contact's id side by side, so that
-- (run, target) is unique by construction and a link names both. Contact 0 is the channel's own feed.
-- due_at is when it may be tried next; it is null exactly in the end states. scheduled_at is when it first fell
-- due: a message is dated by it, so that a second try is the same bytes. run_id names no foreign key: rows
-- are made a million at a time, by the statement after the one that locked their run.
create table deliveries (
  id              integer primary key check (id = run_id * 4294967296 + contact_id),
  run_id          integer not null,
  contact_id      integer not null,
  state           text not null check (state in ('queued', 'sending', 'sent', 'deferred', 'failed', 'uncertain', 'suppressed', 'cancelled')),
  reason          text,
  due_at          integer,
  scheduled_at    integer not null,
  attempts        integer not null default 0,
  repeats         integer not null default 0,
  lease_id        integer,
  sent_at         integer,
  answer          text,
  opened_at       integer,
  clicked_at      integer,
  converted_at    integer,
  unsubscribed_at integer
) strict;
create index deliveries_due on deliveries (run_id, due_at) where due_at is not null;
create index deliveries_leased on deliveries (lease_id) where lease_id is not null;

-- How many deliveries of a run ended how: kept in the transaction that ends them. `repeat` counts sends that may
-- have come twice; `bounced` and `complained` count what came back of those that were sent.
create table run_tallies (
  run_id integer not null references runs (id),
  state  text not null,
  reason text not null default '',
  count  integer not null,
  primary key (run_id, state, reason)
) strict, without rowid;

-- Every try that was not accepted; an accepted one is the delivery's own row.
create table attempts (
  id           integer primary key autoincrement,
  delivery_id  integer not null,
  number       integer not null,
  finished_at  integer not null,
  outcome      text not null check (outcome in ('deferred', 'rejected', 'unknown')),
  answer       text not null
) strict;
create index attempts_delivery on attempts (delivery_id);

-- What a platform calls what it published, and where it can be seen.
create table posts (
  delivery_id integer primary key,
  external_id text,
  url         text,
  created_at  integer not null
) strict;

-- A worker's claim on deliveries; whoever finds it expired takes its rows over.
create table leases (
  id          integer primary key autoincrement,
  worker      text not null,
  acquired_at integer not null,
  expires_at  integer not null
) strict;

-- What a channel may still send as a whole (receiver ''), and what each receiver may still get: one account for
-- all workers. free_at is when the next message may go, in microseconds by the machine's clock; used counts the
-- messages of a day, by the day's number; held_until is when a receiver that put us off is tried again.
create table allowances (
  channel    text not null,
  receiver   text not null,
  free_at    integer not null default 0,
  day        integer not null default 0,
  used       integer not null default 0,
  held_until integer,
  held_why   text,
  primary key (channel, receiver)
) strict, without rowid;

-- What the outbox channel kept instead of sending.
create table outbox (
  delivery_id integer primary key,
  channel     text not null,
  recipient   text not null,
  subject     text not null,
  html        text not null,
  text        text not null,
  raw         blob not null,
  created_at  integer not null
) strict;
create index outbox_kept on outbox (created_at, delivery_id);

-- What came back. Append-only.
create table events (
  id              integer primary key autoincrement,
  kind            text not null check (kind in ('delivered', 'opened', 'clicked', 'converted', 'bounced', 'complained', 'unsubscribed', 'replied', 'custom')),
  name            text,
  occurred_at     integer not null,
  received_at     integer not null,
  delivery_id     integer,
  contact_id      integer,
  link_id         integer,
  actor           text not null default 'human',
  value_micros    integer,
  currency        text,
  idempotency_key text unique,
  detail          text
) strict;
create index events_contact on events (contact_id, occurred_at) where contact_id is not null;
create index events_delivery on events (delivery_id) where delivery_id is not null;
create index events_name on events (name, contact_id, occurred_at) where name is not null;

-- Figures by the hour, kept in the transactions that cause them; reports read nothing else.
create table rollups (
  campaign text not null,
  step     text not null,
  channel  text not null,
  metric   text not null,
  hour     integer not null,
  currency text not null default '',
  count    integer not null default 0,
  amount   integer not null default 0,
  primary key (campaign, step, channel, metric, hour, currency)
) strict, without rowid;

-- Keys that this installation made for itself.
create table settings (
  name  text primary key,
  value text not null
) strict, without rowid;
