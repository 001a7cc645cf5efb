-- Addresses of contacts who were erased: keyed hashes, so that an address that is imported again is known and gets
-- nothing. `hash` is HMAC-SHA-256 of the kind and the address, in hexadecimal, with the key `erasure_key` in settings.
create table erased_addresses (
  kind      text not null check (kind in ('email', 'phone', 'external_id')),
  hash      text not null,
  erased_at integer not null,
  primary key (kind, hash)
) strict, without rowid;
