//! The ways that the field proposes to hand out places, and ours. Each is a file that can be read alone.

mod advisory;
mod exclude;
mod for_update;
mod grouping;
mod groups;
mod groups_bitmap;
mod groups_pool;
mod insert_only;
mod lock_all;
mod naive;
mod naive_pool;
mod one_worker;
mod post_check;
mod random_pick;
mod skip_locked;
mod skip_locked_cte;
mod slot_lock;
mod slot_rows;
mod ticket;
mod unique_start;
mod version_column;

use crate::lab::strategy::Strategy;

/// Minutes of one bit.
const QUARTER: i32 = 15;

/// All of them, in the order of the table.
pub fn all() -> Vec<Box<dyn Strategy>> {
    vec![
        Box::new(insert_only::InsertOnly::default()),
        Box::new(naive::Naive::default()),
        Box::new(unique_start::UniqueStart::default()),
        Box::new(post_check::PostCheck::default()),
        Box::new(version_column::VersionColumn::default()),
        Box::new(for_update::ForUpdate::quick()),
        Box::new(for_update::ForUpdate::thinking("for-update-200ms", 64)),
        Box::new(for_update::ForUpdate::thinking("for-update-200ms-350", 350)),
        Box::new(slot_lock::SlotLock::default()),
        Box::new(slot_rows::SlotRows::default()),
        Box::new(advisory::Advisory::waiting()),
        Box::new(advisory::Advisory::trying()),
        Box::new(one_worker::OneWorker::default()),
        Box::new(exclude::Exclude::plain()),
        Box::new(exclude::Exclude::on_conflict()),
        Box::new(groups::Groups::new("groups-1", 1, 64)),
        Box::new(groups::Groups::new("groups-2", 2, 64)),
        Box::new(groups::Groups::new("groups-1-of-1024", 1, 1_024)),
        Box::new(groups::Groups::new("groups-2-of-1024", 2, 1_024)),
        Box::new(groups_bitmap::GroupsBitmap::bare("bitmap-quarter", QUARTER, 1_024)),
        Box::new(groups_bitmap::GroupsBitmap::bare("bitmap-minute", 1, 1_024)),
        Box::new(groups_bitmap::GroupsBitmap::guarded("bitmap-quarter-exclude", QUARTER, 1_024)),
        Box::new(groups_bitmap::GroupsBitmap::guarded("bitmap-minute-exclude", 1, 1_024)),
        Box::new(naive_pool::NaivePool::default()),
        Box::new(random_pick::RandomPick::default()),
        Box::new(lock_all::LockAll::default()),
        Box::new(skip_locked_cte::SkipLockedCte::default()),
        Box::new(skip_locked::SkipLocked::bare()),
        Box::new(skip_locked::SkipLocked::guarded()),
        Box::new(groups_pool::GroupsPool::new("groups-pool", 64)),
        Box::new(groups_pool::GroupsPool::new("groups-pool-of-1024", 1_024)),
        Box::new(ticket::Ticket::default()),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn every_strategy_has_a_name_of_its_own() {
        let names: Vec<_> = super::all().iter().map(|strategy| strategy.name()).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }
}
