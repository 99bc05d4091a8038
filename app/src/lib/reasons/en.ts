import type { Reasons } from ".";

export const english: Reasons = {
  // Without a reason of ours: by the code, or by what the browser knows.
  OFFLINE: ["You are offline.", "Nothing is lost. Try again when the network is back."],
  UNKNOWN: ["Something went wrong.", "Try again; nothing is done twice."],
  CANCELED: ["That was interrupted.", "Try again."],
  UNAVAILABLE: ["Parkmesh cannot be reached just now.", "Try again in a moment; nothing is done twice."],
  DEADLINE_EXCEEDED: ["The answer takes too long.", "Try again; nothing is done twice."],
  INTERNAL: ["That was our mistake.", "Try again in a moment; nothing is done twice."],
  INVALID_ARGUMENT: ["Something in the form is not right.", "Correct the marked fields."],
  NOT_FOUND: ["This is not here.", "It may be gone, or belong to another account."],
  PERMISSION_DENIED: ["Your account may not do this.", "Sign in with another account."],
  RESOURCE_EXHAUSTED: ["That was too much at once.", "Wait a moment, then try again."],
  UNAUTHENTICATED: ["You are not signed in.", "Sign in to go on."],
  ABORTED: ["Something changed meanwhile.", "Look again, then try once more."],

  // Everywhere.
  SERVICE_AWAY: ["A part of Parkmesh is away.", "Try again in a moment; nothing is done twice."],
  SERVICE_BROKE_OFF: ["The answer broke off.", "Try again; nothing is done twice."],
  SERVICE_FULL: ["Very many people are here just now.", "Try again in a moment."],
  OVERLOADED: ["Very many people are here just now.", "Try again in a moment."],
  RATE_LIMITED: ["That was too much at once.", "Wait a moment, then try again."],
  TOKEN_EXPIRED: ["Your sign-in has ended.", "Sign in again; what you see stays."],
  TOKEN_INVALID: ["Your sign-in is not accepted.", "Sign in again."],
  TOKEN_MISSING: ["You are not signed in.", "Sign in to go on."],
  SCOPE_MISSING: ["Your account may not do this.", "Sign in with another account."],
  STORE_BUSY: ["Somebody else was faster at the same place.", "Try again; nothing is done twice."],
  STORE_TIMEOUT: ["The answer takes too long.", "Try again; nothing is done twice."],
  STORE_UNAVAILABLE: ["A part of Parkmesh is away.", "Try again in a moment; nothing is done twice."],
  ARGUMENT_INVALID: ["Something in the form is not right.", "Correct the marked fields."],
  LOT_NOT_FOUND: ["There is no such car park.", "Search for another one."],
  PICTURE_NOT_READY: ["We are still counting the free places.", "It takes a few seconds."],
  REQUEST_IN_FLIGHT: ["This is still under way.", "Wait a moment, then try again."],

  // Finding and holding.
  SPOT_TAKEN: ["Somebody was faster: this spot is taken.", "Choose another one."],
  SPOT_VERSION_STALE: ["The spot has changed since you looked.", "Look again and choose anew."],
  SPOT_NOT_FOUND: ["There is no such spot.", "Choose another one."],
  SPOT_CLOSED: ["The spot is closed at that time.", "Choose another spot or time."],
  SPOT_OUT_OF_SERVICE: ["The spot is out of service.", "Choose another one."],
  SOLD_OUT: [
    "Nothing of that kind is free at that time.",
    "Choose another time or kind, or join the waitlist.",
  ],
  WINDOW_PAST: ["That time is over.", "Choose a later start."],
  WINDOW_INVALID: ["The car park does not take such times.", "Choose a shorter or longer stay."],
  WINDOW_OUTSIDE_OPENING_HOURS: ["The car park is closed then.", "Choose a time within its opening hours."],
  TOO_MANY_HOLDS: ["You keep as many spots here as you may.", "Pay for one, or give one back."],
  HOLD_CHURN_EXCEEDED: ["You have held many spots here without paying.", "Pay for one, or come back later."],
  PERMIT_REQUIRED: [
    "This spot is for holders of a disability permit.",
    "Say that you have one, or choose another.",
  ],
  GUEST_HAS_BOOKING: ["You have a booking already.", "Sign in with an account for another one."],
  HOLD_EXPIRED: ["Your time to pay is over, the spot is free again.", "Reserve again; nothing was charged."],

  // Paying.
  PAYMENT_DECLINED: ["The card was declined.", "The spot is still yours: try another card."],
  PAYMENT_UNKNOWN: ["The bank has not answered yet.", "Try again; you will not be charged twice."],
  PAYMENT_METHOD_UNKNOWN: ["The card is not known.", "Add the card anew."],
  PAYMENT_METHOD_NOT_FOUND: ["This card is not on file.", "Choose another one."],
  PAYMENT_METHOD_LIMIT_REACHED: ["You have as many cards as you may.", "Take one off first."],
  CARD_NUMBER_REFUSED: ["Never type a card number here.", "Use the provider's token of the card."],
  PROVIDER_UNAVAILABLE: ["The payment provider is away.", "Try again in a moment."],
  RECEIPT_NOT_FOUND: ["There is no receipt yet.", "It comes when the money is taken, soon after your stay."],

  // The stay.
  BOOKING_NOT_FOUND: ["There is no such booking.", "It may belong to another account."],
  BOOKING_STATE_WRONG: ["The booking does not stand like that any more.", "See how it stands now."],
  ARRIVAL_TOO_EARLY: ["It is too early to arrive.", "Come back nearer to the start."],
  CHANGE_LAPSED: ["The change took too long.", "Try again; nothing was charged."],
  TICKET_FIXED: ["A ticket cannot be changed.", "Give it back and take another one."],
  DRIVE_UP_NOT_ALLOWED: ["This car park takes no cars without a booking.", "Reserve, or go to the kiosk."],

  // Waiting.
  WAITLIST_NOT_NEEDED: ["There are free places: no need to wait.", "Reserve one now."],
  WAITLIST_FULL: ["The waitlist is full.", "Choose another time, kind or car park."],
  WAITLIST_ENTRY_NOT_FOUND: ["You are not in this line.", "See your waitlist."],
  WAITLIST_STATE_WRONG: ["Your place in line has changed.", "See how it stands now."],
  TOO_MANY_WAITS: ["You wait in as many lines here as you may.", "Leave one first."],
  PREFERENCES_VERSION_STALE: ["Your settings were changed elsewhere.", "Look at them again, then save."],
  USER_HAS_LIVE_BOOKINGS: ["You still have bookings.", "Cancel or end them first."],
};
