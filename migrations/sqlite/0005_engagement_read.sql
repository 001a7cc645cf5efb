-- Nothing: the rows of `engagement` stand in its key (`without rowid`), where audiences read them.
select 1;
