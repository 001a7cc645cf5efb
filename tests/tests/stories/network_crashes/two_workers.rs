//! Two workers that share a PostgreSQL: one of them is killed with all its posts under way.

use platform::Fault;

use super::network_fixture::{KEYED, LOOKED_UP, NetworkFixture, UNCERTAIN, expected_counts};
use crate::run_control::tally;

#[test]
fn two_workers_never_make_two_posts_of_one() {
    let fixture = NetworkFixture::on_postgres(&[KEYED, LOOKED_UP, UNCERTAIN].concat());
    fixture.inject_fault(&Fault::Held);
    let (first, second) = (fixture.worker(), fixture.worker());
    fixture.wait_until_all_held();
    let last = fixture.sql("select max(id) from leases");
    first.crash().unwrap();
    let third = fixture.worker();
    fixture.wait_for("another worker to take over from the first", |fixture| {
        fixture.count(&format!("select count(*) from leases where id <= {last}")) == 1
    });
    fixture.platform.release();
    fixture.wait_for("the first requests to be over", |fixture| fixture.platform.held() == 0);
    fixture.finish_runs();
    drop((second, third));
    assert_eq!(fixture.post_counts(&fixture.kinds), expected_counts(&fixture.kinds, 1));
    for (step, run) in fixture.runs() {
        let certain = (tally(&run, "sent"), tally(&run, "uncertain"));
        let is_uncertain_kind = UNCERTAIN.contains(&step.parse().unwrap());
        assert!(certain == (1, 0) || is_uncertain_kind && certain == (0, 1), "{run:#}");
    }
}
