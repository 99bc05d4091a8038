//! The lines of a record. Instants are microseconds since the record began, on the recorder's monotonic clock; what the
//! server says in its own time is brought to it.

use parkmesh_contracts::booking::v1::BookingState;

/// Where no spot or pool is named.
pub const NONE: u32 = u32::MAX;
/// The return of a call that never came back.
pub const NEVER: i64 = i64::MAX;

/// A UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub u64, pub u64);

impl Id {
    /// No id.
    pub const NONE: Self = Self(0, 0);

    /// From the number of a UUID.
    pub const fn of(number: u128) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "its lower half")]
        Self((number >> 64) as u64, number as u64)
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (a, b) = (self.0, self.1);
        let (high, mid, low) = (a >> 32, (a >> 16) & 0xffff, a & 0xffff);
        write!(f, "{high:08x}-{mid:04x}-{low:04x}-{:04x}-{:012x}", b >> 48, b & 0xffff_ffff_ffff)
    }
}

/// Half-open: `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Its first instant.
    pub start: i64,
    /// The first instant after it.
    pub end: i64,
}

impl Span {
    /// From one instant to another.
    pub const fn new(start: i64, end: i64) -> Self {
        Self { start, end }
    }

    /// Whether both have an instant in common.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$line:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$line])* $variant,)+ }

        impl $name {
            /// All of them, by number.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The one of this number.
            pub fn of(number: u8) -> Option<Self> {
                Self::ALL.get(usize::from(number)).copied()
            }
        }
    };
}

numbered! {
    /// What was called.
    Op {
        /// HoldSpot.
        Hold,
        /// CreateBooking.
        Create,
        /// ConfirmBooking.
        Confirm,
        /// CancelBooking.
        Cancel,
        /// CheckIn.
        CheckIn,
        /// EndSession.
        End,
        /// GetBooking, or a line of ListBookings.
        Get,
        /// SetSpotStatus by the operator.
        SpotStatus,
        /// StartWalkIn.
        WalkIn,
        /// ExtendBooking.
        Extend,
        /// MoveBooking.
        Move,
        /// ClaimSpot.
        Claim,
    }
}

numbered! {
    /// How it ended.
    Outcome {
        /// Acknowledged.
        Done,
        /// Refused with a reason; nothing was changed.
        Refused,
        /// Nobody knows whether it was done.
        Unknown,
    }
}

numbered! {
    /// Why it was refused, or why its outcome is not known.
    Reason {
        /// None.
        None,
        /// SPOT_TAKEN.
        SpotTaken,
        /// SOLD_OUT.
        SoldOut,
        /// TOO_MANY_HOLDS.
        TooManyHolds,
        /// SPOT_VERSION_STALE.
        SpotVersionStale,
        /// SPOT_OUT_OF_SERVICE.
        SpotOutOfService,
        /// HOLD_EXPIRED.
        HoldExpired,
        /// BOOKING_STATE_WRONG; the state stands in [`Call::state`].
        StateWrong,
        /// BOOKING_NOT_FOUND.
        NotFound,
        /// ARRIVAL_TOO_EARLY.
        TooEarly,
        /// REQUEST_ID_REUSED.
        RequestIdReused,
        /// WINDOW_PAST.
        WindowPast,
        /// INTERNAL, or what cannot be: never justified.
        Internal,
        /// Any other refusal: never justified.
        Other,
        /// UNAVAILABLE.
        Unavailable,
        /// DEADLINE_EXCEEDED or CANCELLED.
        Deadline,
        /// ABORTED: too many wanted the same.
        Busy,
        /// PAYMENT_UNKNOWN.
        PaymentUnknown,
        /// The connection was lost.
        ConnectionLost,
        /// WINDOW_INVALID: a later end that is not later.
        WindowInvalid,
        /// CHANGE_LAPSED: the money for a change came too late.
        ChangeLapsed,
    }
}

impl Op {
    /// Whether it asks for another spot or another window of a booking.
    pub fn moves(self) -> bool {
        matches!(self, Self::Extend | Self::Move | Self::Claim)
    }
}

/// One call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// When it was called.
    pub invoke: i64,
    /// When it came back; [`NEVER`].
    pub ret: i64,
    /// Who called; users have numbers.
    pub client: u32,
    /// What.
    pub op: Op,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The id that the caller gave to the request; [`Id::NONE`] for reads.
    pub request: Id,
    /// Digest of the request without its id.
    pub body: u64,
    /// Digest of the booking in the answer, of all its bytes.
    pub answer: u64,
    /// The booking asked for, or made.
    pub booking: Id,
    /// The spot asked for; [`NONE`].
    pub spot: u32,
    /// The pool asked for; [`NONE`].
    pub pool: u32,
    /// The spot version that the caller saw, 0 for any; of SpotStatus: the new one.
    pub seen: u32,
    /// The window asked for.
    pub window: Span,
    /// The spot in the answer; [`NONE`]. Of SpotStatus: 1 when it is out of service now.
    pub got_spot: u32,
    /// The window in the answer.
    pub kept: Span,
    /// The end of the hold in the answer.
    pub hold_end: i64,
    /// The booking's state in the answer or in the refusal.
    pub state: BookingState,
    /// The booking's version in the answer.
    pub version: u32,
}

impl Call {
    /// A call of which nothing is known yet.
    pub const fn new(client: u32, op: Op, invoke: i64) -> Self {
        Self {
            invoke,
            ret: NEVER,
            client,
            op,
            outcome: Outcome::Unknown,
            reason: Reason::None,
            request: Id::NONE,
            body: 0,
            answer: 0,
            booking: Id::NONE,
            spot: NONE,
            pool: NONE,
            seen: 0,
            window: Span::new(0, 0),
            got_spot: NONE,
            kept: Span::new(0, 0),
            hold_end: 0,
            state: BookingState::Unspecified,
            version: 0,
        }
    }

    /// Whether it was acknowledged.
    pub fn done(&self) -> bool {
        self.outcome == Outcome::Done
    }

    /// Whether it may have changed something. CreateBooking and StartWalkIn have made a hold when they are told that the
    /// hold has ended.
    pub fn may_have_acted(&self) -> bool {
        let hold_left = matches!(self.reason, Reason::HoldExpired | Reason::StateWrong);
        let in_steps = matches!(self.op, Op::Create | Op::WalkIn);
        self.outcome != Outcome::Refused || (in_steps && hold_left)
    }

    /// Whether it asks for a new booking.
    pub fn makes(&self) -> bool {
        matches!(self.op, Op::Hold | Op::Create | Op::WalkIn)
    }

    /// Whether it asks for another spot or another window of a booking.
    pub fn moves(&self) -> bool {
        self.op.moves()
    }

    /// The window that it would keep: of a walk-in and of a claim from now on.
    pub fn wanted(&self, skew_us: i64) -> Span {
        match self.op {
            Op::WalkIn => Span::new(self.invoke - skew_us, self.window.end),
            Op::Claim => Span::new(self.window.start.min(self.invoke - skew_us), self.window.end),
            _ => self.window,
        }
    }

    /// The last instant at which it can have had an effect: what is not known may come later.
    pub fn effect_end(&self) -> i64 {
        if self.outcome == Outcome::Unknown { NEVER } else { self.ret }
    }
}

/// A fact about a booking, as the stream has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// Which booking.
    pub booking: Id,
    /// Its version after the fact.
    pub version: u32,
    /// Number of the state that the fact leads to.
    pub state: u8,
}
