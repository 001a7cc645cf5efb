//! Two workers share a PostgreSQL, and one of them is killed with all its posts under way.

use platform::Fault;

use super::town::{KEYED, LOOKED_UP, PARKED, Town, each};
use crate::control::tally;

#[test]
fn two_workers_never_make_two_posts_of_one() {
    let town = Town::on_postgres(&[KEYED, LOOKED_UP, PARKED].concat());
    town.fault(&Fault::Held);
    let (first, second) = (town.worker(), town.worker());
    town.until_all_are_held();
    let last = town.sql("select max(id) from leases");
    first.crash().unwrap();
    let third = town.worker();
    town.until("what the first left to be in other hands", |town| {
        town.number(&format!("select count(*) from leases where id <= {last}")) == 1
    });
    town.platform.release();
    town.until("the first requests to be over", |town| town.platform.held() == 0);
    town.let_end();
    drop((second, third));
    assert_eq!(town.posts(&town.kinds), each(&town.kinds, 1));
    for (step, run) in town.runs() {
        let certain = (tally(&run, "sent"), tally(&run, "uncertain"));
        let is_parked = PARKED.contains(&step.parse().unwrap());
        assert!(certain == (1, 0) || is_parked && certain == (0, 1), "{run:#}");
    }
}
