-- What a contact opened and clicked: a conversion is credited to the last of it, however many other events they have.
create index events_reaction on events (contact_id, kind, occurred_at) where actor = 'human';
