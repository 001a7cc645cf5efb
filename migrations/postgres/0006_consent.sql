-- Consent as a ledger: what people agreed to, withdrew and objected to, with evidence.

-- Append-only. One row is one statement of a contact about a purpose and the kinds of address it covers, such as
-- `email,phone`. `contact_id`, `addresses`, `source`, `text_version` and `salt` are null once the contact is erased;
-- `digest` was made of them and stays. `hash` is made of the row before and of this row's digest and other columns.
create table consent_entries (
  id           bigint primary key,
  contact_id   bigint,
  purpose      text not null,
  kinds        text not null,
  entry        text not null check (entry in ('grant', 'request', 'confirm', 'withdraw', 'object')),
  basis        text not null check (basis in ('consent', 'soft_opt_in', 'contract', 'unproven', 'none')),
  method       text not null,
  actor        text not null,
  addresses    text,
  source       text,
  text_version text,
  occurred_at  bigint not null,
  recorded_at  bigint not null,
  salt         text,
  digest       text not null,
  hash         text not null
);
create index consent_entries_contact on consent_entries (contact_id, id) where contact_id is not null;

-- `consents` is what the ledger comes to for the contact: ` PURPOSE:KIND+  PURPOSE:KIND- `, where `+` is granted, `-`
-- withdrawn and `?` asked to confirm. It is null until the answer that an earlier version stored, `consent_before`,
-- has been entered. A phone number may be shared: it does not tell people apart.
alter table contacts rename column consent to consent_before;
alter table contacts alter column consent_before drop not null;
alter table contacts alter column consent_before drop default;
alter table contacts drop constraint contacts_consent_check;
alter table contacts drop constraint contacts_phone_key;
alter table contacts add column consents text;
create index contacts_phone on contacts (phone) where phone is not null;
create index contacts_consent_open on contacts (id) where consents is null;

-- The purpose whose consent each recipient must have given; null where none is needed.
alter table runs add column purpose text;
update runs set purpose = 'news' where address is not null;
