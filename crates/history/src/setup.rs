//! What stands beside a record: lots, pools, spots, and how well the clocks agree.

/// Rules of a lot that the checker must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// Live holds that one user may have in it.
    pub max_holds: u32,
    /// How long before the start an arrival counts, in microseconds.
    pub early_arrival_us: i64,
}

/// All spots of one type in a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Place of its lot in [`Setup::lots`].
    pub lot: u16,
}

/// The world that a record is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Setup {
    /// How far the server's time may be from the recorder's, in microseconds.
    pub skew_us: i64,
    /// How long a confirmation may keep a hold beyond its end, in microseconds.
    pub confirm_max_us: i64,
    /// The lots.
    pub lots: Vec<Lot>,
    /// The pools.
    pub pools: Vec<Pool>,
    /// Of each spot, the place of its pool in [`Self::pools`].
    pub spots: Vec<u16>,
}

impl Setup {
    /// The pool of a spot.
    pub fn pool_of(&self, spot: u32) -> Option<u16> {
        self.spots.get(spot as usize).copied()
    }

    /// The lot of a pool.
    pub fn lot_of(&self, pool: u16) -> Option<u16> {
        self.pools.get(usize::from(pool)).map(|pool| pool.lot)
    }

    /// The spots of a pool.
    pub fn spots_of(&self, pool: u16) -> Vec<u32> {
        let all = self.spots.iter().zip(0_u32..);
        all.filter(|(of, _)| **of == pool).map(|(_, spot)| spot).collect()
    }
}
