-- An audience reads when contacts last engaged from the key alone, and not a page of the table for each contact.
alter table engagement
  drop constraint engagement_pkey,
  add constraint engagement_pkey primary key (campaign, kind, contact_id) include (last_at);
