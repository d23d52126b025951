//! Several replicas and the Redis they share.

mod collapsing; // one fetch for all of them
mod faults; // what goes wrong with Redis, under load
mod limits; // how much each client may ask for, of all replicas together
mod link; // Redis away, hung, and other than it was
mod purges; // what they forget together
mod synced; // what is served without word from the purge log
mod tier; // responses in Redis
mod topologies; // the same on one Redis, on a cluster, behind Sentinels

use crate::support::{Forebay, Origin, fresh, unused_address};

#[test]
fn f01_redis_down_at_start_is_no_failure() {
    let origin = Origin::always(fresh("hello"));
    let nobody = unused_address();
    let forebay = Forebay::start(&origin, &format!("[redis]\nurl = \"redis://{nobody}/0\"\n"));
    forebay.get("/a").expect_status(200);
    forebay.hit("/a");
}
