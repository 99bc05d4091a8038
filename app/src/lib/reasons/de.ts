import type { Reasons } from ".";

export const german: Reasons = {
  OFFLINE: ["Sie sind offline.", "Nichts ist verloren. Versuchen Sie es wieder, wenn das Netz zurück ist."],
  UNKNOWN: ["Etwas ist schiefgegangen.", "Versuchen Sie es noch einmal; nichts geschieht doppelt."],
  CANCELED: ["Das wurde unterbrochen.", "Versuchen Sie es noch einmal."],
  UNAVAILABLE: [
    "Parkmesh ist gerade nicht erreichbar.",
    "Versuchen Sie es gleich wieder; nichts geschieht doppelt.",
  ],
  DEADLINE_EXCEEDED: [
    "Die Antwort dauert zu lange.",
    "Versuchen Sie es noch einmal; nichts geschieht doppelt.",
  ],
  INTERNAL: ["Das war unser Fehler.", "Versuchen Sie es gleich wieder; nichts geschieht doppelt."],
  INVALID_ARGUMENT: ["Im Formular stimmt etwas nicht.", "Berichtigen Sie die markierten Felder."],
  NOT_FOUND: ["Das gibt es hier nicht.", "Vielleicht ist es weg oder gehört zu einem anderen Konto."],
  PERMISSION_DENIED: ["Ihr Konto darf das nicht.", "Melden Sie sich mit einem anderen an."],
  RESOURCE_EXHAUSTED: ["Das war zu viel auf einmal.", "Warten Sie kurz, dann noch einmal."],
  UNAUTHENTICATED: ["Sie sind nicht angemeldet.", "Melden Sie sich an, um weiterzumachen."],
  ABORTED: ["Inzwischen hat sich etwas geändert.", "Sehen Sie noch einmal nach, dann noch ein Versuch."],

  SERVICE_AWAY: [
    "Ein Teil von Parkmesh ist weg.",
    "Versuchen Sie es gleich wieder; nichts geschieht doppelt.",
  ],
  SERVICE_BROKE_OFF: ["Die Antwort brach ab.", "Versuchen Sie es noch einmal; nichts geschieht doppelt."],
  SERVICE_FULL: ["Gerade sind sehr viele Leute hier.", "Versuchen Sie es gleich wieder."],
  OVERLOADED: ["Gerade sind sehr viele Leute hier.", "Versuchen Sie es gleich wieder."],
  RATE_LIMITED: ["Das war zu viel auf einmal.", "Warten Sie kurz, dann noch einmal."],
  TOKEN_EXPIRED: ["Ihre Anmeldung ist abgelaufen.", "Melden Sie sich neu an; was Sie sehen, bleibt."],
  TOKEN_INVALID: ["Ihre Anmeldung wird nicht anerkannt.", "Melden Sie sich neu an."],
  TOKEN_MISSING: ["Sie sind nicht angemeldet.", "Melden Sie sich an, um weiterzumachen."],
  SCOPE_MISSING: ["Ihr Konto darf das nicht.", "Melden Sie sich mit einem anderen an."],
  STORE_BUSY: ["Jemand war an derselben Stelle schneller.", "Noch einmal; nichts geschieht doppelt."],
  STORE_TIMEOUT: ["Die Antwort dauert zu lange.", "Versuchen Sie es noch einmal; nichts geschieht doppelt."],
  STORE_UNAVAILABLE: [
    "Ein Teil von Parkmesh ist weg.",
    "Versuchen Sie es gleich wieder; nichts geschieht doppelt.",
  ],
  ARGUMENT_INVALID: ["Im Formular stimmt etwas nicht.", "Berichtigen Sie die markierten Felder."],
  LOT_NOT_FOUND: ["Dieses Parkhaus gibt es nicht.", "Suchen Sie ein anderes."],
  PICTURE_NOT_READY: ["Wir zählen die freien Plätze noch.", "Das dauert ein paar Sekunden."],
  REQUEST_IN_FLIGHT: ["Das läuft noch.", "Warten Sie kurz, dann noch einmal."],

  SPOT_TAKEN: ["Jemand war schneller: Der Platz ist vergeben.", "Wählen Sie einen anderen."],
  SPOT_VERSION_STALE: [
    "Der Platz hat sich seit Ihrem Blick geändert.",
    "Sehen Sie noch einmal hin und wählen Sie neu.",
  ],
  SPOT_NOT_FOUND: ["Diesen Platz gibt es nicht.", "Wählen Sie einen anderen."],
  SPOT_CLOSED: ["Der Platz ist dann gesperrt.", "Wählen Sie einen anderen Platz oder eine andere Zeit."],
  SPOT_OUT_OF_SERVICE: ["Der Platz ist außer Betrieb.", "Wählen Sie einen anderen."],
  SOLD_OUT: ["Davon ist dann nichts frei.", "Andere Zeit, andere Art – oder auf die Warteliste."],
  WINDOW_PAST: ["Diese Zeit ist vorbei.", "Wählen Sie einen späteren Beginn."],
  WINDOW_INVALID: [
    "Solche Zeiten nimmt das Parkhaus nicht.",
    "Wählen Sie einen kürzeren oder längeren Aufenthalt.",
  ],
  WINDOW_OUTSIDE_OPENING_HOURS: ["Das Parkhaus ist dann zu.", "Wählen Sie eine Zeit in den Öffnungszeiten."],
  TOO_MANY_HOLDS: [
    "Sie halten hier so viele Plätze, wie Sie dürfen.",
    "Bezahlen Sie einen oder geben Sie einen zurück.",
  ],
  HOLD_CHURN_EXCEEDED: [
    "Sie haben hier viele Plätze ohne Bezahlung gehalten.",
    "Bezahlen Sie einen, oder kommen Sie später.",
  ],
  PERMIT_REQUIRED: [
    "Dieser Platz ist für Menschen mit Parkausweis.",
    "Geben Sie ihn an, oder wählen Sie einen anderen.",
  ],
  GUEST_HAS_BOOKING: [
    "Sie haben schon eine Buchung.",
    "Melden Sie sich für eine weitere mit einem Konto an.",
  ],
  HOLD_EXPIRED: [
    "Die Zeit zum Bezahlen ist um, der Platz ist wieder frei.",
    "Reservieren Sie neu; es wurde nichts belastet.",
  ],

  PAYMENT_DECLINED: ["Die Karte wurde abgelehnt.", "Der Platz ist noch Ihrer: Nehmen Sie eine andere Karte."],
  PAYMENT_UNKNOWN: ["Die Bank hat noch nicht geantwortet.", "Noch einmal; es wird nicht doppelt belastet."],
  PAYMENT_METHOD_UNKNOWN: ["Die Karte ist nicht bekannt.", "Fügen Sie die Karte neu hinzu."],
  PAYMENT_METHOD_NOT_FOUND: ["Diese Karte ist nicht hinterlegt.", "Wählen Sie eine andere."],
  PAYMENT_METHOD_LIMIT_REACHED: ["Sie haben so viele Karten, wie Sie dürfen.", "Entfernen Sie zuerst eine."],
  CARD_NUMBER_REFUSED: [
    "Tippen Sie hier nie eine Kartennummer.",
    "Nehmen Sie das Kennzeichen des Anbieters.",
  ],
  PROVIDER_UNAVAILABLE: ["Der Zahlungsanbieter ist weg.", "Versuchen Sie es gleich wieder."],
  PROMO_CODE_INVALID: ["Dieser Code gilt hier nicht.", "Prüfen Sie die Schreibweise, und für wann er gilt."],
  PROMO_CODE_USED_UP: [
    "Dieser Code wurde so oft benutzt, wie er darf.",
    "Nehmen Sie einen anderen, oder zahlen Sie ohne.",
  ],
  PROMO_CODE_PRESENT: ["Ein Code ist schon eingelöst.", "Je Buchung gilt ein Code."],
  PROMO_CODE_TAKEN: [
    "Diesen Code hat das Parkhaus schon.",
    "Wählen Sie einen anderen, oder beenden Sie jenen.",
  ],
  VALIDATION_INVALID: ["Dieser Händler übernimmt gerade kein Parken.", "Wählen Sie einen anderen."],
  VALIDATION_USED_UP: ["Dieser Händler hat so viel übernommen wie an einem Tag.", "Morgen geht es wieder."],
  VALIDATION_PRESENT: ["Dieser Händler hat die Buchung schon übernommen.", "Es ist nichts zu tun."],
  DISCOUNT_NOT_FOUND: ["Einen solchen Rabatt gibt es nicht.", "Er kann von einem anderen Parkhaus sein."],
  NOTHING_TO_PAY: ["Es gibt nichts zu zahlen.", "Es ist nichts zu tun."],
  PAYMENT_UNDERWAY: ["Eine Zahlung läuft gerade.", "Warten Sie auf die Antwort der Bank."],
  RECEIPT_NOT_FOUND: [
    "Es gibt noch keine Quittung.",
    "Sie kommt nach dem Aufenthalt, wenn das Geld abgebucht ist.",
  ],

  BOOKING_NOT_FOUND: ["Diese Buchung gibt es nicht.", "Vielleicht gehört sie zu einem anderen Konto."],
  BOOKING_STATE_WRONG: ["Die Buchung steht nicht mehr so.", "Sehen Sie, wie sie jetzt steht."],
  ARRIVAL_TOO_EARLY: ["Für die Ankunft ist es zu früh.", "Kommen Sie näher am Beginn wieder."],
  CHANGE_LAPSED: ["Die Änderung hat zu lange gedauert.", "Noch einmal; es wurde nichts belastet."],
  TICKET_FIXED: ["Ein Ticket kann nicht geändert werden.", "Geben Sie es zurück und nehmen Sie ein anderes."],
  DRIVE_UP_NOT_ALLOWED: [
    "Dieses Parkhaus nimmt keine Autos ohne Buchung.",
    "Reservieren Sie, oder gehen Sie zum Automaten.",
  ],

  WAITLIST_NOT_NEEDED: ["Es gibt freie Plätze: kein Warten nötig.", "Reservieren Sie jetzt einen."],
  WAITLIST_FULL: ["Die Warteliste ist voll.", "Andere Zeit, andere Art oder ein anderes Parkhaus."],
  WAITLIST_ENTRY_NOT_FOUND: ["Sie stehen nicht in dieser Schlange.", "Sehen Sie Ihre Warteliste an."],
  WAITLIST_STATE_WRONG: ["Ihr Platz in der Schlange hat sich geändert.", "Sehen Sie, wie er jetzt steht."],
  TOO_MANY_WAITS: ["Sie warten hier in so vielen Schlangen, wie Sie dürfen.", "Verlassen Sie zuerst eine."],
  PREFERENCES_VERSION_STALE: [
    "Ihre Einstellungen wurden anderswo geändert.",
    "Sehen Sie sie noch einmal an, dann speichern.",
  ],
  USER_HAS_LIVE_BOOKINGS: ["Sie haben noch Buchungen.", "Stornieren oder beenden Sie sie zuerst."],
};
