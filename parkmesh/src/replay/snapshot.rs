//! A snapshot of Melbourne's bays, as the city publishes it: `bay_id,st_marker_id,status,location,lat,lon`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Failure;

/// One bay at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Bay {
    /// The city's number.
    pub bay_id: String,
    /// Whether a car stood there.
    pub occupied: bool,
    /// Degrees, WGS 84.
    pub latitude: f64,
    /// Degrees, WGS 84.
    pub longitude: f64,
}

/// All bays by number.
pub type Snapshot = BTreeMap<String, Bay>;

/// Reads a snapshot.
pub fn read(path: &Path) -> Result<Snapshot, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} is not readable: {error}", path.display()))?;
    parse(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn parse(text: &str) -> Result<Snapshot, String> {
    let mut bays = Snapshot::new();
    for (number, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.is_empty()) {
        let bay = bay(line).ok_or_else(|| format!("line {} is no bay: {line}", number + 1))?;
        bays.insert(bay.bay_id.clone(), bay);
    }
    if bays.is_empty() { Err("no bays in it".to_owned()) } else { Ok(bays) }
}

/// The location column repeats latitude and longitude in quotes with a comma inside, so the line is read
/// from both ends.
fn bay(line: &str) -> Option<Bay> {
    let mut front = line.splitn(4, ',');
    let (bay_id, _marker, status) = (front.next()?, front.next()?, front.next()?);
    let mut back = line.rsplitn(3, ',');
    let (longitude, latitude) = (back.next()?, back.next()?);
    let occupied = match status {
        "Present" => true,
        "Unoccupied" => false,
        _ => return None,
    };
    Some(Bay {
        bay_id: bay_id.to_owned(),
        occupied,
        latitude: latitude.trim().parse().ok()?,
        longitude: longitude.trim().parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // City of Melbourne open data, CC-BY.
    const EXCERPT: &str = "bay_id,st_marker_id,status,location,lat,lon\n\
        629,89W,Unoccupied,\"(-37.80888641115215, 144.97177809248228)\",-37.80888641115215,144.97177809248228\n\
        2235,3920N,Present,\"(-37.81210381814597, 144.9549497590006)\",-37.81210381814597,144.9549497590006\n";

    #[test]
    fn bays_are_read_with_their_state_and_place() {
        let bays = parse(EXCERPT).expect("two bays");
        assert_eq!(bays.len(), 2);
        assert!(bays["2235"].occupied && !bays["629"].occupied);
        assert!((bays["629"].latitude + 37.808_886).abs() < 1e-6);
        assert!((bays["629"].longitude - 144.971_778).abs() < 1e-6);
    }

    #[test]
    fn a_line_that_is_no_bay_is_named() {
        let error = parse("header\n1,2,Maybe,x,1,2\n").expect_err("an unknown status");
        assert!(error.contains("line 2"), "{error}");
    }
}
