//! A row of bits, one to a spot.

/// Bits of a word.
const WORD_BITS: usize = 64;

/// Words that so many bits need.
#[must_use]
pub fn words(bits: usize) -> usize {
    bits.div_ceil(WORD_BITS)
}

/// Whether a bit of a row is set.
#[must_use]
pub fn is_set(row: &[u64], slot: u32) -> bool {
    let (word, mask) = place(slot);
    row.get(word).is_some_and(|word| word & mask != 0)
}

/// Sets or clears a bit of a row that is long enough.
pub fn put(row: &mut [u64], slot: u32, set: bool) {
    let (word, mask) = place(slot);
    if let Some(word) = row.get_mut(word) {
        *word = if set { *word | mask } else { *word & !mask };
    }
}

fn place(slot: u32) -> (usize, u64) {
    let slot = slot as usize;
    (slot / WORD_BITS, 1 << (slot % WORD_BITS))
}

/// A row that grows; what lies behind its end is not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// So many, none of them set.
    #[must_use]
    pub fn none(bits: usize) -> Self {
        Self(vec![0; words(bits)])
    }

    /// Whether one is set.
    #[must_use]
    pub fn has(&self, slot: u32) -> bool {
        is_set(&self.0, slot)
    }

    /// Sets or clears one.
    pub fn put(&mut self, slot: u32, set: bool) {
        let needed = words(slot as usize + 1);
        if self.0.len() < needed {
            self.0.resize(needed, 0);
        }
        put(&mut self.0, slot, set);
    }

    /// Adds those of a row that is not longer.
    pub fn add(&mut self, row: &[u64]) {
        for (word, other) in self.0.iter_mut().zip(row) {
            *word |= other;
        }
    }

    /// Adds those of another that is not longer.
    pub fn add_all(&mut self, other: &Self) {
        self.add(&other.0);
    }

    /// Adds those that two others have in common.
    pub fn add_common(&mut self, a: &Self, b: &Self) {
        let length = self.0.len().max(a.0.len().min(b.0.len()));
        self.0.resize(length, 0);
        for ((word, a), b) in self.0.iter_mut().zip(&a.0).zip(&b.0) {
            *word |= a & b;
        }
    }

    /// Takes the others out.
    pub fn subtract(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= !other;
        }
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// How many are set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// How many are set that are set in another too.
    #[must_use]
    pub fn count_in(&self, other: &Self) -> u32 {
        self.0.iter().zip(&other.0).map(|(word, other)| (word & other).count_ones()).sum()
    }

    /// The set ones.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let words = (0_u32..).zip(&self.0);
        words.flat_map(|(number, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(number * 64 + bit)
            })
        })
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<u64>()
    }
}
