/**
 * Cards of the sandbox, the provider of development (docs/sandbox.md). A provider for real money brings its own
 * form, which gives a token as these are.
 */
export const SANDBOX_CARDS = [
  { token: "pm_card_ok", name: "Visa" },
  { token: "pm_card_mastercard", name: "Mastercard" },
  { token: "pm_card_declined", name: "Declined" },
  { token: "pm_card_insufficient", name: "Declined: too little money" },
  { token: "pm_card_capture_fails", name: "Reserves, then is not charged" },
  { token: "pm_card_action_ok", name: "Asks first, then works" },
  { token: "pm_card_action_fails", name: "Asks first, then fails" },
] as const;
