-- Consent as a ledger: what people agreed to, withdrew and objected to, with evidence.

-- Append-only. One row is one statement of a contact about a purpose and the kinds of address it covers, such as
-- `email,phone`. `contact_id`, `addresses`, `source`, `text_version` and `salt` are null once the contact is erased;
-- `digest` was made of them and stays. `hash` is made of the row before and of this row's digest and other columns.
create table consent_entries (
  id           integer primary key,
  contact_id   integer,
  purpose      text not null,
  kinds        text not null,
  entry        text not null check (entry in ('grant', 'request', 'confirm', 'withdraw', 'object')),
  basis        text not null check (basis in ('consent', 'soft_opt_in', 'contract', 'unproven', 'none')),
  method       text not null,
  actor        text not null,
  addresses    text,
  source       text,
  text_version text,
  occurred_at  integer not null,
  recorded_at  integer not null,
  salt         text,
  digest       text not null,
  hash         text not null
) strict;
create index consent_entries_contact on consent_entries (contact_id, id) where contact_id is not null;

-- `consents` is what the ledger comes to for the contact: ` PURPOSE:KIND+  PURPOSE:KIND- `, where `+` is granted, `-`
-- withdrawn and `?` asked to confirm. It is null until the answer that an earlier version stored, `consent_before`,
-- has been entered. A phone number may be shared: it does not tell people apart.
create table contacts_with_consents (
  id             integer primary key autoincrement check (id between 1 and 4294967295),
  external_id    text unique,
  email          text unique,
  phone          text,
  language       text,
  timezone       text,
  consent_before text,
  consents       text,
  attributes     text not null default '{}',
  created_at     integer not null,
  updated_at     integer not null
) strict;
insert into contacts_with_consents (id, external_id, email, phone, language, timezone, consent_before, attributes,
  created_at, updated_at)
select id, external_id, email, phone, language, timezone, consent, attributes, created_at, updated_at from contacts;
delete from sqlite_sequence where name = 'contacts_with_consents';
insert into sqlite_sequence (name, seq) select 'contacts_with_consents', seq from sqlite_sequence where name = 'contacts';
drop table contacts;
alter table contacts_with_consents rename to contacts;
create index contacts_updated on contacts (updated_at);
create index contacts_phone on contacts (phone) where phone is not null;
create index contacts_consent_open on contacts (id) where consents is null;

-- The purpose whose consent each recipient must have given; null where none is needed.
alter table runs add column purpose text;
update runs set purpose = 'news' where address is not null;
