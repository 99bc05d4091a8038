//! What Birmingham counted in its car parks: `SystemCodeNumber,Capacity,Occupancy,LastUpdated`, with all its dirt. Pure.

use std::collections::BTreeMap;

use crate::chance::Dice;

/// One car park on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkDay {
    /// Spaces.
    pub capacity: usize,
    /// Cars by the time of day, as text; within the capacity.
    pub counts: Vec<(String, usize)>,
    /// Counts below nothing and above the capacity, which cannot be, and times that came twice.
    pub dirt: Dirt,
}

/// What could not be as it was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dirt {
    /// Below nothing: taken as 0.
    pub negative: usize,
    /// More cars than spaces: taken as full.
    pub over: usize,
    /// The same time again: the later word counts.
    pub repeated: usize,
}

/// Reads a day of a park.
///
/// # Errors
/// For a line that is no count, and a park or a day that is not there.
pub fn read(text: &str, park: &str, date: &str) -> Result<ParkDay, String> {
    let (mut capacity, mut dirt) = (0, Dirt::default());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (number, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.is_empty()) {
        let row = row(line).ok_or_else(|| format!("line {} is no count: {line}", number + 1))?;
        let Some(time) = row.updated.strip_prefix(date).filter(|_| row.park == park) else {
            continue;
        };
        capacity = row.capacity;
        dirt.negative += usize::from(row.occupancy < 0);
        let cars = usize::try_from(row.occupancy).unwrap_or(0);
        dirt.over += usize::from(cars > capacity);
        let before = counts.insert(time.trim().to_owned(), cars.min(capacity));
        dirt.repeated += usize::from(before.is_some());
    }
    match counts.is_empty() {
        true => Err(format!("nothing was counted in {park} on {date}")),
        false => Ok(ParkDay { capacity, counts: counts.into_iter().collect(), dirt }),
    }
}

struct Row<'a> {
    park: &'a str,
    capacity: usize,
    occupancy: i64,
    updated: &'a str,
}

fn row(line: &str) -> Option<Row<'_>> {
    let mut fields = line.split(',');
    let (park, capacity) = (fields.next()?, fields.next()?.parse().ok()?);
    let (occupancy, updated) = (fields.next()?.parse().ok()?, fields.next()?);
    Some(Row { park, capacity, occupancy, updated })
}

/// Lets as many cars come or go, on spots picked by chance, as make this count. Says which spots have changed.
pub fn make(spots: &mut [bool], cars: usize, dice: &mut Dice) -> Vec<usize> {
    let mut changed = Vec::new();
    let now = spots.iter().filter(|occupied| **occupied).count();
    let come = cars > now;
    let mut fitting: Vec<usize> = (0..spots.len()).filter(|at| spots[*at] != come).collect();
    for _move in 0..cars.abs_diff(now).min(fitting.len()) {
        let at = fitting.swap_remove(dice.below(fitting.len()));
        spots[at] = come;
        changed.push(at);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    // UCI Birmingham Parking, UK Open Government Licence; the last three lines are made up.
    const EXCERPT: &str = "SystemCodeNumber,Capacity,Occupancy,LastUpdated\n\
        BHMBCCMKT01,577,61,2016-10-04 07:59:42\n\
        BHMBCCMKT01,577,64,2016-10-04 08:25:42\n\
        BHMBCCMKT01,577,80,2016-10-04 08:59:42\n\
        BHMBCCMKT01,577,-8,2016-10-04 09:32:46\n\
        BHMBCCMKT01,577,600,2016-10-04 10:00:00\n\
        BHMBCCMKT01,577,82,2016-10-04 08:59:42\n";

    #[test]
    fn what_cannot_be_is_clamped_and_counted() {
        let day = read(EXCERPT, "BHMBCCMKT01", "2016-10-04").expect("a day");
        let counts: Vec<usize> = day.counts.iter().map(|(_, cars)| *cars).collect();
        assert_eq!((day.capacity, counts), (577, vec![61, 64, 82, 0, 577]));
        assert_eq!(day.dirt, Dirt { negative: 1, over: 1, repeated: 1 });
        assert!(read(EXCERPT, "BHMBCCMKT01", "2016-10-05").is_err());
        assert!(read("header\nBroken,row\n", "Broken", "2016").is_err());
    }

    #[test]
    fn counts_become_arrivals_and_departures() {
        let (mut spots, mut dice) = (vec![false; 50], Dice::new(1, 1));
        assert_eq!(make(&mut spots, 20, &mut dice).len(), 20);
        let gone = make(&mut spots, 5, &mut dice);
        assert!(gone.len() == 15 && gone.iter().all(|at| !spots[*at]));
        assert_eq!(make(&mut spots, 5, &mut dice), Vec::<usize>::new());
        assert_eq!(make(&mut spots, 900, &mut dice).len(), 45, "a park is full when it is full");
    }
}
