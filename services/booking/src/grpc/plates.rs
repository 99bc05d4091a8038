//! Plates at the door: sealed on their way in, opened on their way out. What lies between, answers that are kept
//! for repetitions and the database among it, has them sealed. Equal plates are equal sealed, so that a request
//! that is repeated is still the same request.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_platform::seal::Sealer;

use crate::domain::plate::SEALED_AS;
use crate::error::Error;

/// A message with plates in it.
pub trait Plates {
    /// Does something with each.
    fn each_plate(&mut self, act: &mut dyn FnMut(&mut String));
}

/// Seals the plates of a request. Spaces around them mean nothing; letters are kept as capitals.
///
/// # Errors
/// [`Error::Invalid`] for a plate with control characters.
pub fn seal(sealer: &Sealer, message: &mut impl Plates) -> Result<(), Error> {
    let mut outcome = Ok(());
    message.each_plate(&mut |plate| {
        if plate.chars().any(char::is_control) {
            outcome = Err(Error::field("plate", "must not contain control characters"));
        }
        *plate = sealer.seal_text(SEALED_AS, &plate.trim().to_uppercase());
    });
    outcome
}

/// Opens the plates of an answer. One that does not open is left out: the key that it was sealed with is gone,
/// and nothing else of the booking depends on it.
pub fn open(sealer: &Sealer, message: &mut impl Plates) {
    message.each_plate(&mut |plate| {
        *plate = sealer.open_text(SEALED_AS, plate).unwrap_or_else(|error| {
            tracing::error!(%error, "a plate does not open");
            String::new()
        });
    });
}

macro_rules! requests {
    ($($message:ident)*) => {$(
        impl Plates for proto::$message {
            fn each_plate(&mut self, act: &mut dyn FnMut(&mut String)) {
                act(&mut self.plate);
            }
        }
    )*};
}

macro_rules! answers {
    ($($field:ident: $($message:ident)*;)*) => {$($(
        impl Plates for proto::$message {
            fn each_plate(&mut self, act: &mut dyn FnMut(&mut String)) {
                self.$field.iter_mut().for_each(|inside| act(&mut inside.plate));
            }
        }
    )*)*};
}

requests! {
    HoldSpotRequest ReserveTicketRequest CreateBookingRequest CreateBookingSeriesRequest
    StartWalkInRequest JoinWaitlistRequest
}

answers! {
    booking: HoldSpotResponse ReserveTicketResponse ConfirmBookingResponse CreateBookingResponse
        StartWalkInResponse CancelBookingResponse ExtendBookingResponse MoveBookingResponse
        ClaimSpotResponse CheckInResponse EndSessionResponse GetBookingResponse
        WatchBookingResponse SeriesOccurrence RedeemPromoCodeResponse ValidateParkingResponse;
    bookings: ListBookingsResponse;
    entry: JoinWaitlistResponse LeaveWaitlistResponse;
    entries: ListWaitlistResponse;
}

impl Plates for proto::CreateBookingSeriesResponse {
    fn each_plate(&mut self, act: &mut dyn FnMut(&mut String)) {
        self.occurrences.iter_mut().for_each(|occurrence| occurrence.each_plate(act));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use parkmesh_platform::fault::Fault;

    use super::*;

    #[test]
    fn a_plate_is_sealed_as_it_is_kept_and_opens_in_the_answer() {
        let sealer = Sealer::default();
        let ask = |plate: &str| {
            let mut request =
                proto::HoldSpotRequest { plate: plate.to_owned(), ..Default::default() };
            seal(&sealer, &mut request).map(|()| request.plate)
        };
        let sealed = ask(" b-xy 1 ").unwrap();
        assert!(Sealer::is_sealed(&sealed) && sealed == ask("B-XY 1").unwrap());
        assert_eq!(ask("").unwrap(), "");
        assert_eq!(ask("B\n1").unwrap_err().reason(), "ARGUMENT_INVALID");
        let booking = proto::Booking { plate: sealed, ..Default::default() };
        let before = proto::Booking { plate: "B-OLD 1".to_owned(), ..Default::default() };
        let mut answer =
            proto::ListBookingsResponse { bookings: vec![booking, before], ..Default::default() };
        open(&sealer, &mut answer);
        let plates: Vec<_> = answer.bookings.into_iter().map(|booking| booking.plate).collect();
        assert_eq!(plates, ["B-XY 1", "B-OLD 1"], "also one of before anything was sealed");
    }
}
