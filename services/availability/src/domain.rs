//! The rules of the picture: pure and sync. What stands on a spot follows from three sources, each
//! with its own version (the spot itself, the ground, the windows of live bookings), and from the
//! time.

pub mod counts;
pub mod forecast;
pub mod lot;
pub mod picture;
pub mod places;
pub mod price;
pub mod promise;
pub mod search;
pub mod spot;
