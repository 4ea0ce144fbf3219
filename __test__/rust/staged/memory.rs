//! Messages that are large, and the bound on what is in memory.

use std::time::Duration;

use super::bench::Bench;

/// Nearly as much as may be in memory.
const LARGE: usize = 40 * 1024 * 1024;

#[tokio::test(start_paused = true)]
async fn large_messages_that_are_there_before_anything_is_loaded_do_not_wait_for_each_other() {
    let bench = Bench::launch();
    let world = &bench.world;
    world.fail("list", Some(404));
    bench.soon("connected", |status| status["connected"] == true).await;
    world.answer_with("heard");
    world.refuse_writes(true);
    for number in 1..=4 {
        world.announce("usr_ada", number, &"a".repeat(LARGE)).await;
    }
    bench.soon("the disk is full", |status| !status["lastError"].is_null()).await;
    world.refuse_writes(false);
    bench.within(Duration::from_secs(60), "answered", |_| world.sent().len() == 4).await;
}
